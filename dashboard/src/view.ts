/** The URL is the state: a view is read from a query string and written back. Pure; knows no page and no server. */
import type { Filter, Metric, Operator } from './api';
import { dateOf, dayNumber, isDate } from './format';

export interface View {
  /** `28d`, `day`, `month`, `2026-10-01..2026-10-31` ... */
  period: string;
  interval: string | null;
  metric: Metric;
  /** `prev`, `year`, `none`, or a range of dates. */
  compare: string;
  byDate: boolean;
  filters: Filter[];
  /** Chosen tab of each panel, where it is not the first. */
  tabs: string[];
  details: string | null;
  search: string;
  sort: string | null;
  /** What could not be read, for the page to say. */
  notices: string[];
}

export const DEFAULT: View = {
  period: '28d',
  interval: null,
  metric: 'visits',
  compare: 'prev',
  byDate: false,
  filters: [],
  tabs: [],
  details: null,
  search: '',
  sort: null,
  notices: [],
};

export const METRICS: Metric[] = [
  'visits', 'visitors', 'pageviews', 'views_per_visit', 'bounce_rate', 'visit_duration',
  'events', 'event_visits', 'event_visitors', 'event_rate', 'value_sum',
];
export const EVENT_METRICS: Metric[] = ['events', 'event_visits', 'event_rate', 'event_visitors', 'value_sum'];
export const INTERVALS = ['hour', 'day', 'week', 'month'];
export const OPERATORS: Operator[] = ['is', 'is_not', 'contains', 'contains_not', 'prefix'];

/** Which attribute family a filter belongs to; page, section and event go with any. */
const FAMILIES: Record<string, string> = {
  channel: 'visit', source: 'visit', utm_source: 'visit', utm_medium: 'visit', utm_campaign: 'visit',
  utm_content: 'visit', utm_term: 'visit',
  country: 'place', region: 'place', city: 'place',
  browser: 'device', browser_version: 'device', os: 'device', os_version: 'device', device: 'device',
  language: 'language',
};
export const FILTER_KEYS = [
  'page', 'section', 'entry_page', 'exit_page', 'host',
  'channel', 'source', 'utm_campaign', 'utm_medium', 'utm_source', 'utm_content', 'utm_term',
  'country', 'region', 'city', 'browser', 'browser_version', 'os', 'os_version', 'device', 'language', 'event',
];
const ALIASES: Record<string, string> = {
  entry: 'entry_page', exit: 'exit_page', campaign: 'utm_campaign', medium: 'utm_medium',
  content: 'utm_content', term: 'utm_term',
};
/** As the server's. */
const DAYS_MAX = 3_700;
const NAMED_PERIODS = ['day', 'today', 'yesterday', 'month', 'last_month', 'year', '12mo', 'all'];

export function family(key: string): string | null {
  return FAMILIES[key] ?? null;
}

export function canonical(key: string): string {
  return ALIASES[key] ?? key;
}

export function isPeriod(text: string): boolean {
  const [first, last, more] = text.split('..');
  if (last !== undefined) {
    return more === undefined && isDate(first ?? '') && isDate(last) && (first ?? '') <= last;
  }
  return NAMED_PERIODS.includes(text) || (/^[1-9]\d{0,3}d$/.test(text) && parseInt(text) <= DAYS_MAX) || isDate(text);
}

/** `v` is, `!v` is not, `~v` contains, `!~v` contains not, `^v` starts with, `=v` literal. */
export function readOperator(text: string): [Operator, string] {
  switch (text[0]) {
    case '=':
      return ['is', text.slice(1)];
    case '~':
      return ['contains', text.slice(1)];
    case '^':
      return ['prefix', text.slice(1)];
    case '!':
      if (text[1] === '~') return ['contains_not', text.slice(2)];
      if (text[1] === '=') return ['is_not', text.slice(2)];
      return ['is_not', text.slice(1)];
    default:
      return ['is', text];
  }
}

export function writeOperator(operator: Operator, text: string): string {
  switch (operator) {
    case 'is':
      return /^[=~^!]/.test(text) ? `=${text}` : text;
    case 'is_not':
      return /^[=~]/.test(text) ? `!=${text}` : `!${text}`;
    case 'contains':
      return `~${text}`;
    case 'contains_not':
      return `!~${text}`;
    case 'prefix':
      return `^${text}`;
  }
}

/** Unknown keys are ignored, bad values named in a notice. */
export function read(search: string): View {
  const view: View = { ...DEFAULT, filters: [], tabs: [], notices: [] };
  for (const [raw, text] of new URLSearchParams(search)) {
    const key = canonical(raw);
    const bad = () => view.notices.push(`${raw}=${text}`);
    if (FILTER_KEYS.includes(key) || (key.startsWith('prop.') && key.length > 5)) {
      const [operator, value] = readOperator(text);
      if (value === '') bad();
      else view.filters = withValue(view.filters, key, operator, value);
    } else if (key === 'p') {
      if (isPeriod(text)) view.period = text === 'today' || text === '1d' ? 'day' : text;
      else bad();
    } else if (key === 'i') {
      if (INTERVALS.includes(text)) view.interval = text;
      else bad();
    } else if (key === 'm') {
      if ((METRICS as string[]).includes(text)) view.metric = text as Metric;
      else bad();
    } else if (key === 'c') {
      if (['prev', 'year', 'none'].includes(text) || (text.includes('..') && isPeriod(text))) view.compare = text;
      else bad();
    } else if (key === 'cw') {
      if (text === 'date') view.byDate = true;
      else if (text !== 'weekday') bad();
    } else if (key === 'tab') {
      view.tabs = text.split(',').filter(Boolean).map(canonical);
    } else if (key === 'd') {
      view.details = canonical(text) || null;
    } else if (key === 'q') {
      view.search = text;
    } else if (key === 'sort') {
      view.sort = text || null;
    }
  }
  view.metric = fitting(view);
  return view;
}

