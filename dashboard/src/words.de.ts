/** Die Texte der Seite auf Deutsch: neutral, ohne Anrede. */

export const language = 'de' as 'en' | 'de' | 'fr';
export const locale = 'de-DE';
export const amid = (label: string) => label;
export const units = [[1e6, ' Mio.'], [1e9, ' Mrd.']] as [number, string][];
export const hours = ' h';
export const minutes = ' min';
export const seconds = ' s';
export const below = '< ';
export const above = '> ';
export const points = ' Pkt.';
export const fromZero = 'von 0';
export const weekOf = (day: string) => `Woche ab ${day}`;
export const rowNames = {
  Direct: 'Direkt', 'Organic Search': 'Suche', 'Paid Search': 'Bezahlte Suche', 'Organic Social': 'Soziale Netze',
  'Paid Social': 'Bezahlte soziale Netze', 'AI Assistants': 'KI-Assistenten', Email: 'E-Mail', Referral: 'Verweise', Display: 'Display-Werbung',
  Affiliates: 'Partnerprogramme', Video: 'Video', Campaign: 'Kampagne', '(continued)': '(fortgesetzt)',
  desktop: 'Desktop', mobile: 'Smartphone', tablet: 'Tablet', other: 'Sonstige', '(none)': '(ohne)', '(other)': '(weitere)',
} as Record<string, string>;
export const silent = 'Der Server hat nicht geantwortet.';
export const answered = (status: number) => `Der Server hat mit ${status} geantwortet.`;

export const name = 'Mayfly';
export const loading = 'Lädt';
export const working = 'Noch in Arbeit';
export const retry = 'Erneut versuchen';
export const undo = 'Rückgängig';
export const remove = 'Entfernen';
export const cancel = 'Abbrechen';
export const close = 'Schließen';
export const save = 'Speichern';
export const copy = 'Kopieren';
export const copied = 'Kopiert';
export const more = 'Mehr';
export const noAnswer = 'Nach 10 Sekunden keine Antwort.';
export const notLoaded = 'Ein Teil dieser Seite wurde nicht geladen.';
export const asOf = (time: string) => `Zahlen von ${time} Uhr.`;
export const notFound = 'Hier gibt es nichts.';
export const toSites = 'Mayfly, alle Websites';

export const metric = {
  visits: 'Besuche',
  visitors: 'Besucher',
  pageviews: 'Aufrufe',
  views_per_visit: 'Aufrufe je Besuch',
  bounce_rate: 'Absprungrate',
  visit_duration: 'Besuchsdauer',
  events: 'Anzahl',
  event_visits: 'Besuche damit',
  event_visitors: 'Besucher damit',
  event_rate: 'Quote',
  page_visitors: 'Besucher',
  page_visits: 'Besuche',
  exits: 'Ausstiege',
  bounces: 'Absprünge',
  entrants: 'Eingetreten',
  time_on_page: 'Zeit auf der Seite',
  scroll_depth: 'Scrolltiefe',
  value_sum: 'Umsatz',
  share: 'Anteil',
  change: 'Änderung',
} as Record<string, string>;
export const metrics = 'Kennzahl des Diagramms';
export const beforeLabel = 'Zuvor';
export const dailySum = 'Besucher, Tagessumme';
export const dailySumWhy = 'Die Summe der Besucher jedes Tages. Wer an drei Tagen kam, zählt dreimal: Nichts verbindet einen Tag mit dem nächsten.';
export const sum = ', Tagessumme';
export const atLeast = (k: number) => `Ausgewiesen werden hier nur Gruppen ab ${k}: Anzahlen und Quoten sind mindestens so groß.`;
export const beganHere = 'Von Besuchen, die hier begannen';
export const before = (value: string) => `zuvor ${value}`;
export const versus = (range: string) => `verglichen mit ${range}`;
export const noComparison = 'Kein Vergleich';
export const nothingBefore = (range: string) => `für ${range} ist nichts zum Vergleichen gespeichert`;
export const incomplete = 'noch nicht vollständig';
export const twice = ' (diese Stunde kam zweimal)';

export const dimension = {
  page: 'Seite', section: 'Bereich', entry_page: 'Einstiegsseite', exit_page: 'Ausstiegsseite', host: 'Host',
  channel: 'Kanal', source: 'Quelle', utm_campaign: 'Kampagne', utm_medium: 'Medium', utm_source: 'Kampagnenquelle',
  utm_content: 'Inhalt', utm_term: 'Suchbegriff',
  country: 'Land', region: 'Region', city: 'Stadt',
  browser: 'Browser', browser_version: 'Browserversion', os: 'System', os_version: 'Systemversion', device: 'Gerät',
  language: 'Sprache', flow: 'Nächste Seite', event: 'Ereignis', goal: 'Ziel', funnel: 'Trichter',
} as Record<string, string>;
export const tab = {
  page: 'Seiten', section: 'Bereiche', entry_page: 'Einstieg', exit_page: 'Ausstieg', flow: 'Verlauf', event: 'Ereignisse', goal: 'Ziele',
  funnel: 'Trichter', properties: 'Eigenschaften', browser_version: 'Browserversion', os_version: 'Systemversion', map: 'Karte', vitals: 'Web Vitals',
} as Record<string, string>;
export const panel = { sources: 'Quellen', pages: 'Seiten', places: 'Orte', devices: 'Geräte', events: 'Ereignisse' } as Record<string, string>;
export const operator = {
  is: 'ist', is_not: 'ist nicht', contains: 'enthält', contains_not: 'enthält nicht', prefix: 'beginnt mit',
} as Record<string, string>;
export const or = ' oder ';
/** Of the document's title. */
export const screen = {
  sites: 'Alle Websites', setup: 'Einrichtung', settings: 'Einstellungen', privacy: 'Datenschutz', keys: 'API-Schlüssel', account: 'Konto', users: 'Personen',
} as Record<string, string>;

