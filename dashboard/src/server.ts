/** Translates what the server says. Pure. */
import { server } from './words.server';

/** `{}` stands for anything in what is said, `{1}` for the first of them in its translation. */
const known = Object.entries(server).map(([theirs, ours]) => {
  const parts = theirs.split('{}').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return [new RegExp(`^${parts.join('(.+)')}$`, 's'), ours] as const;
});

/** What is not known stays as it is. */
export function translate(text: string): string {
  for (const [theirs, ours] of known) {
    const found = theirs.exec(text);
    if (found) return ours.replace(/\{(\d)\}/g, (_, at: string) => found[Number(at)] ?? '');
  }
  return text;
}
