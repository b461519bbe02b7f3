/** Loads a site's report for a view: one call at a time, old numbers kept until new ones are here. */
import { ApiError, api, type Live, type Report } from './api';
import { signedOut, words } from './app.svelte';
import { clock } from './format';
import { question, type View } from './view';
import * as w from './words';

/** How long a load may take before it is dimmed, called slow, given up. */
const DIM_MS = 150;
const SLOW_MS = 3_000;
const GIVE_UP_MS = 10_000;
const LIVE_TODAY_MS = 2_000;
const LIVE_MS = 10_000;
/** A report whose day is open is fetched anew at least this often: the hour may have turned. */
const STALE_MS = 60_000;

export class Loader {
  report = $state.raw<Report | null>(null);
  /** The site and question that `report` answers. */
  answered = $state('');
  stage = $state<'idle' | 'quiet' | 'dim' | 'slow'>('idle');
  problem = $state<{ text: string; status: number } | null>(null);
  at = $state('');
  live = $state.raw<Live | null>(null);
  liveRefused = $state(false);

  #abort: AbortController | null = null;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #site = '';
  #query = '';
  #seen = -1;
  #loadedAt = 0;
  #poll: ReturnType<typeof setTimeout> | undefined;

  /** Asks for a view; the same question again asks nothing. */
  show(site: string, view: View): void {
    const query = question(view).toString();
    if (site === this.#site && query === this.#query) return;
    if (site !== this.#site) {
      this.report = null;
      this.live = null;
      this.liveRefused = false;
      this.#seen = -1;
    }
    this.#site = site;
    this.#query = query;
    void this.load();
  }

  /** `quietly`: a refresh that the reader did not ask for dims nothing and fails in silence. */
  async load(quietly = false): Promise<void> {
    if (quietly && this.#abort) return;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#clear();
    if (!quietly) {
      this.stage = 'quiet';
      this.#timers.push(setTimeout(() => (this.stage = 'dim'), DIM_MS), setTimeout(() => (this.stage = 'slow'), SLOW_MS));
    }
    let late = false;
    this.#timers.push(setTimeout(() => ((late = true), abort.abort()), GIVE_UP_MS));
    const [site, query] = [this.#site, this.#query];
    try {
      const report = await api.report(site, query, abort.signal);
      this.report = report;
      this.answered = `${site}?${query}`;
      this.problem = null;
      this.#loadedAt = Date.now();
      this.at = clock(report.meta.generated_at ?? Date.now(), report.meta.zone);
    } catch (problem) {
      if (this.#abort !== abort) return;
      if (!quietly && !signedOut(problem)) {
        const status = problem instanceof ApiError ? problem.status : 0;
        this.problem = { text: late ? w.noAnswer : words(problem), status };
      }
    } finally {
      if (this.#abort === abort) {
        this.#abort = null;
        this.#clear();
        this.stage = 'idle';
      }
    }
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  /** Polls the live numbers while the page is visible, and the report when they say that something arrived. */
  start(): () => void {
    const turn = async () => {
      if (!document.hidden && this.#site) await this.#look();
      this.#poll = setTimeout(turn, this.#today() ? LIVE_TODAY_MS : LIVE_MS);
    };
    const visible = () => {
      if (document.hidden) return;
      clearTimeout(this.#poll);
      void turn();
    };
    document.addEventListener('visibilitychange', visible);
    void turn();
    return () => {
      document.removeEventListener('visibilitychange', visible);
      clearTimeout(this.#poll);
      this.#abort?.abort();
      this.#clear();
    };
  }

  #today(): boolean {
    const report = this.report;
    return !!report?.meta.open_day && report.meta.open_day <= report.range.last;
  }

  async #look(): Promise<void> {
    const site = this.#site;
    let moved = false;
    if (!this.liveRefused) {
      try {
        const live = await api.live(site);
        if (site !== this.#site) return;
        moved = this.#seen >= 0 && live.accepted_today !== this.#seen;
        this.#seen = live.accepted_today;
        this.live = live;
      } catch (problem) {
        if (signedOut(problem)) return;
        this.liveRefused = problem instanceof ApiError && problem.status === 403;
      }
    }
    if (this.#today() && this.#loadedAt > 0 && (moved || Date.now() - this.#loadedAt > STALE_MS)) await this.load(true);
  }
}