export const period = {
  day: 'Heute', yesterday: 'Gestern', '7d': 'Letzte 7 Tage', '28d': 'Letzte 28 Tage', '30d': 'Letzte 30 Tage',
  '91d': 'Letzte 91 Tage', month: 'Dieser Monat', last_month: 'Letzter Monat', year: 'Dieses Jahr', '12mo': 'Letzte 12 Monate',
  all: 'Alles Gespeicherte',
} as Record<string, string>;
export const days = (n: number) => (n === 1 ? 'Letzter Tag' : `Letzte ${n} Tage`);
export const custom = 'Eigener Zeitraum';
export const from = 'Von';
export const to = 'Bis';
export const apply = 'Anwenden';
export const previousPeriod = 'Voriger Zeitraum';
export const nextPeriod = 'Nächster Zeitraum';
export const periodLabel = 'Zeitraum';
export const compareLabel = 'Vergleich';
export const compare = { prev: 'Voriger Zeitraum', year: 'Ein Jahr zuvor', none: 'Kein Vergleich' } as Record<string, string>;
export const compareShort = { prev: 'zum vorigen', year: 'zum Vorjahr', none: 'Vergleich' } as Record<string, string>;
export const compareCustom = 'zu eigenem';
export const matchWeekday = 'Gleiche Wochentage';
export const matchDate = 'Gleiches Datum';
export const interval = { hour: 'Nach Stunden', day: 'Nach Tagen', week: 'Nach Wochen', month: 'Nach Monaten' } as Record<string, string>;
export const intervalAuto = 'Automatisch';
export const intervalLabel = 'Diagramm';
export const theme = { auto: 'Wie das System', light: 'Hell', dark: 'Dunkel' } as Record<string, string>;
export const themeLabel = 'Farben';
export const languageLabel = 'Sprache';
export const menu = 'Menü';
export const siteLabel = 'Website';
export const setup = 'Einrichtung';
export const settings = 'Einstellungen';
export const privacy = 'Datenschutz';
export const keys = 'API-Schlüssel';
export const account = 'Konto';
export const shortcuts = 'Tastenkürzel';
export const shortcutsOn = 'Kürzel mit einer Taste';
export const allSites = 'Alle Websites';
export const addSite = 'Website hinzufügen';

export const live = (n: number) => `${n} Besucher jetzt`;
export const liveHint = 'Besucher der letzten 5 Minuten';
export const liveTitle = 'Letzte 30 Minuten';
export const liveViews = (n: number) => (n === 1 ? '1 Seitenaufruf' : `${n} Seitenaufrufe`);
export const livePages = 'Seiten heute';
export const liveNone = 'Heute noch kein Seitenaufruf.';

export const zone = (zone: string) => `Tage enden um 00:00 Uhr ${zone}`;
export const openDay = (asOf: string | null) =>
  asOf
    ? `Der heutige Tag ist offen: Kampagnen, Orte und Geräte Stand ${asOf} Uhr; vollständig nach Mitternacht`
    : 'Der heutige Tag ist offen: Kampagnen, Orte und Geräte ab der nächsten vollen Stunde; vollständig nach Mitternacht';
export const groupingOff = 'Die Gruppierung ist für diese Website aus';
export const simulated = 'Simulierte Daten';

export const addFilter = 'Filter';
export const filterBy = 'Filtern nach';
export const filterOperator = 'Wie';
export const filterValue = 'Wert';
export const clearFilters = 'Alle entfernen';
export const filters = 'Filter';
export const replaced = (name: string) => `Ersetzt den Filter auf ${name}: getrennt gespeichert.`;

export const chartOf = (metric: string) => `${metric} im Verlauf`;
export const chartHelp = 'Pfeiltasten bewegen';
export const chartZoom = ', Eingabe zeigt diese Zeit allein';
export const showTable = 'Als Tabelle';
export const showChart = 'Als Diagramm';
export const date = 'Datum';
export const noValue = 'kein Wert';

