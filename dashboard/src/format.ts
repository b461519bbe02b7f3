/**
 * Numbers, durations and dates as the page's language writes them. The browser's zone and locale never matter: dates are
 * the server's.
 */
import type { Metric, Value } from './api';
import { above, below, fromZero, hours, locale, minutes, points, rowNames, seconds, units, weekOf } from './words';

const DIGITS = [0, 1, 2];
const numbers = DIGITS.map((digits) => new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const rates = DIGITS.map((digits) => new Intl.NumberFormat(locale, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits }));
const tenths = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const rateTenths = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });

/** `1,234,567` */
export function exact(n: number): string {
  return numbers[0]!.format(n);
}

/** `9,876`, `12.3k`, `123k`, `1.2M` */
export function short(n: number): string {
  const size = Math.abs(n);
  if (size < Math.max(9_999.5, units[0]![0] * 0.9995)) return exact(n);
  for (const [unit, letter] of units) {
    const scaled = size / unit;
    if (scaled < 999.5) return (scaled < 99.95 ? tenths : numbers[0]!).format(n / unit) + letter;
  }
  const [unit, letter] = units.at(-1)!;
  return exact(n / unit) + letter;
}

/** Seconds as `45s`, `1m 23s`, `2h 5m`. */
export function duration(time: number): string {
  const s = Math.round(time);
  if (s < 60) return s + seconds;
  if (s < 3600) return `${Math.floor(s / 60)}${minutes} ${s % 60}${seconds}`;
  return `${Math.floor(s / 3600)}${hours} ${Math.floor((s % 3600) / 60)}${minutes}`;
}

/** A fraction as `43%`, `4.3%`, `<0.1%`. */
export function percent(fraction: number): string {
  const size = Math.abs(fraction);
  if (size === 0) return rates[0]!.format(0);
  if (size < 0.001) return below + rates[1]!.format(0.001);
  // Nearly all is not all.
  if (fraction > 0.995 && fraction < 1) return above + rates[0]!.format(0.99);
  return rates[size < 0.0995 ? 1 : 0]!.format(fraction);
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
      return rates[0]!.format(n > 1 ? n / 100 : n);
    case 'duration':
      return duration(n);
    case 'ratio':
      return numbers[2]!.format(n);
    case 'money':
      return currency ? money(n, currency, true) : '–';
    default:
      return short(n);
  }
}

/** The same without shortening, for hover and focus. */
export function exactly(name: string, n: unknown, currency?: string | null): string {
  if (typeof n === 'number' && kind(name) === 'count') return exact(n);
  if (typeof n === 'number' && kind(name) === 'rate') return rates[2]!.format(n);
  if (typeof n === 'number' && currency) return money(n, currency);
  return value(name, n, currency);
}

/** Minor units of a currency; `brief`: `€54.7k`. */
export function money(minor: number, currency?: string | null, brief = false): string {
  if (!currency) return exact(minor);
  try {
    const style = new Intl.NumberFormat(locale, { style: 'currency', currency });
    const digits = style.resolvedOptions().maximumFractionDigits ?? 2;
    const whole = minor / 10 ** digits;
    if (!brief) return style.format(whole);
    return new Intl.NumberFormat(locale, { style: 'currency', currency, notation: 'compact', maximumFractionDigits: 1 }).format(whole).replace('K', 'k');
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
  const none = rate ? `0${points}` : percent(0);
  if (delta === 0) return { arrow: '', text: none, mood: 0 };
  const sign = delta > 0 ? '+' : '−';
  const mood = ((delta > 0 ? 1 : -1) * (name === 'bounce_rate' ? -1 : 1)) as -1 | 1;
  const arrow = delta > 0 ? '▲' : '▼';
  if (rate && Math.abs(delta) < 0.0005) return { arrow: '', text: none, mood: 0 };
  if (rate) return { arrow, text: sign + numbers[1]!.format(Math.abs(delta) * 100) + points, mood };
  if (before === 0) return { arrow, text: fromZero, mood };
  const share = Math.abs(delta / before);
  if (share < 0.0005) return { arrow: '', text: none, mood: 0 };
  return { arrow, text: sign + (share < 0.0995 ? rateTenths : rates[0]!).format(share), mood };
}

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

const formats: Record<string, Intl.DateTimeFormat> = {};
const WHOLE: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short', year: 'numeric' };

/** These parts of a date, by the calendar alone. */
function dates(parts: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return (formats[JSON.stringify(parts)] ??= new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...parts }));
}
/** A date with these parts, without the comma that some languages put behind a weekday. */
function written(date: string, parts: Intl.DateTimeFormatOptions): string {
  return dates(parts).format(dayNumber(date) * 86_400_000).replace(',', '');
}

/** `3 Nov`, with the year where it is asked for. */
export function day(date: string, withYear = false): string {
  return written(date, withYear ? WHOLE : { day: 'numeric', month: 'short' });
}

/** `26 Oct – 22 Nov 2026` */
export function between({ first, last }: { first: string; last: string }): string {
  return dates(WHOLE).formatRange(dayNumber(first) * 86_400_000, dayNumber(last) * 86_400_000);
}

/** `Tue 3 Nov` */
export function weekday(date: string): string {
  return written(date, { weekday: 'short', day: 'numeric', month: 'short' });
}

/** A bucket in full: `Tue 3 Nov`, `Sun 22 Nov, 14:00`, `Week of 2 Nov`, `Nov 2026`. */
export function bucket(at: string, interval: string): string {
  if (at.length > 10) return `${weekday(at)}, ${hour(at)}`;
  if (interval === 'month') return written(at, { month: 'short', year: 'numeric' });
  if (interval === 'week') return weekOf(day(at));
  return weekday(at);
}

/** A bucket on the axis. */
export function tick(at: string, interval: string): string {
  if (at.length > 10) return hour(at);
  if (interval === 'month') return written(at, { month: 'short' });
  return day(at);
}

function hour(at: string): string {
  return `${at.slice(11, 13)}:00`;
}

/** A moment as a site's clock shows it; the browser's zone is never used. */
export function clock(moment: number, zone: string, parts: Intl.DateTimeFormatOptions = {}): string {
  try {
    return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', timeZone: zone, ...parts }).format(moment);
  } catch {
    // A zone that this browser does not know.
    return '';
  }
}

const codes: Record<string, Intl.DisplayNames> = {};
function coded(type: 'region' | 'language', code: string): string {
  return (codes[type] ??= new Intl.DisplayNames(locale, { type })).of(code) ?? code;
}
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
/** With a capital, unless it begins with the name of a field. */
export const sentence = (text: string) => (/^[a-z]+ /.test(text) ? capital(text) : text);

/** A row's name as people read it. The filter keeps the server's value. */
export function label(dimension: string, name: string): string {
  try {
    if (dimension === 'country' && /^[A-Z]{2}$/.test(name)) return coded('region', name);
    if (dimension === 'language' && /^[a-z]{2,3}(-[A-Za-z0-9]+)*$/.test(name)) return capital(coded('language', name));
  } catch {
    return name;
  }
  const ours = dimension === 'device' || dimension === 'channel';
  if (ours || name.startsWith('(')) name = rowNames[name] ?? name;
  return ours ? capital(name) : name;
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
