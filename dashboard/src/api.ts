/** The server's JSON, and the calls for it. Knows nothing about the page. */
import { shared } from './route.svelte';
import { saidOnce } from './said.svelte';
import { answered, noAnswer, silent } from './words';

export type Metric =
  | 'visits'
  | 'visitors'
  | 'pageviews'
  | 'views_per_visit'
  | 'bounce_rate'
  | 'visit_duration'
  | 'events'
  | 'event_visits'
  | 'event_visitors'
  | 'event_rate'
  | 'value_sum';

/** Rates are fractions, durations seconds; null without a denominator. */
export type Value = number | null;
export type Counters = Partial<Record<string, Value>>;

/** The change is from `previous` to `compared`, which leaves out the open day's running hour. */
export interface Tile {
  value: Value;
  compared?: Value;
  previous: Value;
  refused?: string;
  /** Of revenue. */
  currency?: string;
}

export interface Range {
  first: string;
  last: string;
  words: string;
  interval?: string;
}

export interface Bucket {
  /** `2026-11-22` or `2026-11-22T14` */
  at: string;
  values: Counters;
  previous: Counters | null;
  complete: boolean;
  /** The clock was set back in this hour. */
  twice?: boolean;
}

/** A row's counters stand beside its name. */
export interface Row {
  name: string;
  value?: string;
  share?: number | null;
  /** What `previous` is held against, where that is not the row itself. */
  compared?: Counters;
  previous?: Counters | null;
  /** Why there is no change: missing before for want of k, new, or the untold share moved more than the row. */
  untold_before?: boolean;
  new?: boolean;
  uncertain?: boolean;
  /** Of a funnel. */
  steps?: { name: string; kind: string; entrants: number; previous?: number }[];
  /** The day from which on a funnel is counted, where the range begins before it. */
  since?: string;
  /** Of a goal: the filter that it is. */
  reached_by?: Step;
  currency?: string | null;
  [counter: string]: unknown;
}

export interface Panel {
  family?: string;
  rows: Row[];
  /** What is told of no row, of the rows' own family; null where rows overlap. Rows + rest + other = tile. */
  other: (Counters & { previous?: Counters | null }) | null;
  /** The rows over the limit or outside the search. */
  rest?: Counters | null;
  /** Told share of the family, 0 to 1. */
  told?: number | null;
  overlaps?: boolean;
  total_rows?: number;
  refused?: string | null;
}

export interface Filter {
  key: string;
  operator: Operator;
  values: string[];
}
export type Operator = 'is' | 'is_not' | 'contains' | 'contains_not' | 'prefix';

export interface Kept {
  region: boolean;
  city: boolean;
  versions: boolean;
  language: boolean;
}

export interface Meta {
  zone: string;
  today: string;
  open_day: string | null;
  as_of: string | null;
  k: number;
  grouping: boolean;
  daily_sum: boolean;
  simulated?: boolean;
  data_first?: string | null;
  data_last?: string | null;
  can?: { filters?: Record<string, true | string>; metrics?: Record<string, true | string> };
  rejected_undeclared?: number;
  kept?: Kept;
  /** Whether pages tell web vitals. */
  vitals?: boolean;
  generated_at?: number;
  notices?: string[];
}

/** What people wrote beside a day. */
export interface Note {
  id: number;
  day: string;
  text: string;
}

export interface Report {
  site: string;
  range: Range;
  comparison: Range | null;
  tiles: Partial<Record<Metric, Tile>>;
  series: { metric: Metric; buckets: Bucket[] };
  panels: Partial<Record<string, Panel>>;
  filters?: Filter[];
  notes?: Note[];
  meta: Meta;
}

export interface Rows {
  rows: Row[];
  rest?: Counters | null;
  total_rows: number;
  other: Panel['other'];
  told?: number | null;
  overlaps?: boolean;
  refused?: string | null;
  meta?: Meta;
}

export interface Live {
  visitors: number;
  /** Page views by the minute, oldest first. */
  minutes: number[];
  pages: { name: string; pageviews: number }[];
  accepted_today: number;
  received_today: number;
  outcomes: Record<string, number>;
  first_hit: boolean;
}

