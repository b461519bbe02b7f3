/**
 * Every text of the page, in one place, in English; `words.de.ts` and `words.fr.ts` are the same in German and French.
 * The build writes plain ones into the templates (inline.ts).
 */

export const language = 'en' as 'en' | 'de' | 'fr';
/** By which numbers and dates are written. */
export const locale = 'en-GB';
/** A label inside a sentence. */
export const amid = (label: string) => label.toLowerCase();
/** What short numbers count in; smaller ones are written out. */
export const units = [[1e3, 'k'], [1e6, 'M'], [1e9, 'G']] as [number, string][];
export const hours = 'h';
export const minutes = 'm';
export const seconds = 's';
export const below = '<';
export const above = '>';
/** Percentage points. */
export const points = ' pts';
export const fromZero = 'from 0';
export const weekOf = (day: string) => `Week of ${day}`;
/** Values that the server names in English: channels, kinds of device, what stands in brackets. */
export const rowNames = {} as Record<string, string>;
export const silent = 'The server did not answer.';
export const answered = (status: number) => `The server answered ${status}.`;

export const name = 'Mayfly';
export const loading = 'Loading';
export const working = 'Still working';
export const retry = 'Retry';
export const undo = 'Undo';
export const remove = 'Remove';
export const cancel = 'Cancel';
export const close = 'Close';
export const save = 'Save';
export const copy = 'Copy';
export const copied = 'Copied';
export const more = 'More';
export const noAnswer = 'No answer after 10 seconds.';
export const notLoaded = 'A part of this page did not load.';
export const asOf = (time: string) => `Numbers as of ${time}.`;
export const notFound = 'There is nothing here.';
export const toSites = 'Mayfly, all sites';

export const metric = {
  visits: 'Visits',
  visitors: 'Visitors',
  pageviews: 'Views',
  views_per_visit: 'Views per visit',
  bounce_rate: 'Bounce rate',
  visit_duration: 'Visit time',
  events: 'Count',
  event_visits: 'Visits with it',
  event_visitors: 'Visitors with it',
  event_rate: 'Rate',
  page_visitors: 'Visitors',
  page_visits: 'Visits',
  exits: 'Exits',
  bounces: 'Bounces',
  entrants: 'Entrants',
  time_on_page: 'Time on page',
  scroll_depth: 'Scroll',
  value_sum: 'Revenue',
  share: 'Share',
  change: 'Change',
} as Record<string, string>;
export const metrics = 'Metric of the chart';
export const beforeLabel = 'Before';
export const dailySum = 'Visitors, daily sum';
export const dailySumWhy = 'The sum of each day’s visitors. Someone who came on three days counts three times: nothing links one day to the next.';
export const sum = ', daily sum';
export const atLeast = (k: number) => `Only crowds of ${k} are told here: counts and rates are at least these.`;
export const beganHere = 'Of visits that began here';
export const before = (value: string) => `${value} before`;
export const versus = (range: string) => `compared with ${range}`;
export const noComparison = 'No comparison';
export const nothingBefore = (range: string) => `nothing stored for ${range} to compare with`;
export const incomplete = 'not complete yet';
export const twice = ' (this hour came twice)';

export const dimension = {
  page: 'Page', section: 'Section', entry_page: 'Entry page', exit_page: 'Exit page', host: 'Host',
  channel: 'Channel', source: 'Source', utm_campaign: 'Campaign', utm_medium: 'Medium', utm_source: 'Campaign source',
  utm_content: 'Content', utm_term: 'Term',
  country: 'Country', region: 'Region', city: 'City',
  browser: 'Browser', browser_version: 'Browser version', os: 'OS', os_version: 'OS version', device: 'Device',
  language: 'Language', flow: 'Next page', event: 'Event', goal: 'Goal', funnel: 'Funnel',
} as Record<string, string>;
export const tab = {
  page: 'Pages', section: 'Sections', entry_page: 'Entry', exit_page: 'Exit', flow: 'Flow', event: 'Events', goal: 'Goals',
  funnel: 'Funnels', properties: 'Properties', browser_version: 'Browser version', os_version: 'OS version', map: 'Map', vitals: 'Vitals',
} as Record<string, string>;
export const panel = { sources: 'Sources', pages: 'Pages', places: 'Places', devices: 'Devices', events: 'Events' } as Record<string, string>;
export const operator = {
  is: 'is', is_not: 'is not', contains: 'contains', contains_not: 'does not contain', prefix: 'starts with',
} as Record<string, string>;
export const or = ' or ';
/** Of the document's title. */
export const screen = {
  sites: 'All sites', setup: 'Setup', settings: 'Settings', privacy: 'Privacy', keys: 'API keys', account: 'Account', users: 'People',
} as Record<string, string>;

