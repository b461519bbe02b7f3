/** Which panels there are, and which counters of a row they show. */
import type { Meta, Metric, Panel, Row } from '../api';
import { change } from '../format';
import * as w from '../words';

export const PANELS: { key: string; tabs: string[] }[] = [
  { key: 'sources', tabs: ['channel', 'source', 'utm_campaign', 'utm_medium', 'utm_content', 'utm_term'] },
  { key: 'pages', tabs: ['page', 'entry_page', 'exit_page', 'section', 'flow'] },
  { key: 'places', tabs: ['country', 'map', 'region', 'city'] },
  { key: 'devices', tabs: ['browser', 'os', 'device', 'language', 'browser_version', 'os_version'] },
  { key: 'events', tabs: ['event', 'properties', 'goal', 'funnel', 'vitals'] },
];

/**
 * Tabs that exist only where the site keeps or declares something; `always`: also where one may declare it. What a filter
 * refuses stays, to say so.
 */
export function tabsOf(tabs: string[], panels: Partial<Record<string, Panel>>, { kept, vitals }: Meta, always: boolean): string[] {
  return tabs.filter((tab) => {
    switch (tab) {
      case 'region':
      case 'city':
        return kept?.[tab];
      case 'browser_version':
      case 'os_version':
        return kept?.versions;
      case 'section':
      case 'goal':
      case 'funnel':
        return always || panels[tab]?.rows.length || panels[tab]?.refused;
      case 'vitals':
        return vitals;
      default:
        return true;
    }
  });
}

/** Dimensions whose rows are shown in the page's language: the server knows codes, so the page searches and sorts them. */
export const WORDED = ['country', 'language', 'device', 'channel'];
/** As many rows as such a dimension can have. */
export const WORDED_ROWS = 1_000;

/** Rows of these overlap or have a row of their own for everything: they have no Other. */
export const PAGE_LIKE = ['page', 'section', 'entry_page', 'exit_page', 'host'];

/** What a row's counter did since the period compared with, in words; null where nothing can be said. */
export function changeOf(row: Row, counter: string, k: number): { text: string; mood: number } | null {
  if (row.uncertain) return null;
  if (row.untold_before) return { text: w.underK(k), mood: 0 };
  if (row.new) return { text: w.newRow, mood: 0 };
  const found = change(counter, number(row.compared ?? row, counter), number(row.previous, counter));
  return found && { text: `${found.arrow} ${found.text}`.trim(), mood: found.mood };
}

/** The counters of a panel's columns, first the one that its bars show. */
export function columns(dimension: string, rows: Row[], metric: Metric, withEvent: boolean): string[] {
  const has = (name: string) => rows.some((row) => row[name] !== undefined);
  const first = (...names: string[]) => names.find(has) ?? names[0]!;
  if (dimension === 'event' || dimension.startsWith('prop.')) {
    const money = rows.some((row) => row.currency) ? ['value_sum'] : [];
    return [first('events'), 'event_visits', 'event_rate', ...money].filter((name, i) => i === 0 || has(name));
  }
  if (dimension === 'funnel') return [first('entrants', 'visits')];
  if (dimension === 'goal') return [first('events', 'visits', 'page_visits', 'pageviews'), 'rate', 'event_rate'].filter((name, i) => i === 0 || has(name));
  if (withEvent && has('events')) return ['events', 'event_rate'].filter(has);
  if (/^(page|section|flow)$/.test(dimension)) return [first('pageviews', 'visits')];
  if (dimension === 'exit_page') return [first('exits', 'visits')];
  const chosen = metric === 'visitors' || metric === 'pageviews' ? metric : 'visits';
  // Several pages at once have views; their visits cannot be added up.
  const main = [chosen, 'visits', 'pageviews'].find((name) => rows.some((row) => number(row, name) !== null)) ?? first(chosen, 'visits');
  const rate = metric === 'bounce_rate' || metric === 'visit_duration' || metric === 'views_per_visit';
  return rate && has(metric) ? [main, metric] : [main];
}

const DETAIL_ORDER = [
  'events', 'event_visits', 'event_visitors', 'event_rate', 'value_sum', 'visits', 'visitors', 'pageviews', 'page_visits',
  'page_visitors', 'bounce_rate', 'views_per_visit', 'visit_duration', 'exits', 'time_on_page', 'scroll_depth', 'entrants',
];

/** All columns that a details table can show. */
export function detailColumns(dimension: string, rows: Row[]): string[] {
  const has = (name: string) => rows.some((row) => row[name] !== undefined);
  let order = DETAIL_ORDER;
  if (dimension === 'page' || dimension === 'section') order = ['pageviews', 'page_visits', 'page_visitors', 'time_on_page', 'scroll_depth', 'exits', 'bounce_rate'];
  if (dimension === 'exit_page') order = ['exits', 'pageviews'];
  const found = order.filter(has);
  return found.length > 0 ? found : DETAIL_ORDER.filter(has);
}

export function number(row: Record<string, unknown> | null | undefined, name: string): number | null {
  const n = row?.[name];
  return typeof n === 'number' ? n : null;
}
