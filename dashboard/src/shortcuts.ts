/** Single keys, without modifiers, off in fields and dialogs. Pure but for the event. */
import { INTERVALS } from './view';

export const PERIOD_KEYS: Record<string, string> = {
  d: 'day', e: 'yesterday', w: '7d', f: '28d', t: '30d', n: '91d', m: 'month', p: 'last_month', y: 'year', l: '12mo', a: 'all',
};

export type Command =
  | { do: 'period'; period: string }
  | { do: 'site'; number: number }
  | { do: 'previous' | 'next' | 'live' | 'custom' | 'interval' | 'compare' | 'search' | 'escape' | 'help' };

export function command(event: KeyboardEvent): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return null;
  const target = event.target as HTMLElement | null;
  if (target?.closest?.('input, select, textarea, dialog, [contenteditable]')) {
    // Radios of the tiles are no text: letters pass, their own arrows do not.
    if (!(target as HTMLInputElement).matches('input[type=radio]') || event.key.startsWith('Arrow')) return null;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === '?') return { do: 'help' };
  if (event.shiftKey) return null;
  const period = PERIOD_KEYS[key];
  if (period) return { do: 'period', period };
  if (/^[1-9]$/.test(key)) return { do: 'site', number: Number(key) };
  switch (key) {
    case 'ArrowLeft': return { do: 'previous' };
    case 'ArrowRight': return { do: 'next' };
    case 'r': return { do: 'live' };
    case 'c': return { do: 'custom' };
    case 'i': return { do: 'interval' };
    case 'x': return { do: 'compare' };
    case '/': return { do: 'search' };
    case 'Escape': return { do: 'escape' };
    default: return null;
  }
}

/** The interval after this one, of those that a range has room for. */
export function nextInterval(now: string, days: number): string {
  const fit = INTERVALS.filter((one) => (one === 'hour' ? days <= 7 : one === 'week' ? days > 7 : one === 'month' ? days > 31 : true));
  return fit[(fit.indexOf(now) + 1) % fit.length] ?? 'day';
}