export const period = {
  day: 'Today', yesterday: 'Yesterday', '7d': 'Last 7 days', '28d': 'Last 28 days', '30d': 'Last 30 days',
  '91d': 'Last 91 days', month: 'This month', last_month: 'Last month', year: 'This year', '12mo': 'Last 12 months',
  all: 'All that is stored',
} as Record<string, string>;
export const days = (n: number) => `Last ${n} days`;
export const custom = 'Custom range';
export const from = 'From';
export const to = 'To';
export const apply = 'Apply';
export const previousPeriod = 'Previous period';
export const nextPeriod = 'Next period';
export const periodLabel = 'Period';
export const compareLabel = 'Compare';
export const compare = { prev: 'Previous period', year: 'Year before', none: 'No comparison' } as Record<string, string>;
export const compareShort = { prev: 'vs previous', year: 'vs year before', none: 'Compare' } as Record<string, string>;
export const compareCustom = 'vs custom';
export const matchWeekday = 'Match weekday';
export const matchDate = 'Match date';
export const interval = { hour: 'By hour', day: 'By day', week: 'By week', month: 'By month' } as Record<string, string>;
export const intervalAuto = 'Automatic';
export const intervalLabel = 'Chart';
export const theme = { auto: 'As the system', light: 'Light', dark: 'Dark' } as Record<string, string>;
export const themeLabel = 'Theme';
export const languageLabel = 'Language';
export const menu = 'Menu';
export const siteLabel = 'Site';
export const setup = 'Setup';
export const settings = 'Settings';
export const privacy = 'Privacy';
export const keys = 'API keys';
export const account = 'Account';
export const shortcuts = 'Shortcuts';
export const shortcutsOn = 'Single-key shortcuts';
export const allSites = 'All sites';
export const addSite = 'Add a site';

export const live = (n: number) => (n === 1 ? '1 visitor now' : `${n} visitors now`);
export const liveHint = 'Visitors of the last 5 minutes';
export const liveTitle = 'Last 30 minutes';
export const liveViews = (n: number) => (n === 1 ? '1 page view' : `${n} page views`);
export const livePages = 'Pages today';
export const liveNone = 'No page view yet today.';

export const zone = (zone: string) => `Days end at 00:00 ${zone}`;
export const openDay = (asOf: string | null) =>
  asOf
    ? `Today is open: campaigns, places and devices as of ${asOf}; complete after midnight`
    : 'Today is open: campaigns, places and devices show from the next full hour; complete after midnight';
export const groupingOff = 'Grouping is off for this site';
export const simulated = 'Simulated history';

export const addFilter = 'Filter';
export const filterBy = 'Filter by';
export const filterOperator = 'How';
export const filterValue = 'Value';
export const clearFilters = 'Clear all';
export const filters = 'Filters';
export const replaced = (name: string) => `Replaced the filter on ${name}: stored apart.`;

export const chartOf = (metric: string) => `${metric} over time`;
export const chartHelp = 'Arrow keys move';
export const chartZoom = ', Enter shows that time alone';
export const showTable = 'Show as table';
export const showChart = 'Show as chart';
export const date = 'Date';
export const noValue = 'no value';