/** Whether an event is filtered by, so that tiles and chart are the event's. */
export function ofEvent(view: View): boolean {
  return view.filters.some((one) => one.key === 'event' || one.key.startsWith('prop.'));
}
function usual(view: View): Metric {
  return ofEvent(view) ? 'events' : DEFAULT.metric;
}
/** An event's counts and those of visits are never on one page: the metric goes with the filters. */
function fitting(view: View): Metric {
  return EVENT_METRICS.includes(view.metric) === ofEvent(view) ? view.metric : usual(view);
}

/** What the page's address says: defaults are left out. Starts with `?` or is empty. */
export function write(view: View): string {
  const query = new URLSearchParams();
  if (view.period !== DEFAULT.period) query.set('p', view.period);
  if (view.interval) query.set('i', view.interval);
  if (fitting(view) !== usual(view)) query.set('m', view.metric);
  if (view.compare !== DEFAULT.compare) query.set('c', view.compare);
  if (view.byDate) query.set('cw', 'date');
  addFilters(query, view.filters);
  if (view.tabs.length > 0) query.set('tab', view.tabs.join(','));
  if (view.details) {
    query.set('d', view.details);
    if (view.search) query.set('q', view.search);
    if (view.sort) query.set('sort', view.sort);
  }
  const text = query.toString().replaceAll('%2C', ',').replaceAll('%2F', '/').replaceAll('%3A', ':');
  return text ? `?${text}` : '';
}

/** What the server is asked: everything said, nothing of the page's own. */
export function question(view: View): URLSearchParams {
  const query = new URLSearchParams({ p: view.period, m: fitting(view), c: view.compare });
  if (view.interval) query.set('i', view.interval);
  if (view.byDate) query.set('cw', 'date');
  addFilters(query, view.filters);
  return query;
}

function addFilters(query: URLSearchParams, filters: Filter[]): void {
  for (const filter of filters) {
    for (const value of filter.values) query.append(filter.key, writeOperator(filter.operator, value));
  }
}

/** A repeated key is any-of. */
export function withValue(filters: Filter[], key: string, operator: Operator, value: string): Filter[] {
  const same = (one: Filter) => one.key === key && one.operator === operator;
  if (!filters.some(same)) return [...filters, { key, operator, values: [value] }];
  return filters.map((one) =>
    same(one) && !one.values.includes(value) ? { ...one, values: [...one.values, value] } : one,
  );
}

const OF_PAGES = /^(page|section|entry_page|exit_page)$/;

/**
 * A row's click: the filter on its dimension, in place of one on the same dimension, and in place of those that
 * cannot stand beside it: one attribute family filters at a time, and one of page, section, entry and exit.
 */
export function clicked(view: View, key: string, value: string): { view: View; replaced: Filter[] } {
  // The next page of one is a page.
  if (key === 'flow') key = 'page';
  const mine = family(key);
  const clashes = (one: Filter) =>
    one.key !== key && (OF_PAGES.test(key) ? OF_PAGES.test(one.key) : mine !== null && family(one.key) !== null && family(one.key) !== mine);
  const replaced = view.filters.filter(clashes);
  const filters = view.filters.filter((one) => one.key !== key && !clashes(one));
  return {
    view: { ...view, filters: [...filters, { key, operator: 'is', values: [value] }], details: null, search: '', sort: null },
    replaced,
  };
}

/** The address of a view with a filter less. */
export const less = (view: View, filter: Filter) => write({ ...view, filters: view.filters.filter((one) => one !== filter) });

/** Removes what keeps a dimension's family from being shown. */
export function without(view: View, key: string): View {
  const mine = family(key);
  return { ...view, filters: view.filters.filter((one) => family(one.key) === null || family(one.key) === mine) };
}

/** The period before or after, by the server's dates. Null past today. */
export function step(period: string, first: string, last: string, today: string, by: -1 | 1): string | null {
  if (by > 0 && last >= today) return null;
  if (period === 'all') return null;
  const [start, end] = shifted(period, first, last, by);
  if (start > today) return null;
  return named(start, end, today);
}

function shifted(period: string, first: string, last: string, by: number): [string, string] {
  const [y, m] = first.split('-').map(Number) as [number, number];
  if (first.endsWith('-01') && (period === 'month' || last === monthEnd(y, m))) {
    const start = new Date(Date.UTC(y, m - 1 + by, 1));
    const [year, month] = [start.getUTCFullYear(), start.getUTCMonth() + 1];
    return [start.toISOString().slice(0, 10), monthEnd(year, month)];
  }
  if (period === 'year' || (first.endsWith('-01-01') && last.endsWith('-12-31'))) {
    return [`${y + by}-01-01`, `${y + by}-12-31`];
  }
  const days = dayNumber(last) - dayNumber(first) + 1;
  return [dateOf(dayNumber(first) + by * days), dateOf(dayNumber(last) + by * days)];
}

function monthEnd(year: number, month: number): string {
  return new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
}

/** A range of dates under the shortest name that means it. */
export function named(first: string, last: string, today: string): string {
  if (first === last) return first === today ? 'day' : first;
  const days = dayNumber(last) - dayNumber(first) + 1;
  if (last === today) return `${days}d`;
  const [y, m] = today.split('-').map(Number) as [number, number];
  if (first === `${today.slice(0, 8)}01` && last === monthEnd(y, m)) return 'month';
  if (first === `${y}-01-01` && last === `${y}-12-31`) return 'year';
  return `${first}..${last}`;
}
