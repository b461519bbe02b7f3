/** The texts of web vitals: a catalogue of its own. */

export const measures = {
  LCP: ['Shows', 'The largest part is there within 2.5 s: good; later than 4 s: poor'],
  INP: ['Answers', 'The slowest answer to a click or key within 200 ms: good; over 500 ms: poor. Pages that nobody touched are not in it'],
  CLS: ['Stands still', 'Layout moves by at most 0.1: good; over 0.25: poor'],
} as Record<string, [string, string]>;
export const ratings = { good: 'good', 'needs improvement': 'needs improvement', poor: 'poor' } as Record<string, string>;
export const good = (share: string) => `${share} good`;
export const of = (n: string) => `of ${n} page loads`;
export const none = 'Nothing measured in this range.';
export const lead = 'Told by browsers that support it, the first time a page is left or hidden. Three quarters or more good is what Google asks for.';
