/** The texts of the view of this moment: a catalogue of their own, loaded with it. */

export const visitors = (n: number): string => (n === 1 ? 'visitor' : 'visitors');
export const views = (n: number): string => (n === 1 ? 'page view' : 'page views');
export const inFive = 'in the last 5 minutes';
export const inThirty = 'in the last 30 minutes';
export const told = (visitors: number, views: number) =>
  `${visitors} ${visitors === 1 ? 'visitor' : 'visitors'} ${inFive}, ${views} ${views === 1 ? 'page view' : 'page views'} ${inThirty}`;
export const minute = 'Minute';
export const ago = (n: number) => (n === 0 ? 'This minute' : n === 1 ? '1 minute ago' : `${n} minutes ago`);
export const first = '30 minutes ago';
export const last = 'now';
export const columnViews = 'Page views';
