// Web vitals: tells whether a page showed soon (LCP), answered soon (INP) and stood still (CLS). Of each it says one
// word, `good`, `needs improvement` or `poor`, never the measured value. Loaded, deferred, right after the tracker:
//
//   <script defer src="https://collector.example/mayfly.vitals.js"></script>
//
// It measures with the npm package web-vitals, and tells through mayfly(), so all that holds for the tracker holds for
// it: it sets and reads no storage, makes up no identifier, and leaves it to the collector to honour objections.
// It tells once a page load, the first time that the page is hidden or left; what changes later is not told.
//
// A tracker that waits for consent is asked when it was given: only what happened after that is told, and what
// happened before is dropped. So it must be loaded before whatever gives the consent.
import { onCLS, onINP, onLCP } from 'web-vitals';

const page = document;

const start = () => {
  const tracker = self.mayfly;
  if (!tracker) return;
  const { consent } = tracker;
  // From when on what happens may be told.
  let since = consent ? Infinity : 0;
  let url = location.href;
  let found = [];
  const told = new WeakSet();

  // Each time that a measure has another value; it is the same object until the page is left for good.
  const keep = (measure) => told.has(measure) || found.includes(measure) || found.push(measure);

  const tell = () => {
    if (!page.hidden || since == Infinity) return;
    const ratings = {};
    for (const measure of found) {
      told.add(measure);
      if (measure.entries.every(({ startTime }) => startTime >= since)) {
        ratings[measure.name] = measure.rating.replace('-', ' ');
      }
    }
    found = [];
    for (const any in ratings) return tracker('web_vitals', ratings, { url });
  };

  if (consent) {
    tracker.consent = (given) => {
      consent(given);
      since = given ? Math.min(since, performance.now()) : Infinity;
    };
  }

  // With all changes: a click just before the page is left is measured after the library's last report.
  for (const measure of [onLCP, onINP, onCLS]) measure(keep, { reportAllChanges: true });
  // At the window, on the way up: the library has listened on the way down, and has its last values.
  addEventListener('visibilitychange', tell);
  // A page from the back-forward cache is measured anew.
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) url = location.href;
  });
};

// While a page is prerendered, the tracker is not there yet.
if (page.prerendering) page.addEventListener('prerenderingchange', start);
else start();
