// What a view costs: requests, bytes, paint, shifts, the time from a click to new numbers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { measured, opening } from './cost.mjs';
import { scene, settled } from './scene.mjs';

const SITE = 'demo.mayfly.local';
const HOME = `/s/${SITE}`;
/** Gzipped or better, with the headers of the answer. */
const HEADERS_BYTES = 1_200;
const BUDGET = { document: 2_000 + HEADERS_BYTES, script: 40_000 + HEADERS_BYTES, stylesheet: 8_000 + HEADERS_BYTES };
/** What the overview of the demo is told, packed. */
const REPORT = 18_000 + HEADERS_BYTES;
const REPAINT_MS = 200;
/** "Good", by the definition of Cumulative Layout Shift, is 0.1. */
const SHIFT = 0.02;

let server, api, person, close;
before(async () => {
  ({ server, api, person, close } = await scene({ flags: ['--demo'] }));
});
after(() => close?.());

// "Bytes, requests, paint, `Server-Timing`." "One document, at most 2 assets, one API call a view. Filter click to repaint at
// most 200 ms." Seen to fail with scripts that are packed in haste (41,507 bytes).
test('T13: a view is one document, two assets and one call, paints without shifts, and says how long the server took', async () => {
  const page = await person({ cookie: api.cookie });
  const { requests, paint, shift, server: timing } = await opening(page, `${server.origin}${HOME}?p=28d`);
  const of = (kind) => requests.filter((one) => one.kind === kind);
  const words = JSON.stringify(requests, null, 1);
  assert.deepEqual(requests.filter((one) => !one.url.startsWith(server.origin)), [], 'third parties');
  assert.equal(of('document').length, 1, words);
  assert.ok(of('script').length === 1 && of('stylesheet').length === 1, words);
  const calls = requests.filter((one) => new URL(one.url).pathname.startsWith('/api/'));
  const paths = calls.map((one) => new URL(one.url).pathname.replace(/^\/api(\/sites\/[^/]+)?/, ''));
  assert.equal(paths.filter((one) => one === '/report').length, 1, words);
  // Beside the view: who is signed in, once a page, and what happens now.
  assert.deepEqual([...new Set(paths)].filter((one) => !['/report', '/state', '/live', '/stream'].includes(one)), [], words);
  assert.equal(paths.filter((one) => one === '/state').length, 1, words);
  assert.deepEqual(requests.filter((one) => !['document', 'script', 'stylesheet'].includes(one.kind) && !calls.includes(one)), [], words);
  for (const [kind, most] of Object.entries(BUDGET)) {
    const bytes = of(kind).reduce((sum, one) => sum + one.bytes, 0);
    assert.ok(bytes > 500 && bytes <= most, `${kind}: ${bytes} of ${most} bytes`);
  }
  const { bytes } = calls.find((one) => one.url.includes('/report?'));
  assert.ok(bytes > 1_000 && bytes <= REPORT, `the report: ${bytes} of ${REPORT} bytes`);
  assert.ok(timing > 0, 'Server-Timing names the report');
  assert.ok(paint.first > 0 && paint.numbers >= paint.first, JSON.stringify(paint));
  assert.ok(shift <= SHIFT, `layout shift ${shift}`);

  // A click on a row: one call, nothing else but what happens now; the best of five, for the machine may be busy.
  const times = [];
  for (const panel of ['Places', 'Sources', 'Devices', 'Pages', 'Events']) {
    await page.goto(`${server.origin}${HOME}?p=28d`);
    await settled(page);
    const row = page.getByRole('region', { name: panel, exact: true }).locator('li a.name').first();
    const { ms, asked, shift: moved } = await measured(page, () => row.click());
    const views = asked.filter((one) => !/\/(live|stream)$/.test(new URL(one).pathname));
    assert.deepEqual(views.map((one) => new URL(one).pathname.split('/').at(-1)), ['report'], panel);
    assert.ok(moved <= 0.1, `${panel}: a click shifts by ${moved}`);
    times.push(ms);
  }
  assert.ok(Math.min(...times) <= REPAINT_MS, `click to repaint in ms: ${times}`);
});
