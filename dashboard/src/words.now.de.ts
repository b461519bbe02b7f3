/** Die Texte der Ansicht dieses Augenblicks, auf Deutsch. */

export const visitors = (_n: number) => 'Besucher';
export const views = (n: number) => (n === 1 ? 'Seitenaufruf' : 'Seitenaufrufe');
export const inFive = 'in den letzten 5 Minuten';
export const inThirty = 'in den letzten 30 Minuten';
export const told = (visitors: number, views: number) =>
  `${visitors} Besucher ${inFive}, ${views} ${views === 1 ? 'Seitenaufruf' : 'Seitenaufrufe'} ${inThirty}`;
export const minute = 'Zeit';
export const ago = (n: number) => (n === 0 ? 'Diese Minute' : n === 1 ? 'vor 1 Minute' : `vor ${n} Minuten`);
export const first = 'vor 30 Minuten';
export const last = 'jetzt';
export const columnViews = 'Seitenaufrufe';
