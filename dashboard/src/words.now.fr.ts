/** Les textes de la vue de cet instant, en français. */

export const visitors = (n: number) => (n < 2 ? 'visiteur' : 'visiteurs');
export const views = (n: number) => (n < 2 ? 'page vue' : 'pages vues');
export const inFive = 'dans les 5 dernières minutes';
export const inThirty = 'dans les 30 dernières minutes';
export const told = (visitors: number, views: number) =>
  `${visitors} ${visitors < 2 ? 'visiteur' : 'visiteurs'} ${inFive}, ${views} ${views < 2 ? 'page vue' : 'pages vues'} ${inThirty}`;
export const minute = 'Moment';
export const ago = (n: number) => (n === 0 ? 'Cette minute' : n === 1 ? 'il y a 1 minute' : `il y a ${n} minutes`);
export const first = 'il y a 30 minutes';
export const last = 'maintenant';
export const columnViews = 'Pages vues';
