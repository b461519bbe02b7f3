/** Where the page is: the address bar as state, and the only place that writes history. */

export const route = $state({ path: location.pathname, search: location.search });

/** The token of the share that this page shows, as it stands in the address; empty for people with an account. */
export const shared = /^\/share\/([^/]+)/.exec(location.pathname)?.[1] ?? '';

/** Goes to an address of this application; `replace` leaves no step to go back to. */
export function go(url: string, replace = false): void {
  const here = location.pathname + location.search;
  if (url !== here) history[replace ? 'replaceState' : 'pushState'](null, '', url);
  sync();
}

function sync(): void {
  if (route.path !== location.pathname) window.scrollTo(0, 0);
  route.path = location.pathname;
  route.search = location.search;
}

export function listen(): void {
  addEventListener('popstate', sync);
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (shared && link.pathname !== location.pathname) return;
    if (link.pathname.startsWith('/api/') || link.pathname.startsWith('/demo')) return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
}

export type Place =
  | { screen: 'sites' | 'keys' | 'account' | 'users' | 'join' | 'share' | 'missing' }
  | { screen: 'overview' | 'setup' | 'settings' | 'privacy'; site: string };

export function place(path: string): Place {
  const parts = path.split('/').filter(Boolean).map(decode);
  if (shared) return { screen: 'share' };
  if (parts.length === 0) return { screen: 'sites' };
  if (parts.length === 1 && /^(keys|account|users|join)$/.test(parts[0]!)) return { screen: parts[0] as 'keys' };
  if (parts[0] === 's' && parts[1]) {
    if (parts.length === 2) return { screen: 'overview', site: parts[1] };
    const screen = parts[2];
    if (parts.length === 3 && (screen === 'setup' || screen === 'settings' || screen === 'privacy')) {
      return { screen, site: parts[1] };
    }
  }
  return { screen: 'missing' };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function sitePath(site: string, screen = ''): string {
  return `${shared ? `/share/${shared}` : `/s/${encodeURIComponent(site)}`}${screen && `/${screen}`}`;
}
