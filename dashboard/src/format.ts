/** Numbers, durations and dates in words. The browser's zone and locale never matter: dates are the server's. */
import type { Metric, Value } from './api';

const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** `1,234,567` */
export function exact(n: number): string {
  return whole.format(n);
}

/** `9,876`, `12.3k`, `123k`, `1.2M` */
export function short(n: number): string {
  const size = Math.abs(n);
  if (size < 9_999.5) return whole.format(n);
  for (const [unit, letter] of [[1e3, 'k'], [1e6, 'M'], [1e9, 'G']] as const) {
    const scaled = n / unit;
    if (Math.abs(scaled) < 99.95) return `${scaled.toFixed(1).replace('.0', '')}${letter}`;
    if (Math.abs(scaled) < 999.5) return `${Math.round(scaled)}${letter}`;
  }
  return `${Math.round(n / 1e9)}G`;
}

/** Seconds as `45s`, `1m 23s`, `2h 5m`. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
}

/** A fraction as `43%`, `4.3%`, `0.05%`. */
export function percent(fraction: number): string {
  const p = fraction * 100;
  const size = Math.abs(p);
  if (size === 0) return '0%';
  if (size < 0.1) return '<0.1%';
  if (size < 9.95) return `${p.toFixed(1)}%`;
  // Nearly all is not all.
  if (p > 99.5 && p < 100) return '>99%';
  return `${Math.round(p)}%`;
}

type Kind = 'count' | 'rate' | 'duration' | 'ratio' | 'depth' | 'money';

/** How a counter is written. */
export function kind(name: string): Kind {
  if (name.endsWith('_rate') || name === 'share') return 'rate';
  if (name === 'scroll_depth') return 'depth';
  if (name === 'visit_duration' || name === 'time_on_page' || name.endsWith('_seconds')) return 'duration';
  if (name === 'views_per_visit') return 'ratio';
  if (name === 'value_sum') return 'money';
  return 'count';
}

/** A value as a table shows it; a value that does not exist is a dash, never zero. */
export function value(name: string, n: unknown, currency?: string | null): string {
  if (typeof n !== 'number' || !Number.isFinite(n)) return '–';
  switch (kind(name)) {
    case 'rate':
      return percent(n);
    case 'depth':
      return `${Math.round(n > 1 ? n : n * 100)}%`;
    case 'duration':
      return duration(n);
    case 'ratio':
      return n.toFixed(2);
    case 'money':
      return currency ? money(n, currency, true) : '–';
    default:
      return short(n);
  }
}

/** The same without shortening, for hover and focus. */
export function exactly(name: string, n: unknown, currency?: string | null): string {
  if (typeof n === 'number' && kind(name) === 'count') return exact(n);
  if (typeof n === 'number' && kind(name) === 'rate') return `${(n * 100).toFixed(2)}%`;
  if (typeof n === 'number' && currency) return money(n, currency);
  return value(name, n, currency);
}

/** Minor units of a currency; `brief`: `€54.7k`. */
export function money(minor: number, currency?: string | null, brief = false): string {
  if (!currency) return exact(minor);
  try {
    const style = new Intl.NumberFormat('en-GB', { style: 'currency', currency });
    const digits = style.resolvedOptions().maximumFractionDigits ?? 2;
    const whole = minor / 10 ** digits;
    if (!brief) return style.format(whole);
    return new Intl.NumberFormat('en-GB', { style: 'currency', currency, notation: 'compact', maximumFractionDigits: 1 }).format(whole).replace('K', 'k');
  } catch {
    return `${exact(minor)} ${currency}`;
  }
}

export interface Change {
  /** `▲`, `▼` or nothing. */
  arrow: string;
  /** `+12%`, `−3.1 pts`, `from 0` */
  text: string;
  /** 1 better, -1 worse, 0 neither. */
  mood: -1 | 0 | 1;
}

