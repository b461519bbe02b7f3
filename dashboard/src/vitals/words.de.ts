/** Die Texte der Web Vitals auf Deutsch. */

export const measures = {
  LCP: ['Zeigt sich', 'Der größte Teil ist innerhalb von 2,5 s da: gut; nach mehr als 4 s: schlecht'],
  INP: ['Antwortet', 'Die langsamste Antwort auf Klick oder Taste innerhalb von 200 ms: gut; über 500 ms: schlecht. Seiten, die niemand berührt hat, sind nicht dabei'],
  CLS: ['Steht ruhig', 'Der Inhalt springt um höchstens 0,1: gut; um mehr als 0,25: schlecht'],
} as Record<string, [string, string]>;
export const ratings = { good: 'gut', 'needs improvement': 'verbesserungsbedürftig', poor: 'schlecht' } as Record<string, string>;
export const good = (share: string) => `${share} gut`;
export const of = (n: string) => `von ${n} Seitenaufrufen`;
export const none = 'In diesem Zeitraum wurde nichts gemessen.';
export const lead = 'Gesagt von Browsern, die es können, sobald eine Seite zum ersten Mal verlassen oder verdeckt wird. Google verlangt drei Viertel oder mehr gute.';