export const other = (k: number) => (k > 1 ? `Weitere (unter ${k})` : 'Weitere');
export const otherHint = (share: string) => `${share} davon sind nicht nach Zeilen ausgewiesen`;
export const toldAll = 'Alles davon ist nach Zeilen ausgewiesen';
export const overlaps = {
  page: 'Ein Besuch sieht mehrere Seiten: Die Zeilen ergeben zusammen Aufrufe, keine Besuche.',
  section: 'Bereiche überschneiden sich: Ihre Zeilen lassen sich nicht addieren.',
  event: 'Ein Besuch kann mehrere Ereignisse enthalten: Die Zeilen ergeben zusammen Anzahlen, keine Besuche.',
  goal: 'Diese überschneiden sich: Ihre Zeilen lassen sich nicht addieren.',
} as Record<string, string>;
export const transitions = 'Übergänge';
export const share = 'Anteil';
export const newRow = 'neu';
export const underK = (k: number) => `zuvor unter ${k}`;
export const underKOrNone = (k: number) => `unter ${k} oder keine`;
export const details = 'Details';
export const openPage = (name: string) => `${name} in neuem Tab öffnen`;
export const storedApart = 'Getrennt gespeichert: Orte und Geräte erscheinen nur in Gruppen';
export const storedApartWhy = 'Keine gespeicherte Zeile sagt zugleich, woher ein Besuch kam und wo oder womit jemand ihn macht. Darum filtert immer nur eines davon.';
export const why = 'Warum';
export const showInstead = (name: string) => `${name} ohne diesen Filter zeigen`;
export const notCollected = 'Nicht erhoben';
export const notCollectedWhy = 'Diese Website bewahrt es nicht auf.';
export const toSettings = 'In den Einstellungen ändern';
export const emptyRange = 'Nichts in diesem Zeitraum.';
export const noEvents = 'Es ist kein Ereignis deklariert: Gezählt werden nur Aufrufe.';
export const declare = 'In den Einstellungen deklarieren';
export const emptyPanel = 'Hier ist nichts.';
export const lastData = (date: string) => `Letzte Daten: ${date}.`;
export const goThere = 'Dorthin';
export const noMatch = 'Auf die Filter passt in diesem Zeitraum nichts.';
export const nothingEver = 'Es ist noch nichts angekommen.';
export const goSetup = 'Website einrichten';
export const fewTitle = 'Bisher eine kleine Gruppe';
export const few = (k: number, asOf: string | null) =>
  `Orte und Geräte erscheinen in Gruppen ab ${k}, Stand der letzten vollen Stunde${asOf ? ` (${asOf} Uhr)` : ''}. Aufrufe, Seiten und Quellen sofort.`;
export const rejected = (n: string) => `${n} abgewiesen: nicht deklariert`;
export const declareThem = 'Vorschläge ansehen';
export const goalRate = 'Quote';
export const refusedQuestion = 'Das lässt sich nicht beantworten.';
export const badValues = (list: string) => `Nicht verstanden: ${list}`;

export const search = 'Suchen';
export const csv = 'CSV';
export const propertyNeedsEvent = 'Für die Eigenschaften ein Ereignis wählen.';

export const firstRunTitle = 'Willkommen bei Mayfly';
export const firstRunLead = 'Der Server hat beim Start ein Einrichtungs-Token ausgegeben. Wer es hat, kann diese Installation einmalig übernehmen.';
export const claimToken = 'Einrichtungs-Token';
export const yourName = 'Eigener Name';
export const password = 'Passwort';
export const passwordHint = 'Mindestens 10 Zeichen';
export const siteHost = 'Website';
export const siteHostHint = 'Der Host der Website, etwa example.com';
export const timeZone = 'Zeitzone';
export const timeZoneHint = 'In dieser Zone beginnen und enden ihre Tage';
export const create = 'Anlegen';
export const signIn = 'Anmelden';
export const signOut = 'Abmelden';
export const signInTitle = 'Bei Mayfly anmelden';
export const userName = 'Name';

export const setupTitle = 'Das Skript einbauen';
export const setupLead = 'Das gehört in den head jeder Seite. Es setzt kein Cookie und speichert nichts im Browser.';
export const waiting = 'Warten auf das erste Ereignis';
export const waitingHint = 'Eine Seite der Website öffnen: Sie erscheint hier binnen Sekunden.';
export const arrived = 'Das erste Ereignis ist da';
export const arrivedHint = 'Ab hier zählt Mayfly.';
export const openDashboard = 'Dashboard öffnen';
export const causes = 'Noch nichts. Die üblichen Gründe:';
export const rejectedToday = 'Heute abgewiesen';
export const receivedNothing = 'Der Server hat heute keine Anfrage für diese Website erhalten.';

export const visits7 = 'Besuche, 7 Tage';
export const noSites = 'Noch keine Website.';
export const missingNodes = (nodes: number[]) => `Ohne Sammler ${nodes.join(', ')}: gerade keine Antwort`;
export const host = 'Host';

export const keysTitle = 'API-Schlüssel';
export const keysLead = 'Ein Schlüssel beantwortet Berichte einer Website. Der Umfang staff liest auch die offene Stunde und die Live-Zahl.';
export const keyName = 'Name';
export const keyScope = 'Umfang';
export const keyOnce = 'Jetzt kopieren: Er wird nur dieses eine Mal gezeigt.';
export const revoke = 'Widerrufen';
export const noKeys = 'Keine Schlüssel.';
