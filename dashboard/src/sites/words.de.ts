/** Die Texte aller Websites zusammen auf Deutsch. */

export const together = 'Zusammen';
export const visits = 'Besuche, 7 Tage';
export const before = 'gegenüber den 7 Tagen davor';
export const visitors = 'Besucher, Summe über Websites und Tage';
export const visitorsWhy = 'Wer auf zwei Websites war oder an zwei Tagen kam, zählt zweimal: Nichts verbindet eine Website oder einen Tag mit anderen.';
export const daysWhy = (zones: number) =>
  zones > 1 ? `Die Tage jeder Website enden um ihre eigene Mitternacht (${zones} Zeitzonen): Sie sind nach Datum addiert.` : 'Die Tage jeder Website enden um ihre eigene Mitternacht: Sie sind nach Datum addiert.';
export const chart = 'Besuche aller Websites nach Tag';
export const notWhole = 'Nicht jede Website hat diesen Tag ganz in ihrer Woche';
export const notAll = 'nicht alle Websites';
export const nothingBefore = 'nichts in den 7 Tagen davor';
export const ofSites = (n: number, of: number) => (n === of ? `${of} Websites` : `${n} von ${of} Websites`);
export const withoutSimulated = 'ohne simulierte Vergangenheit';
export const search = 'Websites suchen';
export const found = (n: number) => (n === 1 ? '1 Website' : `${n} Websites`);
export const none = 'Keine Website hat das im Namen.';
export const list = 'Liste der Websites';
export const columns = { name: 'Website', visits: 'Besuche, 7 Tage', change: 'Änderung', visitors: 'Besucher, Tagessumme', live: 'Jetzt' };
export const day = 'Tag';
