/** Loads a site's report for a view: one call at a time, old numbers kept until new ones are here. */
import { ApiError, api, type Live, type Report } from './api';
import { signedOut, words } from './app.svelte';
import { clock } from './format';
import { hear } from './live';
import { shared } from './route.svelte';
import { question, type View } from './view';
import * as w from './words';

/** How long a load may take before it is dimmed, called slow, given up. */
const DIM_MS = 150;
const SLOW_MS = 3_000;
const GIVE_UP_MS = 10_000;
/** A report that has today in it follows what arrives at this pace. */
const LIVE_TODAY_MS = 2_000;
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

  #abort: AbortController | null = null;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #site = '';
  #query = '';
  #seen = -1;
  #loadedAt = 0;
  #moved = false;
  #hush = () => {};

  /** Asks for a view; the same question again asks nothing. */
  show(site: string, view: View): void {
    const query = question(view).toString();
    if (site === this.#site && query === this.#query) return;
    if (site !== this.#site) {
      this.report = null;
      this.#hear(site);
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

  /** Hears what happens now, and loads the report anew when that says that something arrived. */
  start(): () => void {
    const timer = setInterval(() => {
      if (document.hidden || this.#abort || !this.#today()) return;
      if (this.#moved || Date.now() - this.#loadedAt > STALE_MS) {
        this.#moved = false;
        void this.load(true);
      }
    }, LIVE_TODAY_MS);
    return () => {
      clearInterval(timer);
      this.#hush();
      this.#abort?.abort();
      this.#clear();
    };
  }

  #today(): boolean {
    const report = this.report;
    return !!report?.meta.open_day && report.meta.open_day <= report.range.last;
  }

  /** People without an account read up to the last full hour. */
  #hear(site: string): void {
    this.#hush();
    this.live = null;
    this.#seen = -1;
    if (shared) return;
    this.#hush = hear(
      site,
      (live) => {
        this.#moved ||= this.#seen >= 0 && live.accepted_today !== this.#seen;
        this.#seen = live.accepted_today;
        this.live = live;
      },
      (problem) => {
        // No number rather than one of before.
        this.live = null;
        return signedOut(problem) || (problem instanceof ApiError && /^40[34]/.test(`${problem.status}`));
      },
    );
  }
}
