/** The texts of the second script: a catalogue of their own, so that the first stays small. */

export const shortcutList = [
  ['D', 'Today'], ['E', 'Yesterday'], ['R', 'Live'], ['W', 'Last 7 days'], ['F', 'Last 28 days'], ['T', 'Last 30 days'],
  ['N', 'Last 91 days'], ['M', 'This month'], ['P', 'Last month'], ['Y', 'This year'], ['L', 'Last 12 months'],
  ['A', 'All that is stored'], ['C', 'Custom range'], ['← →', 'Previous, next period'], ['I', 'Chart interval'], ['X', 'Comparison'],
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
export const mapOf = (metric: string) => `Map of the countries, by ${metric}`;
export const mapHelp = 'Point at a country, or move with the arrow keys; Enter filters.';
export const notOnMap = (list: string) => `Not on the map: ${list}`;
/** The privacy page. */
export const p = {
  title: 'What is stored',
  lead: (site: string) => `What there is about visitors of ${site} at this moment, and what its visitors may be told.`,
  public: 'The page for visitors',
  everything: 'Download everything that is stored about this site:',
  storeTitle: 'In the database',
  rowsIn: (n: string, a: string, b: string, days: number) => `${n} rows of sums, from ${a} to ${b}, ${days} closed ${days === 1 ? 'day' : 'days'}.`,
  nothing: 'Nothing is stored yet.',
  retention: (n: number) => `Kept for ${n} ${n === 1 ? 'month' : 'months'}.`,
  attribute: 'Attribute',
  columns: ['Rows that tell it', 'First day', 'Last day', 'Smallest group'],
  people: (n: number) => (n === 1 ? '1 visitor' : `${n} visitors`),
  smallestHint: 'The smallest group is the fewest visitors that any row of its kind counts, on any closed day. Rows of pages, sources, events and flows carry no attribute of a visitor and need no group.',
  names: {
    page: 'Page, with its hour', source: 'Source', utm_source: 'Campaign source', utm_medium: 'Campaign medium', utm_campaign: 'Campaign',
    country: 'Country', region: 'Region', city: 'City', browser: 'Browser', browser_version: 'Browser version', os: 'System',
    os_version: 'System version', device: 'Kind of device', language: 'Language', event: 'Declared event', flow: 'Next page',
  } as Record<string, string>,
  how: {
    page: () => 'alone', source: () => 'alone, every source',
    visit: (k: number) => (k > 1 ? `in groups that ${k} visitors began with` : 'not grouped'),
    place: (k: number) => (k > 1 ? `in groups of ${k}, after the day` : 'not grouped'),
    device: (k: number) => (k > 1 ? `in groups of ${k}, after the day` : 'not grouped'),
    language: (k: number) => (k > 1 ? `in groups of ${k}, after the day` : 'not grouped'),
  } as Record<string, (k: number) => string>,
  off: (kept: Record<string, boolean> | object) => {
    const names = { region: 'region', city: 'city', versions: 'versions', language: 'language' };
    const off = Object.entries(names).filter(([key]) => !(kept as Record<string, boolean>)[key]).map(([, name]) => name);
    return off.length ? `Not collected: ${off.join(', ')}.` : '';
  },
  memoryTitle: 'In memory now',
  open: (day: string, n: number, bytes: string, salt: boolean) =>
    `${day}: ${n} visitor ${n === 1 ? 'key' : 'keys'} and what they saw (${bytes} bytes)${salt ? ', and the day’s salt' : '; the salt is gone'}.`,
  erased: (time: string, zone: string) => `Erased by ${time} (${zone}).`,
  noDay: 'No day is open: nothing of visitors is in memory.',
  elsewhere: (node: number, day: string) => `Collector ${node} holds ${day}.`,
  silent: (node: number) => `Collector ${node} does not answer: what it holds is not known here.`,
  restart: 'A restart keeps salt and keys, in a memory-backed directory.',
  noRestart: 'A restart forgets salt and keys.',
  locked: 'Salts are kept out of swap.',
  notLocked: 'The system did not let salts be kept out of swap.',
  codeTitle: 'What the code does with a visit',
  code: (settings: { k: number; vitals: boolean; kept: Record<string, boolean> | object; objection: { gpc: boolean; dnt: boolean } }) => {
    const kept = settings.kept as Record<string, boolean>;
    const place = ['country', kept.region && 'region', kept.city && 'city'].filter(Boolean).join(', ');
    const signals = [settings.objection.gpc && 'Global Privacy Control', settings.objection.dnt && 'Do Not Track'].filter(Boolean).join(' and ');
    return [
      ['Reads', [
        signals ? `${signals}, before anything else` : 'No signal of objection is honoured',
        'Network address and user agent, while the request is answered',
        'Page, referrer’s host, campaign tags, declared events, reading time and scroll depth',
        ...(kept.language ? ['The first accepted language'] : []),
        ...(settings.vitals ? ['How soon the page showed, answered and stood still, as good, needs improvement or poor'] : []),
      ]],
      ['Keeps', [
        'Sums by page and hour',
        'Sums by source and campaign',
        `Sums by ${place}`,
        `Sums by browser, system and kind of device${kept.versions ? ', with versions' : ''}`,
        ...(kept.language ? ['Sums by language'] : []),
      ]],
      ['Never keeps', [
        'Network addresses and user agents',
        'Cookies, storage or properties of the device: the script sets and reads none',
        'Identifiers of visitors, at any length',
        'Two of hour, source, place and device in one row',
        'Anything that links one day to the next',
      ]],
    ] as [string, string[]][];
  },
  ledgerTitle: 'The ledger: what became of each request',
  ledger: (n: string, a: string, b: string) => `${n} requests, ${a} to ${b}.`,
  objectors: (n: string) => `Objectors are counted in one row for all sites of this server: ${n} before today.`,
  outcome: 'Outcome',
  requests: 'Requests',
  accepted: { accepted: 'counted' } as Record<string, string>,
  verifyTitle: 'Last verification',
  notVerified: 'Nothing has been verified yet. The server looks once a day; to look now, run',
  results: { ok: 'Sound', warning: 'Warning', breach: 'Breach', not_seen: 'Not seen' } as Record<string, string>,
  verified: (at: string, by: string) => `${at}, by ${by}.`,
  verifyHint: 'The whole report, to be filed:',
  policyTitle: 'The text for visitors',
  policyHint: 'Made from the settings in effect. Fill in the marked passages, put it on the site, and take it again when a setting has changed. Facts, not legal advice.',
  language: 'Language',
  format: 'Form',
  formats: { markdown: 'Markdown', fragment: 'HTML', text: 'Plain text', json: 'JSON' },
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
  vitals: 'Web vitals',
  vitalsHint: 'How soon pages show, answer and stand still: good, needs improvement or poor. A second script of the set-up tells it',
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
export const funnelRate = (rate: string) => `${rate} from first to last step`;
export const funnelStep = 'of the step before';
export const funnelLeft = (n: string) => `${n} went no further`;
export const funnelSince = (day: string) => `Counted since ${day}`;
export const funnelBegan = 'visits began';
export const replaces = (name: string) => `This replaces the filter on ${name}: they are stored apart.`;
export const savedPending = 'Saved. Zone, k and kept attributes change from the next midnight on.';
export const conflict = 'Someone else changed the settings meanwhile. Reload to see them.';
export const saved = 'Saved.';
export const notSaved = 'Not saved.';
export const reload = 'Reload';
/** Who may do what. */
export const people = {
  title: 'People',
  lead: 'Who reads these sites, who changes them, and who owns this install.',
  name: 'Person',
  may: 'May',
  roles: { viewer: 'Viewer', admin: 'Administrator', owner: 'Owner' },
  rolesHint: 'Viewers read. Administrators also change settings, keys and people of their sites. Owners do everything.',
  everything: 'everything',
  noSite: 'No site',
  you: 'you',
  factorOn: 'second factor',
  roleOf: (name: string, site: string) => `Role of ${name} at ${site}`,
  none: 'No role',
  readOnly: 'Viewers read only: ask an administrator of this site.',
  makeOwner: 'Make an owner',
  noOwner: 'No owner any longer',
  remove: 'Remove',
  sure: (name: string) => `Remove ${name}? All their sign-ins end.`,
  invite: 'Invite',
  inviteTitle: 'Invite somebody',
  install: 'This install',
  role: 'Role',
  once: 'Send this link to one person. It works once, for a week, and is shown only now.',
  open: 'Open invitations',
  takeBack: 'Take back',
  invitedTo: (role: string, site: string | null) => (site ? `${role} of ${site}` : role),
  invited: (by: string, until: string) => `by ${by}, until ${until}`,
  audit: 'What was done',
  auditLead: 'Times are UTC. The latest 1,000 entries.',
  columns: ['When', 'Who', 'What', 'Whom', 'Site'],
  times: (n: number) => `${n} times`,
};
export const join = {
  title: 'You are invited',
  to: (by: string, role: string, site: string | null) => (site ? `${by} invites you: ${role} of ${site}.` : `${by} invites you to own this install.`),
  as: (name: string) => `Accept as ${name}`,
  accept: 'Accept',
  known: 'Have an account here? Sign in first, then open the link again.',
};
export const me = {
  changePassword: 'Change the password',
  current: 'Current password',
  fresh: 'New password',
  changed: 'The password is changed, and all other sign-ins have ended.',
  signIns: 'Where you are signed in',
  signInsHint: 'Times are UTC, to the hour. Only the kind of browser is kept, no address.',
  unknown: 'Unknown browser',
  this: 'this browser',
  used: (began: string | null, last: string) => (began ? `since ${began}, last used ${last}` : `last used ${last}`),
  end: 'End',
  endOthers: 'End all others',
  factor: 'Second factor',
  factorOff: 'Off. With it, signing in takes six digits of an authenticator app besides the password.',
  factorOn: (left: number) => `On. ${left} recovery ${left === 1 ? 'code is' : 'codes are'} left.`,
  on: 'Switch on',
  off: 'Switch off',
  scan: 'Scan this with your authenticator, or type the secret into it. Then enter the six digits that it shows.',
  qr: 'QR code with the secret',
  code: 'Six digits',
  confirm: 'Confirm',
  recovery: 'Recovery codes. Each signs you in once, without the authenticator. Keep them apart from it: they are shown only now.',
  codeOrRecovery: 'Six digits of your authenticator, or a recovery code',
};
