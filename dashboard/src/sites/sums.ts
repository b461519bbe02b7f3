/** What may be said of several sites together. Pure. Visits and visitors add up; nothing says who was on two sites. */
import type { ListedSite } from '../api';
import { dateOf, dayNumber } from '../format';

export interface Day {
  date: string;
  visits: number;
  /** Whether every site has the whole of this day in its week. */
  complete: boolean;
}

export interface Sums {
  visits: number;
  compared: number;
  previous: number;
  visitors: number;
  live: number;
  /** Oldest first. Days are each site's own, added by their date. */
  days: Day[];
  /** Sites in the sums: simulated ones only where there are no others. */
  sites: number;
  zones: number;
}

const week = (site: ListedSite) => site.sparkline ?? [];

export function sums(all: ListedSite[]): Sums {
  const real = all.filter((site) => !site.simulated);
  const sites = real.length > 0 ? real : all;
  const total = (of: (site: ListedSite) => number | undefined) => sites.reduce((sum, site) => sum + (of(site) ?? 0), 0);
  return {
    visits: total((site) => site.visits_7d),
    compared: total((site) => site.compared),
    previous: total((site) => site.previous),
    visitors: total((site) => site.visitors_7d),
    live: total((site) => site.live),
    days: days(sites.filter((site) => site.today && week(site).length > 0)),
    sites: sites.length,
    zones: new Set(sites.map((site) => site.zone)).size,
  };
}

function days(sites: ListedSite[]): Day[] {
  const today = (site: ListedSite) => dayNumber(site.today!);
  const began = (site: ListedSite) => today(site) - week(site).length + 1;
  if (sites.length === 0) return [];
  const [first, last] = [Math.min(...sites.map(began)), Math.max(...sites.map(today))];
  return Array.from({ length: last - first + 1 }, (_, i) => first + i).map((day) => ({
    date: dateOf(day),
    visits: sites.reduce((sum, site) => sum + (week(site)[day - began(site)] ?? 0), 0),
    complete: sites.every((site) => began(site) <= day && day < today(site)),
  }));
}

export type Column = 'name' | 'visits' | 'change' | 'visitors' | 'live';
export const COLUMNS: Column[] = ['name', 'visits', 'change', 'visitors', 'live'];

/** How much the week changed, as a part of the one before; null where there was none. */
export function changed(site: ListedSite): number | null {
  const { compared, previous } = site;
  return compared !== undefined && previous ? (compared - previous) / previous : null;
}

function rank(site: ListedSite, column: Column): number {
  const of = { name: 0, visits: site.visits_7d, change: changed(site), visitors: site.visitors_7d, live: site.live };
  return of[column] ?? -Infinity;
}

/** `-visits`: most first. What is not known is last either way. */
export function listed(all: ListedSite[], search: string, sort: string): ListedSite[] {
  const column = sort.replace(/^-/, '') as Column;
  const down = sort.startsWith('-');
  const wanted = search.trim().toLowerCase();
  const found = all.filter((site) => site.name.toLowerCase().includes(wanted));
  const byName = (a: ListedSite, b: ListedSite) => (a.name < b.name ? -1 : 1);
  if (column === 'name') return found.sort((a, b) => (down ? -1 : 1) * byName(a, b));
  return found.sort((a, b) => {
    const [x, y] = [rank(a, column), rank(b, column)];
    if (x === y) return byName(a, b);
    if (x === -Infinity || y === -Infinity) return x === -Infinity ? 1 : -1;
    return down ? y - x : x - y;
  });
}
