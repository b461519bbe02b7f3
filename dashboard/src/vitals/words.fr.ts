/** Les textes des signaux web, en français. */

export const measures = {
  LCP: ['S’affiche', 'La plus grande partie est là en moins de 2,5 s : bon ; après plus de 4 s : mauvais'],
  INP: ['Répond', 'La réponse la plus lente à un clic ou une touche en moins de 200 ms : bon ; plus de 500 ms : mauvais. Les pages que personne n’a touchées n’y sont pas'],
  CLS: ['Reste stable', 'Le contenu se décale de 0,1 au plus : bon ; de plus de 0,25 : mauvais'],
} as Record<string, [string, string]>;
export const ratings = { good: 'bon', 'needs improvement': 'à améliorer', poor: 'mauvais' } as Record<string, string>;
export const good = (share: string) => `${share} bons`;
export const of = (n: string) => `sur ${n} pages chargées`;
export const none = 'Rien n’a été mesuré pendant cette période.';
export const lead = 'Dit par les navigateurs qui le peuvent, la première fois que la page est quittée ou masquée. Google demande trois quarts de bons ou plus.';
