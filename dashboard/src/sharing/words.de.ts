/** Die Texte des Geteilten auf Deutsch. */
export const sharedBy = (site: string) => `${site}, geteilt`;
export const publicSite = (site: string) => `${site}, öffentlich`;
export const only = 'Nur';
export const until = (day: string) => `Offen bis ${day}`;
export const hourly = 'Bis zur letzten vollen Stunde';
export const passwordTitle = 'Dieser Link hat ein Passwort';
export const open = 'Öffnen';
export const ended = 'Dieser Link ist abgelaufen';
export const nothing = 'Dieser Link öffnet nichts';
export const askOwner = 'Wer ihn gesendet hat, kann einen neuen geben.';

export const title = 'Teilen';
export const lead = 'Was ohne Konto zu sehen ist: nur zum Lesen, und bis zur letzten vollen Stunde.';
export const name = 'Name';
export const what = 'Was';
export const kinds = { link: 'Dashboard, über einen Link', public: 'Dashboard, öffentlich', badge: 'Plakette mit einer Zahl' } as Record<string, string>;
export const view = 'Nur diese Ansicht';
export const viewHint = {
  link: 'Die Adresse einer Ansicht oder ihre Filter: page=/blog/a. Sie lassen sich enger fassen, nie weiter. Mit Zeitraum, Kennzahl und Ereignis öffnet der Link.',
  badge: 'Die Adresse einer Ansicht: ihre Filter, ihr Zeitraum und die Kennzahl des Diagramms, etwa p=7d&m=visitors.',
} as Record<string, string>;
export const password = 'Passwort';
export const passwordHint = 'Freiwillig, mindestens 10 Zeichen';
export const lastDay = 'Letzter Tag';
export const lastDayHint = 'Leer: bis zum Widerruf';
export const frames = 'Seiten, die es einbetten dürfen';
export const framesHint = 'Origins, einer je Zeile, etwa https://www.example.com. Keine darf es, wenn sie hier nicht steht.';
export const make = 'Teilen';
export const once = 'Jetzt kopieren: Der Link wird nur dieses eine Mal gezeigt.';
export const embed = 'Zum Einbetten (theme=dark oder theme=light legt die Farben fest, lang=de die Sprache):';
export const badgeCode = 'Zum Anzeigen:';
export const none = 'Nichts ist geteilt.';
export const columns = ['Name', 'Was', 'Nur', 'Bis'];
export const all = 'alles';
export const forEver = 'zum Widerruf';
export const hasEnded = (day: string) => `endete mit dem ${day}`;
export const locked = 'Passwort';
export const framed = (n: number) => (n === 1 ? '1 Origin bettet es ein' : `${n} Origins betten es ein`);
