/** Les textes de ce qui est partagé, en français. */
export const sharedBy = (site: string) => `${site}, partagé`;
export const publicSite = (site: string) => `${site}, public`;
export const only = 'Seulement';
export const until = (day: string) => `Ouvert jusqu’au ${day}`;
export const hourly = 'Jusqu’à la dernière heure pleine';
export const passwordTitle = 'Ce lien a un mot de passe';
export const open = 'Ouvrir';
export const ended = 'Ce lien a expiré';
export const nothing = 'Ce lien n’ouvre rien';
export const askOwner = 'La personne qui l’a envoyé peut en donner un nouveau.';

export const title = 'Partage';
export const lead = 'Ce que voient les personnes sans compte : en lecture seule, et jusqu’à la dernière heure pleine.';
export const name = 'Nom';
export const what = 'Quoi';
export const kinds = { link: 'Tableau de bord, par un lien', public: 'Tableau de bord, public', badge: 'Badge avec un chiffre' } as Record<string, string>;
export const view = 'Seulement cette vue';
export const viewHint = {
  link: 'L’adresse d’une vue, ou ses filtres : page=/blog/a. On peut les resserrer, jamais les élargir. Le lien s’ouvre avec sa période, sa mesure et son événement.',
  badge: 'L’adresse d’une vue : ses filtres, sa période et la mesure du graphique, par exemple p=7d&m=visitors.',
} as Record<string, string>;
export const password = 'Mot de passe';
export const passwordHint = 'Facultatif, au moins 10 caractères';
export const lastDay = 'Dernier jour';
export const lastDayHint = 'Vide : jusqu’à la révocation';
export const frames = 'Pages autorisées à l’intégrer';
export const framesHint = 'Des origines, une par ligne, par exemple https://www.example.com. Aucune autre ne le peut.';
export const make = 'Partager';
export const once = 'À copier maintenant : le lien n’est montré que cette fois.';
export const embed = 'Pour l’intégrer (theme=dark ou theme=light fixe ses couleurs, lang=fr sa langue) :';
export const badgeCode = 'Pour l’afficher :';
export const none = 'Rien n’est partagé.';
export const columns = ['Nom', 'Quoi', 'Seulement', 'Jusqu’au'];
export const all = 'tout';
export const forEver = 'révocation';
export const hasEnded = (day: string) => `terminé le ${day}`;
export const locked = 'mot de passe';
export const framed = (n: number) => (n < 2 ? `${n} origine l’intègre` : `${n} origines l’intègrent`);
