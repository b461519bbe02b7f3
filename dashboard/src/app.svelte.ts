/** What every screen knows: who is signed in, the theme, one message at a time. */
import { ApiError, api, type State } from './api';
import { shared } from './route.svelte';

export type Theme = 'auto' | 'light' | 'dark';

export const app = $state({
  state: null as State | null,
  problem: null as string | null,
  theme: stored('theme', 'auto') as Theme,
  shortcuts: stored('shortcuts', 'on') === 'on',
  message: null as { text: string; undo?: () => void; label?: string } | null,
});

export async function loadState(): Promise<void> {
  try {
    app.state = await api.state();
    app.problem = null;
  } catch (problem) {
    app.problem = words(problem);
  }
}

/** Whether who is signed in may change a site: viewers may not, nor may who has no account. */
export const mayChange = (site: string) => !shared && /^[ao]/.test(app.state?.sites.find((one) => one.name === site)?.role ?? '');

/** A session that ended shows the sign-in, wherever the page is. */
export function signedOut(problem: unknown): boolean {
  if (!(problem instanceof ApiError) || problem.status !== 401 || !app.state) return false;
  app.state = { ...app.state, user: null, sites: [] };
  return true;
}

export function words(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

let timer: ReturnType<typeof setTimeout> | undefined;
/** `label`: of what `undo` does, if it is another thing. */
export function say(text: string, undo?: () => void, label?: string): void {
  clearTimeout(timer);
  app.message = { text, undo, label };
  timer = setTimeout(() => (app.message = null), 8000);
}

export function setTheme(theme: Theme): void {
  app.theme = theme;
  store('theme', theme);
  showTheme();
}

export function showTheme(): void {
  const root = document.documentElement;
  if (app.theme === 'auto') delete root.dataset.theme;
  else root.dataset.theme = app.theme;
}

export function setShortcuts(on: boolean): void {
  app.shortcuts = on;
  store('shortcuts', on ? 'on' : 'off');
}

function stored(key: string, otherwise: string): string {
  try {
    return localStorage.getItem(`mayfly-${key}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(`mayfly-${key}`, value);
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
}
