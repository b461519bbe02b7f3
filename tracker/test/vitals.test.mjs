// Web vitals in a real browser: one word a measure, once a page load, nothing kept, and nothing from before a consent.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { collector, html, launch } from './browser.mjs';

const vitals = '<script defer src="/mayfly.vitals.js"></script>';
const body = '<h1>A page that shows at once</h1><button>Press</button><button id="slow">Slow</button>';
const scripts = `<script>
  document.querySelector('#slow').addEventListener('click', () => { for (const end = performance.now() + 700; performance.now() < end;); });
</script>`;
const consenting = html(body + scripts + vitals).replace('/mayfly.js', '/mayfly.consent.js');
const pages = {
  '/': html(body + scripts + vitals),
  '/next': html('Next.', 'data-site="example.com" data-auto="off"'),
  '/alone': `<!doctype html><title>No tracker</title>${vitals}`,
  '/consent': consenting,
  // What gives the consent comes after the script, as it should, and before it.
  '/given': consenting.replace('</body>', '<script defer src="/give.js"></script></body>'),
  '/late': consenting.replace(vitals, `<script defer src="/give.js"></script>${vitals}`),
  '/give.js': 'mayfly.consent(true);',
};

let browser, server, context, page;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await collector(pages);
  context = await browser.newContext();
  page = await context.newPage();
});
afterEach(async () => {
  await context.close();
  await server.close();
});

const open = (path) => page.goto(server.origin + path, { waitUntil: 'load' });
const told = () => server.hits.filter((hit) => hit.body.n === 'web_vitals').map((hit) => hit.body);
/** The page has shown something, and the browser has said so. */
const shown = () => page.evaluate(() => new Promise((resolve) => {
  new PerformanceObserver(resolve).observe({ type: 'largest-contentful-paint', buffered: true });
}));
/** Everything of the page has arrived: it goes to the next page, which says so itself. */
async function leave() {
  await open('/next');
  await page.evaluate(() => fetch('/api/event', { method: 'POST', body: '{"n":"left"}' }));
  await server.arrived('left');
}
/** Presses, and waits until the browser has painted and measured it. */
async function press(button) {
  await page.evaluate(() => {
    window.measured = new Promise((resolve) => {
      new PerformanceObserver(resolve).observe({ type: 'event', durationThreshold: 16 });
    });
  });
  await page.click(button);
  await page.evaluate(() => Promise.race([window.measured, new Promise((resolve) => setTimeout(resolve, 1_500))]));
}

test('a page that shows, answers and stands still is good, in words, once', async () => {
  await open('/');
  await shown();
  await press('#slow');
  await leave();
  assert.equal(told().length, 1, JSON.stringify(server.hits.map((hit) => hit.body)));
  const [{ p, u, n, d, ...rest }] = told();
  assert.deepEqual({ n, d, u }, { n: 'web_vitals', d: 'example.com', u: `${server.origin}/` });
  assert.deepEqual(p, { LCP: 'good', CLS: 'good', INP: 'poor' }, 'a click that took 700 ms was answered late');
  // Seen to fail with the measured value sent beside the word.
  assert.deepEqual(Object.keys(rest).filter((key) => !['r', 'h'].includes(key)), []);
  assert.doesNotMatch(JSON.stringify(p), /\d/);
});

test('what moves without being asked is poor', async () => {
  await open('/');
  await shown();
  await page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver(resolve).observe({ type: 'layout-shift' });
    const block = document.createElement('div');
    block.style.height = '500px';
    document.body.prepend(block);
  }));
  await leave();
  assert.equal(told()[0]?.p.CLS, 'poor', JSON.stringify(told()));
});

// Seen to fail without the set of measures that were told.
test('it is told the first time that the page is hidden, and not again', async () => {
  await open('/');
  await shown();
  const hide = (hidden) => page.evaluate((is) => {
    Object.defineProperty(document, 'hidden', { value: is, configurable: true });
    Object.defineProperty(document, 'visibilityState', { value: is ? 'hidden' : 'visible', configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
  await press('button >> nth=0');
  await hide(true);
  assert.ok('INP' in (await server.arrived('web_vitals'))[0].body.p);
  await hide(false);
  await press('#slow');
  await hide(true);
  await leave();
  const names = told().flatMap((one) => Object.keys(one.p)).sort();
  assert.deepEqual([...new Set(names)], names, 'each measure once');
});

// Seen to fail with the time of the consent ignored.
test('where consent is asked for, nothing from before it is told', async () => {
  await open('/consent');
  await shown();
  await press('#slow');
  await leave();
  assert.deepEqual(told(), [], 'nobody consented');

  await open('/consent');
  await shown();
  await press('#slow');
  await page.evaluate(() => mayfly.consent(true));
  await leave();
  assert.ok(told().every((one) => !('LCP' in one.p) && !('INP' in one.p)), JSON.stringify(told()));

  server.hits.length = 0;
  await open('/consent');
  await shown();
  await page.evaluate(() => mayfly.consent(true));
  await press('#slow');
  await leave();
  assert.equal(told().length, 1);
  assert.equal(told()[0].p.INP, 'poor', 'what came after the consent is');

  server.hits.length = 0;
  await open('/consent');
  await page.evaluate(() => mayfly.consent(true));
  await press('#slow');
  await page.evaluate(() => mayfly.consent(false));
  await leave();
  assert.deepEqual(told(), [], 'and not after it was withdrawn');
});

test('it hears the consent of what is loaded after it, and tells nothing if it came too late to hear', async () => {
  await open('/given');
  await shown();
  await press('#slow');
  await leave();
  assert.equal(told()[0]?.p.INP, 'poor', JSON.stringify(server.hits.map((hit) => hit.body)));
  server.hits.length = 0;
  await open('/late');
  await shown();
  await press('#slow');
  await leave();
  assert.deepEqual(told(), []);
});

test('without the tracker it does nothing, and nowhere does it keep anything', async () => {
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  await open('/alone');
  await leave();
  assert.deepEqual(told(), []);
  await open('/');
  await shown();
  assert.deepEqual(await context.cookies(), []);
  assert.deepEqual(await context.storageState({ indexedDB: true }), { cookies: [], origins: [] });
  assert.deepEqual(problems, []);
});