export const other = (k: number) => (k > 1 ? `Other (fewer than ${k})` : 'Other');
export const otherHint = (share: string) => `${share} of this is not told row by row`;
export const toldAll = 'All of it is told row by row';
export const overlaps = {
  page: 'A visit sees several pages: rows add up to views, not to visits.',
  section: 'Sections overlap: their rows do not add up.',
  event: 'A visit may hold several events: rows add up to counts, not to visits.',
  goal: 'These overlap: their rows do not add up.',
} as Record<string, string>;
export const transitions = 'Transitions';
export const share = 'Share';
export const newRow = 'new';
export const underK = (k: number) => `under ${k} before`;
export const underKOrNone = (k: number) => `under ${k} or none`;
export const details = 'Details';
export const openPage = (name: string) => `Open ${name} in a new tab`;
export const storedApart = 'Stored apart: place and device show only in crowds';
export const storedApartWhy = 'No stored row says both where a visit came from and where or with what the visitor is. So one of them filters at a time.';
export const why = 'Why';
export const showInstead = (name: string) => `Show ${name} without that filter`;
export const notCollected = 'Not collected';
export const notCollectedWhy = 'This site does not keep it.';
export const toSettings = 'Change in settings';
export const emptyRange = 'Nothing in this range.';
export const noEvents = 'No event is declared: only views are counted.';
export const declare = 'Declare in settings';
export const emptyPanel = 'Nothing here.';
export const lastData = (date: string) => `Last data: ${date}.`;
export const goThere = 'Go there';
export const noMatch = 'The filters match nothing in this range.';
export const nothingEver = 'Nothing has arrived yet.';
export const goSetup = 'Set up the site';
export const fewTitle = 'A small crowd so far';
export const few = (k: number, asOf: string | null) =>
  `Places and devices appear in crowds of ${k}, as of the last full hour${asOf ? ` (${asOf})` : ''}. Views, pages and sources show at once.`;
export const rejected = (n: string) => `${n} rejected: not declared`;
export const declareThem = 'See proposals';
export const goalRate = 'Rate';
export const refusedQuestion = 'That cannot be answered.';
export const badValues = (list: string) => `Not understood: ${list}`;

export const search = 'Search';
export const csv = 'CSV';
export const propertyNeedsEvent = 'Choose an event to see its properties.';

export const firstRunTitle = 'Welcome to Mayfly';
export const firstRunLead = 'The server printed a claim token when it started. Whoever has it may claim this installation, once.';
export const claimToken = 'Claim token';
export const yourName = 'Your name';
export const password = 'Password';
export const passwordHint = 'At least 10 characters';
export const siteHost = 'Site';
export const siteHostHint = 'The host of your website, such as example.com';
export const timeZone = 'Time zone';
export const timeZoneHint = 'Its days begin and end in this zone';
export const create = 'Create';
export const signIn = 'Sign in';
export const signOut = 'Sign out';
export const signInTitle = 'Sign in to Mayfly';
export const userName = 'Name';

export const setupTitle = 'Add the script';
export const setupLead = 'Paste this into the head of every page. It sets no cookie and stores nothing in the browser.';
export const waiting = 'Waiting for the first event';
export const waitingHint = 'Open a page of your site: it shows here within seconds.';
export const arrived = 'The first event has arrived';
export const arrivedHint = 'Mayfly counts from here on.';
export const openDashboard = 'Open the dashboard';
export const causes = 'Nothing yet. The usual causes:';
export const rejectedToday = 'Turned away today';
export const receivedNothing = 'The server has received no request for this site today.';

export const visits7 = 'Visits, 7 days';
export const noSites = 'No site yet.';
export const missingNodes = (nodes: number[]) => `Without collector${nodes.length === 1 ? '' : 's'} ${nodes.join(', ')}: not heard just now`;
export const host = 'Host';

export const keysTitle = 'API keys';
export const keysLead = 'A key answers reports for one site. Scope staff also reads the open hour and the live count.';
export const keyName = 'Name';
export const keyScope = 'Scope';
export const keyOnce = 'Copy it now: it is shown only this once.';
export const revoke = 'Revoke';
export const noKeys = 'No keys.';