export type Role = 'viewer' | 'admin' | 'owner';

export interface SiteSummary {
  /** What who is signed in may do there. */
  role?: Role;
  name: string;
  hosts: string[];
  zone: string;
  uuid?: string;
  simulated?: boolean;
  k?: number;
}
export interface State {
  claimed: boolean;
  user: { name: string; role: Role; second_factor: boolean } | null;
  version: string;
  sites: SiteSummary[];
}
export interface ListedSite {
  name: string;
  zone: string;
  visits_7d?: number;
  sparkline?: number[];
  /** The site-day that is the sparkline's last. */
  today?: string;
  /** The week's visits without the hour that runs, and those of the week before up to the same hour. */
  compared?: number;
  previous?: number;
  /** The sum of each day's visitors. */
  visitors_7d?: number;
  live?: number;
  simulated?: boolean;
  /** Numbers of collectors that were not heard: what they hold of the open day is not in the figures. */
  missing?: number[];
}

export type Step = { page: string } | { section: string } | { event: string };
export interface Pattern {
  characters: string;
  min: number;
  max: number;
  cap: number;
}
export type Values = { list: string[] } | { pattern: Pattern };
export interface EventDeclaration {
  name: string;
  interactive: boolean;
  once: 'never' | 'visit';
  currency: string | null;
  properties: { name: string; values: Values }[];
}
export interface Settings {
  name: string;
  uuid: string;
  hosts: string[];
  zone: string;
  k: number;
  kept: Kept;
  objection: { gpc: boolean; dnt: boolean };
  consent: 'none' | 'required';
  vitals: boolean;
  excluded: { networks: string[]; hosts: string[]; paths: string[] };
  path_parameters: string[];
  path_rules: { pattern: string; becomes: string }[];
  sections: { pattern: string }[];
  events: EventDeclaration[];
  funnels: { name: string; steps: Step[] }[];
  goals: { name: string; reached_by: Step }[];
  retention_months: number;
  version: number;
  pending?: Record<string, unknown> | null;
}
export interface Proposal {
  event: string;
  property: string | null;
  text: string;
  visitors: number;
}
export interface Key {
  id?: number | string;
  name: string;
  site: string;
  scope: string;
  created_at?: string | number | null;
  last_used?: string | number | null;
  revoked?: string | null;
}

/** What the server said no to, in its words. `status` 0: no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly field: string | null = null,
    /** What the request lacks: `code`, of the second factor. */
    readonly needs: string | null = null,
  ) {
    super(message);
  }
}

/** Reading that takes longer is given up: what is asked for can be asked for again. Changes may take longer. */
const GIVE_UP_MS = 10_000;

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export async function call<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-Mayfly'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let answer: Response;
  let text: string;
  const late = AbortSignal.timeout(method === 'GET' ? GIVE_UP_MS : 6 * GIVE_UP_MS);
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, late]) : late,
      credentials: 'same-origin',
      cache: 'no-store',
    });
    text = await answer.text();
  } catch (problem) {
    if (signal?.aborted) throw problem;
    throw new ApiError(0, late.aborted ? noAnswer : silent);
  }
  let json: unknown = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    // Not JSON: a proxy's page, for example. The status says enough.
  }
  if (!answer.ok) {
    const said = json as { error?: string; field?: string; needs?: string } | null;
    throw new ApiError(answer.status, said?.error ? await saidOnce(said.error) : answered(answer.status), said?.field ?? null, said?.needs);
  }
  return json as T;
}

export const site = (name: string) => (shared ? `/api/shares/${shared}` : `/api/sites/${encodeURIComponent(name)}`);

export const api = {
  state: () => call<State>('GET', '/api/state'),
  report: (name: string, query: string, signal: AbortSignal) =>
    call<Report>('GET', `${site(name)}/report?${query}`, undefined, signal),
  rows: (name: string, query: string, signal?: AbortSignal) =>
    call<Rows>('GET', `${site(name)}/rows?${query}`, undefined, signal),
  csv: (name: string, query: string) => `${site(name)}/rows?${query}&format=csv`,
  live: (name: string) => call<Live>('GET', `${site(name)}/live`),
};
