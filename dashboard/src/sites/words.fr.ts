/** Les textes de tous les sites ensemble, en français. */

export const together = 'Ensemble';
export const visits = 'Visites, 7 jours';
export const before = 'par rapport aux 7 jours précédents';
export const visitors = 'Visiteurs, somme par site et par jour';
export const visitorsWhy = 'Qui est venu sur deux sites, ou deux jours, compte deux fois : rien ne relie un site ou un jour à un autre.';
export const daysWhy = (zones: number) =>
  zones > 1 ? `Les jours de chaque site finissent à son propre minuit (${zones} fuseaux horaires) : ils sont additionnés par date.` : 'Les jours de chaque site finissent à son propre minuit : ils sont additionnés par date.';
export const chart = 'Visites de tous les sites par jour';
export const notWhole = 'Tous les sites n’ont pas ce jour en entier dans leur semaine';
export const notAll = 'pas tous les sites';
export const nothingBefore = 'rien pendant les 7 jours précédents';
export const ofSites = (n: number, of: number) => (n === of ? `${of} sites` : `${n} sites sur ${of}`);
export const withoutSimulated = 'sans historique simulé';
export const search = 'Chercher un site';
export const found = (n: number) => (n === 1 ? '1 site' : `${n} sites`);
export const none = 'Aucun site n’a cela dans son nom.';
export const list = 'Liste des sites';
export const columns = { name: 'Site', visits: 'Visites, 7 jours', change: 'Évolution', visitors: 'Visiteurs, somme par jour', live: 'Maintenant' };
export const day = 'Jour';
