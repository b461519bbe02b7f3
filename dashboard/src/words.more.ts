/** The texts of the second script: a catalogue of their own, so that the first stays small. */

export const shortcutList = [
  ['D', 'Today'], ['E', 'Yesterday'], ['R', 'Live'], ['W', 'Last 7 days'], ['F', 'Last 28 days'], ['T', 'Last 30 days'],
  ['N', 'Last 91 days'], ['M', 'This month'], ['P', 'Last month'], ['Y', 'This year'], ['L', 'Last 12 months'],
  ['A', 'All time'], ['C', 'Custom range'], ['← →', 'Previous, next period'], ['I', 'Chart interval'], ['X', 'Comparison'],
  ['1–9', 'Site'], ['/', 'Search, filter'], ['Esc', 'Close, else clear filters'], ['?', 'This list'],
] as [string, string][];
export const outcome = {
  bot: 'a known bot', gpc: 'objects (Global Privacy Control or Do Not Track)', opted_out: 'opted out', excluded: 'own traffic, excluded',
  unknown_site: 'unknown site', host_not_allowed: 'the page’s host is not one of this site', undeclared_event: 'event not declared',
  no_visit: 'engagement without a visit', rate_limited: 'too many from one address', malformed: 'malformed',
  too_large: 'too large', overloaded: 'overloaded', late: 'its day was closed', spam: 'spam referrer', ignored: 'counts nothing by design',
} as Record<string, string>;
export const noScript = 'For browsers without script';
export const noScriptHint = 'Put it into the body, with the path of the page in place of PATH. It counts views only.';
export const optOut = 'A link for visitors who object';
export const optOutWorks = 'Link to this page from your privacy policy. Browsers send the choice along from every page of this site.';
export const optOutFails = 'This site has pages on another domain than this server, and browsers do not send the choice along from there. Use the opt-out script instead (docs/API.md), or serve the collector under the domain of the site.';
export const causeList = [
  'The page was not reloaded after the line was added, or a cache still serves the old one.',
  'The host of the page is not among the site’s hosts.',
  'A content blocker, or a Content-Security-Policy without this server, stops the script.',
  'The browser sends Global Privacy Control or Do Not Track: such visitors are not counted.',
];
export const p = {
  title: 'What is stored',
  lead: (site: string) => `What Mayfly reads, keeps and never keeps about visitors of ${site}, from its running settings.`,
  attribute: 'Attribute',
  state: 'Kept',
  how: 'How it is told',
  yes: 'yes',
  no: 'no',
  retention: (n: number) => `Rows are kept for ${n} months.`,
  range: (a: string, b: string) => `Stored rows cover ${a} to ${b}.`,
  rows: [
    ['Hour, page', null, 'Alone, with no attribute of a visitor'],
    ['Channel, source', null, 'Alone, as bare lists'],
    ['Campaign (utm values)', null, 'In crowds of k, together with the page'],
    ['Country', null, 'In crowds of k, after the day ended'],
    ['Region', 'region', 'In crowds of k, after the day ended'],
    ['City', 'city', 'In crowds of k, after the day ended'],
    ['Browser, OS, device class', null, 'In crowds of k, after the day ended'],
    ['Browser and OS versions', 'versions', 'In crowds of k, after the day ended'],
    ['Language', 'language', 'In crowds of k, alone'],
  ] as [string, 'region' | 'city' | 'versions' | 'language' | null, string][],
  neverTitle: 'Never stored',
  never: [
    'IP address and user agent: they live as long as the request.',
    'Cookies, device storage, fingerprints: the script sets and reads none.',
    'Visitor identifiers: a keyed hash exists in memory only; its salt dies at the site’s midnight.',
    'Anything that links one day to the next.',
  ],
  memoryTitle: 'In memory now',
  memory: (zone: string) =>
    `Visitor keys and running visits of the open day. They are erased at 00:00 ${zone}, within a minute.`,
};
export const keptNames = { region: 'Region', city: 'City', versions: 'Browser and OS versions', language: 'Language' };
export const stepNames = { page: 'Page', section: 'Section', event: 'Event' };
export const screenNames = { setup: 'Setup', settings: 'Settings', privacy: 'Privacy' };
/** The settings page. */
export const s = {
  general: 'General',
  hosts: 'Hosts',
  hostsHint: 'One a line; *.example.com admits subdomains',
  zone: 'Time zone',
  k: 'Crowd size k',
  kHint: 'A row that says where visitors are or what they use counts at least this many. 1 switches grouping off.',
  midnight: 'Changes from the next midnight on',
  pending: 'Waiting for midnight:',
  retention: 'Months to keep',
  retentionHint: 'Released rows older than this are deleted',
  kept: 'Kept attributes',
  keptHint: 'Country, browser, OS and device class are always kept',
  region: 'Region',
  city: 'City',
  versions: 'Browser and OS versions',
  language: 'Language',
  objection: 'Objections honoured',
  gpc: 'Global Privacy Control',
  dnt: 'Do Not Track',
  consent: 'Consent',
  consentNone: 'Not asked for',
  consentRequired: 'Count only after consent',
  consentHint: 'Changes the script of the set-up: put the new one into your pages',
  excluded: 'Own traffic, not counted',
  networks: 'Networks',
  networksHint: 'One a line, such as 192.0.2.0/24',
  exHosts: 'Excluded hosts',
  exPaths: 'Excluded paths',
  paths: 'Paths',
  parameters: 'Query parameters to keep',
  parametersHint: 'One a line; all others are removed',
  rules: 'Path rules',
  rulesHint: 'One a line: /user/*/edit -> /user/:id/edit. The first match wins.',
  sections: 'Sections',
  sectionsHint: 'One pattern a line, such as /blog/*. A section is counted like a page of its own.',
  events: 'Events',
  eventsHint: 'Only what is declared here is counted; anything else is turned away unread.',
  eventName: 'Event name',
  interactive: 'Ends a bounce',
  once: 'Once a visit',
  currency: 'Currency',
  property: 'Property',
  addProperty: 'Add a property',
  addEvent: 'Add an event',
  values: 'Values',
  valuesHint: 'Separated by commas',
  list: 'List',
  pattern: 'Pattern',
  characters: 'Characters',
  min: 'Shortest',
  max: 'Longest',
  cap: 'Distinct a day',
  goals: 'Goals',
  goalName: 'Goal name',
  reachedBy: 'Reached by',
  addGoal: 'Add a goal',
  funnels: 'Funnels',
  funnelsHint: '2 to 8 steps, in order, within a visit. Counting starts at the declaration.',
  funnelName: 'Funnel name',
  step: 'Step',
  addStep: 'Add a step',
  addFunnel: 'Add a funnel',
  page: 'Page',
  section: 'Section',
  event: 'Event',
  proposals: 'Proposals',
  proposalsHint: 'Undeclared texts that at least k visitors sent today. They are in memory only and gone at midnight.',
  noProposals: 'None today.',
  declare: 'Declare',
  by: (n: string) => `by ${n} visitors`,
};
export const signedInAs = (name: string, role: string) => `Signed in as ${name} (${role})`;
export const version = (v: string) => `Mayfly ${v}`;
export const rowsOf = (shown: string, total: string) => `${shown} of ${total} rows`;
export const funnelRate = (rate: string) => `${rate} from first to last step`;
export const funnelStep = 'of the step before';
export const funnelBegan = 'visits began';
export const replaces = (name: string) => `This replaces the filter on ${name}: they are stored apart.`;
export const savedPending = 'Saved. Zone, k and kept attributes change from the next midnight on.';
export const conflict = 'Someone else changed the settings meanwhile. Reload to see them.';
export const saved = 'Saved.';
export const notSaved = 'Not saved.';
export const reload = 'Reload';
