// A published client of the native format, and the old way to load a tracker: they work when only the URL changes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { HOST, launch, visitor, website } from './browser.mjs';
import { change, claim, start, until } from './server.mjs';

const SEEN_MS = 3_000;
// The client is an ES module without imports: the browser runs the published file as it is.
const client = readFileSync(createRequire(import.meta.url).resolve('@plausible-analytics/tracker'), 'utf8');

let browser, server, api, site;
before(async () => {
  browser = await launch();
  server = await start();
  api = await claim(server, { host: HOST, zone: 'UTC' });
  await change(api, HOST, (settings) => {
    settings.events.push({
      name: 'Purchase', currency: 'EUR',
      properties: [{ name: 'plan', values: { list: ['solo', 'team'] } }],
    });
  });
  site = await website({
    '/client.js': client,
    '/npm': `<!doctype html><title>Client</title><script type="module">
      import { init, track } from '/client.js';
      init({ domain: '${HOST}', endpoint: '${server.origin}/api/event', captureOnLocalhost: true });
      window.buy = () => new Promise((resolve) => track('Purchase', {
        props: { plan: 'team' }, revenue: { currency: 'EUR', amount: 9.5 }, callback: resolve,
      }));
      window.ready = true;
      </script><div style="height:3000px">Long</div>`,
    '/old': `<!doctype html><title>Old</title>
      <script>window.plausible = window.plausible || function () { (plausible.q = plausible.q || []).push(arguments) }
      plausible('Purchase', { props: { plan: 'solo' }, callback: (answer) => { window.answered = answer.status } })</script>
      <script defer data-domain="${HOST}" src="${server.origin}/js/script.js"></script>`,
    '/extended': `<!doctype html><title>Extended</title>
      <script defer data-domain="${HOST}" src="${server.origin}/js/script.outbound-links.hash.js"></script>`,
  });
});
after(async () => {
  await browser?.close();
  await site?.close();
  await server?.stop();
});

const report = (more = '') => api(`/api/sites/${HOST}/report?p=day${more}`);
const pageviews = (answer, path) => answer.panels.page.rows.find((row) => row.name.endsWith(path))?.pageviews ?? 0;

test('the npm client: views, events with properties and revenue, engagement', async () => {
  const context = await visitor(browser);
  const page = await context.newPage();
  const viewed = page.waitForResponse((answer) => answer.url().endsWith('/api/event'));
  await page.goto(`${site.origin}/npm`);
  assert.equal((await viewed).status(), 202);
  await page.waitForFunction(() => window.ready);
  assert.deepEqual(await page.evaluate(() => window.buy()), { status: 202 });
  const engaged = page.waitForRequest((request) => request.postData()?.includes('"engagement"') ?? false);
  await page.evaluate(() => history.pushState({}, '', '/npm/second'));
  await engaged;
  const answer = await until(SEEN_MS, async () => {
    const found = await report();
    return pageviews(found, '/npm/second') === 1 && found;
  });
  assert.equal(pageviews(answer, '/npm'), 1);
  const bought = answer.panels.event.rows.find((row) => row.name === 'Purchase');
  assert.equal(bought.events, 1);
  if (bought.value_sum !== undefined) assert.equal(bought.value_sum, 950);
  const live = await api(`/api/sites/${HOST}/live`);
  assert.deepEqual(Object.keys(live.outcomes).filter((name) => live.outcomes[name] > 0), ['accepted']);
  await context.close();
});

test('the old script tag, its queue and its callback', async () => {
  const context = await visitor(browser);
  const page = await context.newPage();
  await page.goto(`${site.origin}/old`);
  await page.waitForFunction(() => window.answered === 202);
  await page.goto(`${site.origin}/extended`);
  const answer = await until(SEEN_MS, async () => {
    const found = await report();
    return pageviews(found, '/extended') === 1 && found;
  });
  assert.equal(pageviews(answer, '/old'), 1);
  await context.close();
});
