/** Die Texte des zweiten Skripts auf Deutsch. */

export const shortcutList = [
  ['D', 'Heute'], ['E', 'Gestern'], ['R', 'Jetzt gerade'], ['W', 'Letzte 7 Tage'], ['F', 'Letzte 28 Tage'], ['T', 'Letzte 30 Tage'],
  ['N', 'Letzte 91 Tage'], ['M', 'Dieser Monat'], ['P', 'Letzter Monat'], ['Y', 'Dieses Jahr'], ['L', 'Letzte 12 Monate'],
  ['A', 'Alles Gespeicherte'], ['C', 'Eigener Zeitraum'], ['← →', 'Voriger, nächster Zeitraum'], ['I', 'Schritte des Diagramms'], ['X', 'Vergleich'],
  ['1–9', 'Website'], ['/', 'Suchen, filtern'], ['Esc', 'Schließen, sonst Filter entfernen'], ['?', 'Diese Liste'],
] as [string, string][];
export const outcome = {
  bot: 'bekannter Bot', gpc: 'widerspricht (Global Privacy Control oder Do Not Track)', opted_out: 'hat widersprochen', excluded: 'eigener Zugriff, ausgenommen',
  unknown_site: 'unbekannte Website', host_not_allowed: 'der Host der Seite gehört nicht zu dieser Website', undeclared_event: 'Ereignis nicht deklariert',
  no_visit: 'Beteiligung ohne Besuch', rate_limited: 'zu viele von einer Adresse', malformed: 'fehlerhaft',
  too_large: 'zu groß', overloaded: 'überlastet', late: 'der Tag war abgeschlossen', spam: 'Spam-Verweis', ignored: 'zählt mit Absicht nicht',
} as Record<string, string>;
export const noScript = 'Für Browser ohne Skript';
export const noScriptHint = 'Gehört in den body, mit dem Pfad der Seite anstelle von PATH. Zählt nur Aufrufe.';
export const optOut = 'Ein Link für Besucher, die widersprechen';
export const optOutWorks = 'Diese Seite in der Datenschutzerklärung verlinken. Browser senden die Wahl von jeder Seite dieser Website mit.';
export const optOutFails = 'Diese Website hat Seiten unter einer anderen Domain als dieser Server; von dort senden Browser die Wahl nicht mit. Stattdessen hilft das Widerspruchsskript (docs/API.md) oder ein Sammler unter der Domain der Website.';
export const causeList = [
  'Die Seite wurde nach dem Einbau nicht neu geladen, oder ein Cache liefert noch die alte.',
  'Der Host der Seite gehört nicht zu den Hosts der Website.',
  'Ein Inhaltsblocker oder eine Content-Security-Policy ohne diesen Server hält das Skript auf.',
  'Der Browser sendet Global Privacy Control oder Do Not Track: Solche Besucher werden nicht gezählt.',
];
export const mapOf = (metric: string) => `Karte der Länder nach ${metric}`;
export const mapHelp = 'Auf ein Land zeigen oder mit den Pfeiltasten bewegen; Eingabe filtert.';
export const notOnMap = (list: string) => `Nicht auf der Karte: ${list}`;
export const p = {
  title: 'Was gespeichert ist',
  lead: (site: string) => `Was es in diesem Moment über Besucher von ${site} gibt, und was ihnen gesagt werden kann.`,
  public: 'Die Seite für Besucher',
  everything: 'Alles herunterladen, was zu dieser Website gespeichert ist:',
  storeTitle: 'In der Datenbank',
  rowsIn: (n: string, a: string, b: string, days: number) => `${n} Zeilen mit Summen, von ${a} bis ${b}, ${days} abgeschlossene${days === 1 ? 'r Tag' : ' Tage'}.`,
  nothing: 'Es ist noch nichts gespeichert.',
  retention: (n: number) => `Aufbewahrt für ${n} ${n === 1 ? 'Monat' : 'Monate'}.`,
  attribute: 'Merkmal',
  columns: ['Zeilen damit', 'Erster Tag', 'Letzter Tag', 'Kleinste Gruppe'],
  people: (n: number) => `${n} Besucher`,
  smallestHint: 'Die kleinste Gruppe ist die kleinste Zahl von Besuchern, die irgendeine Zeile ihrer Art an irgendeinem abgeschlossenen Tag zählt. Zeilen zu Seiten, Quellen, Ereignissen und Verläufen tragen kein Merkmal von Besuchern und brauchen keine Gruppe.',
  names: {
    page: 'Seite, mit ihrer Stunde', source: 'Quelle', utm_source: 'Kampagnenquelle', utm_medium: 'Kampagnenmedium', utm_campaign: 'Kampagne',
    country: 'Land', region: 'Region', city: 'Stadt', browser: 'Browser', browser_version: 'Browserversion', os: 'System',
    os_version: 'Systemversion', device: 'Art des Geräts', language: 'Sprache', event: 'Deklariertes Ereignis', flow: 'Nächste Seite',
  } as Record<string, string>,
  how: {
    page: () => 'allein', source: () => 'allein, jede Quelle',
    visit: (k: number) => (k > 1 ? `in Gruppen, mit denen ${k} Besucher begannen` : 'nicht gruppiert'),
    place: (k: number) => (k > 1 ? `in Gruppen ab ${k}, nach dem Tag` : 'nicht gruppiert'),
    device: (k: number) => (k > 1 ? `in Gruppen ab ${k}, nach dem Tag` : 'nicht gruppiert'),
    language: (k: number) => (k > 1 ? `in Gruppen ab ${k}, nach dem Tag` : 'nicht gruppiert'),
  } as Record<string, (k: number) => string>,
  off: (kept: Record<string, boolean> | object) => {
    const names = { region: 'Region', city: 'Stadt', versions: 'Versionen', language: 'Sprache' };
    const off = Object.entries(names).filter(([key]) => !(kept as Record<string, boolean>)[key]).map(([, name]) => name);
    return off.length ? `Nicht erhoben: ${off.join(', ')}.` : '';
  },
  memoryTitle: 'Jetzt im Arbeitsspeicher',
  open: (day: string, n: number, bytes: string, salt: boolean) =>
    `${day}: ${n} Besucherschlüssel und was sie gesehen haben (${bytes} Byte)${salt ? ', dazu das Salz des Tages' : '; das Salz ist gelöscht'}.`,
  erased: (time: string, zone: string) => `Gelöscht bis ${time} (${zone}).`,
  noDay: 'Kein Tag ist offen: Von Besuchern ist nichts im Arbeitsspeicher.',
  elsewhere: (node: number, day: string) => `Sammler ${node} hält ${day}.`,
  silent: (node: number) => `Sammler ${node} antwortet nicht: Was er hält, ist hier nicht bekannt.`,
  restart: 'Ein Neustart behält Salz und Schlüssel, in einem Verzeichnis im Arbeitsspeicher.',
  noRestart: 'Ein Neustart vergisst Salz und Schlüssel.',
  locked: 'Salze werden nicht ausgelagert.',
  notLocked: 'Das System hat nicht erlaubt, Salze vor dem Auslagern zu schützen.',
  codeTitle: 'Was der Code mit einem Besuch macht',
  code: (settings: { k: number; vitals: boolean; kept: Record<string, boolean> | object; objection: { gpc: boolean; dnt: boolean } }) => {
    const kept = settings.kept as Record<string, boolean>;
    const place = ['Land', kept.region && 'Region', kept.city && 'Stadt'].filter(Boolean).join(', ');
    const signals = [settings.objection.gpc && 'Global Privacy Control', settings.objection.dnt && 'Do Not Track'].filter(Boolean).join(' und ');
    return [
      ['Liest', [
        signals ? `${signals}, vor allem anderen` : 'Kein Signal des Widerspruchs wird beachtet',
        'Netzwerkadresse und User-Agent, während die Anfrage beantwortet wird',
        'Seite, Host des Verweises, Kampagnenangaben, deklarierte Ereignisse, Lesezeit und Scrolltiefe',
        ...(kept.language ? ['Die erste akzeptierte Sprache'] : []),
        ...(settings.vitals ? ['Wie bald die Seite sich zeigte, antwortete und ruhig stand, als gut, verbesserungsbedürftig oder schlecht'] : []),
      ]],
      ['Behält', [
        'Summen nach Seite und Stunde',
        'Summen nach Quelle und Kampagne',
        `Summen nach ${place}`,
        `Summen nach Browser, System und Art des Geräts${kept.versions ? ', mit Versionen' : ''}`,
        ...(kept.language ? ['Summen nach Sprache'] : []),
      ]],
      ['Behält nie', [
        'Netzwerkadressen und User-Agents',
        'Cookies, Speicher oder Eigenschaften des Geräts: Das Skript setzt und liest keine',
        'Kennungen von Besuchern, gleich welcher Länge',
        'Zwei von Stunde, Quelle, Ort und Gerät in einer Zeile',
        'Etwas, das einen Tag mit dem nächsten verbindet',
      ]],
    ] as [string, string[]][];
  },
  ledgerTitle: 'Die Bilanz: was aus jeder Anfrage wurde',
  ledger: (n: string, a: string, b: string) => `${n} Anfragen, ${a} bis ${b}.`,
  objectors: (n: string) => `Widersprüche zählen in einer Zeile für alle Websites dieses Servers: ${n} vor heute.`,
  outcome: 'Ergebnis',
  requests: 'Anfragen',
  accepted: { accepted: 'gezählt' } as Record<string, string>,
  verifyTitle: 'Letzte Überprüfung',
  notVerified: 'Es wurde noch nichts überprüft. Der Server sieht einmal am Tag nach; sofort geht es mit',
  results: { ok: 'In Ordnung', warning: 'Warnung', breach: 'Verletzung', not_seen: 'Nicht gesehen' } as Record<string, string>,
  verified: (at: string, by: string) => `${at}, durch ${by}.`,
  verifyHint: 'Der ganze Bericht, zum Ablegen:',
  policyTitle: 'Der Text für Besucher',
  policyHint: 'Aus den geltenden Einstellungen erzeugt. Die gekennzeichneten Stellen ausfüllen, auf die Website stellen und neu holen, wenn sich eine Einstellung ändert. Tatsachen, keine Rechtsberatung.',
  language: 'Sprache',
  format: 'Form',
  formats: { markdown: 'Markdown', fragment: 'HTML', text: 'Nur Text', json: 'JSON' },
};
export const keptNames = { region: 'Region', city: 'Stadt', versions: 'Versionen von Browser und System', language: 'Sprache' };
export const stepNames = { page: 'Seite', section: 'Bereich', event: 'Ereignis' };
export const screenNames = { setup: 'Einrichtung', settings: 'Einstellungen', privacy: 'Datenschutz' };
export const s = {
  general: 'Allgemein',
  hosts: 'Hosts',
  hostsHint: 'Einer je Zeile; *.example.com lässt Subdomains zu',
  zone: 'Zeitzone',
  k: 'Gruppengröße k',
  kHint: 'Eine Zeile, die sagt, wo Besucher sind oder was sie benutzen, zählt mindestens so viele. 1 schaltet die Gruppierung aus.',
  midnight: 'Ändert sich ab der nächsten Mitternacht',
  pending: 'Wartet auf Mitternacht:',
  retention: 'Monate der Aufbewahrung',
  retentionHint: 'Ältere freigegebene Zeilen werden gelöscht',
  kept: 'Erhobene Merkmale',
  keptHint: 'Land, Browser, System und Art des Geräts werden immer erhoben',
  region: 'Region',
  city: 'Stadt',
  versions: 'Versionen von Browser und System',
  language: 'Sprache',
  objection: 'Beachtete Widersprüche',
  gpc: 'Global Privacy Control',
  dnt: 'Do Not Track',
  consent: 'Einwilligung',
  consentNone: 'Wird nicht erfragt',
  consentRequired: 'Erst nach Einwilligung zählen',
  consentHint: 'Ändert das Skript der Einrichtung: Das neue gehört dann in die Seiten',
  vitals: 'Web Vitals',
  vitalsHint: 'Wie bald Seiten sich zeigen, antworten und ruhig stehen: gut, verbesserungsbedürftig oder schlecht. Ein zweites Skript der Einrichtung sagt es',
  excluded: 'Eigene Zugriffe, nicht gezählt',
  networks: 'Netze',
  networksHint: 'Eines je Zeile, etwa 192.0.2.0/24',
  exHosts: 'Ausgenommene Hosts',
  exPaths: 'Ausgenommene Pfade',
  paths: 'Pfade',
  parameters: 'Behaltene Parameter der Abfrage',
  parametersHint: 'Einer je Zeile; alle anderen werden entfernt',
  rules: 'Regeln für Pfade',
  rulesHint: 'Eine je Zeile: /user/*/edit -> /user/:id/edit. Die erste passende gilt.',
  sections: 'Bereiche',
  sectionsHint: 'Ein Muster je Zeile, etwa /blog/*. Ein Bereich zählt wie eine eigene Seite.',
  events: 'Ereignisse',
  eventsHint: 'Gezählt wird nur, was hier deklariert ist; alles andere wird ungelesen abgewiesen.',
  eventName: 'Name des Ereignisses',
  interactive: 'Beendet einen Absprung',
  once: 'Einmal je Besuch',
  currency: 'Währung',
  property: 'Eigenschaft',
  addProperty: 'Eigenschaft hinzufügen',
  addEvent: 'Ereignis hinzufügen',
  values: 'Werte',
  valuesHint: 'Durch Kommas getrennt',
  list: 'Liste',
  pattern: 'Muster',
  characters: 'Zeichen',
  min: 'Kürzester',
  max: 'Längster',
  cap: 'Verschiedene am Tag',
  goals: 'Ziele',
  goalName: 'Name des Ziels',
  reachedBy: 'Erreicht durch',
  addGoal: 'Ziel hinzufügen',
  funnels: 'Trichter',
  funnelsHint: '2 bis 8 Schritte, der Reihe nach, innerhalb eines Besuchs. Gezählt wird ab der Deklaration.',
  funnelName: 'Name des Trichters',
  step: 'Schritt',
  addStep: 'Schritt hinzufügen',
  addFunnel: 'Trichter hinzufügen',
  page: 'Seite',
  section: 'Bereich',
  event: 'Ereignis',
  proposals: 'Vorschläge',
  proposalsHint: 'Nicht deklarierte Texte, die heute mindestens k Besucher gesendet haben. Sie sind nur im Arbeitsspeicher und um Mitternacht weg.',
  noProposals: 'Heute keine.',
  declare: 'Deklarieren',
  by: (n: string) => `von ${n} Besuchern`,
};
export const signedInAs = (name: string, role: string) => `Angemeldet als ${name} (${role})`;
export const version = (v: string) => `Mayfly ${v}`;
export const funnelRate = (rate: string) => `${rate} vom ersten bis zum letzten Schritt`;
export const funnelStep = 'des Schritts davor';
export const funnelLeft = (n: string) => `${n} gingen nicht weiter`;
export const funnelSince = (day: string) => `Gezählt seit ${day}`;
export const funnelBegan = 'Besuche begannen';
export const replaces = (name: string) => `Das ersetzt den Filter auf ${name}: Sie sind getrennt gespeichert.`;
export const savedPending = 'Gespeichert. Zone, k und erhobene Merkmale ändern sich ab der nächsten Mitternacht.';
export const conflict = 'Inzwischen hat jemand anderes die Einstellungen geändert. Neu laden zeigt sie.';
export const saved = 'Gespeichert.';
export const notSaved = 'Nicht gespeichert.';
export const reload = 'Neu laden';
export const people = {
  title: 'Personen',
  lead: 'Wer diese Websites liest, wer sie verändert und wem diese Installation gehört.',
  name: 'Person',
  may: 'Darf',
  roles: { viewer: 'Leserecht', admin: 'Verwaltung', owner: 'Eigentum' },
  rolesHint: 'Mit Leserecht wird gelesen. Verwaltung ändert auch Einstellungen, Schlüssel und Personen ihrer Websites. Eigentum darf alles.',
  everything: 'alles',
  noSite: 'Keine Website',
  you: 'dieses Konto',
  factorOn: 'zweiter Faktor',
  roleOf: (name: string, site: string) => `Rolle von ${name} bei ${site}`,
  none: 'Keine Rolle',
  readOnly: 'Mit Leserecht wird nur gelesen: Wer diese Website verwaltet, kann helfen.',
  makeOwner: 'Eigentum geben',
  noOwner: 'Eigentum nehmen',
  remove: 'Entfernen',
  sure: (name: string) => `${name} entfernen? Alle Anmeldungen dieser Person enden.`,
  invite: 'Einladen',
  inviteTitle: 'Jemanden einladen',
  install: 'Diese Installation',
  role: 'Rolle',
  once: 'Diesen Link an eine Person senden. Er gilt einmal, eine Woche lang, und wird nur jetzt gezeigt.',
  open: 'Offene Einladungen',
  takeBack: 'Zurücknehmen',
  invitedTo: (role: string, site: string | null) => (site ? `${role} für ${site}` : role),
  invited: (by: string, until: string) => `von ${by}, bis ${until}`,
  audit: 'Was getan wurde',
  auditLead: 'Zeiten in UTC. Die letzten 1.000 Einträge.',
  columns: ['Wann', 'Wer', 'Was', 'Wen', 'Website'],
  times: (n: number) => `${n}-mal`,
};
export const join = {
  title: 'Eine Einladung',
  to: (by: string, role: string, site: string | null) => (site ? `${by} lädt ein: ${role} für ${site}.` : `${by} lädt ein, diese Installation mit zu besitzen.`),
  as: (name: string) => `Als ${name} annehmen`,
  accept: 'Annehmen',
  known: 'Schon ein Konto hier? Erst anmelden, dann den Link noch einmal öffnen.',
};
export const me = {
  changePassword: 'Passwort ändern',
  current: 'Jetziges Passwort',
  fresh: 'Neues Passwort',
  changed: 'Das Passwort ist geändert, alle anderen Anmeldungen sind beendet.',
  signIns: 'Anmeldungen',
  signInsHint: 'Zeiten in UTC, auf die Stunde. Behalten wird nur die Art des Browsers, keine Adresse.',
  unknown: 'Unbekannter Browser',
  this: 'dieser Browser',
  used: (began: string | null, last: string) => (began ? `seit ${began}, zuletzt benutzt ${last}` : `zuletzt benutzt ${last}`),
  end: 'Beenden',
  endOthers: 'Alle anderen beenden',
  factor: 'Zweiter Faktor',
  factorOff: 'Aus. Ist er an, verlangt die Anmeldung neben dem Passwort sechs Ziffern einer Authenticator-App.',
  factorOn: (left: number) => `An. Noch ${left} ${left === 1 ? 'Wiederherstellungscode' : 'Wiederherstellungscodes'}.`,
  on: 'Einschalten',
  off: 'Ausschalten',
  scan: 'Mit dem Authenticator scannen oder das Geheimnis eintippen. Danach die sechs Ziffern eingeben, die er zeigt.',
  qr: 'QR-Code mit dem Geheimnis',
  code: 'Sechs Ziffern',
  confirm: 'Bestätigen',
  recovery: 'Wiederherstellungscodes. Jeder meldet einmal ohne den Authenticator an. Getrennt von ihm aufbewahren: Sie werden nur jetzt gezeigt.',
  codeOrRecovery: 'Sechs Ziffern des Authenticators oder ein Wiederherstellungscode',
};