/** Counts and durations change in percent, rates in points; from zero there is no percentage. */
export function change(name: Metric | string, now: Value | undefined, before: Value | undefined): Change | null {
  if (typeof now !== 'number' || typeof before !== 'number') return null;
  const rate = kind(name) === 'rate';
  const delta = now - before;
  if (delta === 0) return { arrow: '', text: rate ? '0 pts' : '0%', mood: 0 };
  const sign = delta > 0 ? '+' : '−';
  const mood = ((delta > 0 ? 1 : -1) * (name === 'bounce_rate' ? -1 : 1)) as -1 | 1;
  const arrow = delta > 0 ? '▲' : '▼';
  if (rate && Math.abs(delta) < 0.0005) return { arrow: '', text: '0 pts', mood: 0 };
  if (rate) return { arrow, text: `${sign}${(Math.abs(delta) * 100).toFixed(1)} pts`, mood };
  if (before === 0) return { arrow, text: 'from 0', mood };
  const share = Math.abs(delta / before) * 100;
  if (share < 0.05) return { arrow: '', text: '0%', mood: 0 };
  return { arrow, text: `${sign}${share < 9.95 ? share.toFixed(1).replace('.0', '') : exact(share)}%`, mood };
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A local date as a count of days, without any zone. */
export function dayNumber(date: string): number {
  return Date.parse(`${date.slice(0, 10)}T00:00:00Z`) / 86_400_000;
}

export function dateOf(dayNumber: number): string {
  return new Date(dayNumber * 86_400_000).toISOString().slice(0, 10);
}

export function isDate(text: string): boolean {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? dayNumber(text) : NaN;
  return Number.isFinite(day) && dateOf(day) === text;
}

/** `3 Nov`, with the year where it is asked for. */
export function day(date: string, withYear = false): string {
  const [y, m, d] = date.slice(0, 10).split('-').map(Number) as [number, number, number];
  return `${d} ${MONTHS[m - 1]}${withYear ? ` ${y}` : ''}`;
}

/** `Tue 3 Nov` */
export function weekday(date: string): string {
  return `${WEEKDAYS[(((dayNumber(date) + 4) % 7) + 7) % 7]} ${day(date)}`;
}

/** A bucket in full: `Tue 3 Nov`, `Sun 22 Nov, 14:00`, `Week of 2 Nov`, `Nov 2026`. */
export function bucket(at: string, interval: string): string {
  if (at.length > 10) return `${weekday(at)}, ${hour(at)}`;
  if (interval === 'month') return `${MONTHS[Number(at.slice(5, 7)) - 1]} ${at.slice(0, 4)}`;
  if (interval === 'week') return `Week of ${day(at)}`;
  return weekday(at);
}

/** A bucket on the axis. */
export function tick(at: string, interval: string): string {
  if (at.length > 10) return hour(at);
  if (interval === 'month') return MONTHS[Number(at.slice(5, 7)) - 1] ?? at;
  return day(at);
}

function hour(at: string): string {
  return `${at.slice(11, 13)}:00`;
}

let countries: Intl.DisplayNames | null = null;
let languages: Intl.DisplayNames | null = null;

/** A row's name as people read it. The filter keeps the server's value. */
export function label(dimension: string, name: string): string {
  try {
    if (dimension === 'country' && /^[A-Z]{2}$/.test(name)) {
      countries ??= new Intl.DisplayNames('en', { type: 'region' });
      return countries.of(name) ?? name;
    }
    if (dimension === 'language' && /^[a-z]{2,3}(-[A-Za-z0-9]+)*$/.test(name)) {
      languages ??= new Intl.DisplayNames('en', { type: 'language' });
      return languages.of(name) ?? name;
    }
  } catch {
    return name;
  }
  if (dimension === 'device' || dimension === 'channel') {
    return name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');
  }
  return name;
}

/** A scale's top and its lines: three to five round steps that hold `max`. */
export function scale(max: number, whole = true): { top: number; lines: number[] } {
  if (!(max > 0)) return { top: 1, lines: whole ? [0, 1] : [0, 0.5, 1] };
  const rough = max / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  if (whole) step = Math.max(1, Math.ceil(step));
  const count = Math.ceil(max / step - 1e-9);
  return { top: step * count, lines: Array.from({ length: count + 1 }, (_, i) => i * step) };
}
