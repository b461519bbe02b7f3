/** Hears what happens at a site now, while the page is seen: told by a stream, asked for where none comes through. */
import { ApiError, api, site, type Live } from './api';

/** The server says something every 5 seconds; a stream that is silent for longer is none (a proxy may hold it back). */
const SILENT_MS = 12_000;
const AGAIN_MS = 10_000;

/** `fail` tells of each answer that is an error, and says whether to give up. Returns how to stop. */
export function hear(name: string, tell: (live: Live) => void, fail: (problem: unknown) => boolean): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout>;
  const close = () => {
    source?.close();
    clearTimeout(timer);
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, SILENT_MS);
  };
  /** Also says why there is no stream. */
  const ask = async () => {
    close();
    try {
      tell(await api.live(name));
    } catch (problem) {
      if (fail(problem)) return stop();
    }
    clearTimeout(timer);
    timer = setTimeout(open, AGAIN_MS);
  };
  const open = () => {
    close();
    if (document.hidden) return;
    source = new EventSource(`${site(name)}/stream`);
    source.onmessage = (event) => {
      wait();
      tell(JSON.parse(event.data) as Live);
    };
    source.addEventListener('away', (event) => {
      wait();
      fail(new ApiError(503, JSON.parse(event.data).error));
    });
    source.addEventListener('end', ask);
    // Where the browser does not come back by itself.
    source.onerror = () => source?.readyState === 2 && void ask();
    wait();
  };
  const stop = () => {
    close();
    document.removeEventListener('visibilitychange', open);
  };
  document.addEventListener('visibilitychange', open);
  open();
  return stop;
}
