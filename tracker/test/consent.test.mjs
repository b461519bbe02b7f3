// Consent in a real browser: nothing leaves before it, and nothing after it was withdrawn. A page for CookieYes, one for
// any other consent manager, and one with the page's own opt-out.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { collector, html, launch } from './browser.mjs';

const read = (name) => readFileSync(new URL(`pages/${name}.html`, import.meta.url), 'utf8');
const pages = {
  '/hook': read('hook'),
  '/cookieyes': read('cookieyes'),
  '/opt-out': read('opt-out'),
  '/wrong': html('The script that knows no consent.', 'data-site="example.com" data-consent="required"'),
  '/manual': html('By hand.', 'data-site="example.com" data-auto="off"').replace('/mayfly.js', '/mayfly.consent.js'),
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

/** A request of the page's own: what the tracker began before it has arrived by then. */
async function settled() {
  await page.evaluate(() => fetch('/api/event', { method: 'POST', body: '{"n":"marker"}' }));
}
const told = () => server.hits.map((hit) => hit.body.n).filter((name) => name !== 'marker');
const open = (path) => page.goto(server.origin + path, { waitUntil: 'load' });

/** All that a visitor can do on the page with a hook: click, scroll, wait, call, leave and come back. */
async function act() {
  await page.click('#event');
  await page.evaluate(() => new Promise((resolve) => {
    addEventListener('scroll', resolve, { once: true });
    scrollTo(0, scrollY ? 0 : 100_000);
  }));
  await page.evaluate(() => mayfly('plan', {}, { callback: () => { window.called = (window.called ?? 0) + 1; } }));
  await page.clock.runFor(2_000);
  await page.evaluate(() => history.pushState({}, '', `/next-${Math.random()}`));
  await page.evaluate(() => dispatchEvent(new Event('pagehide')));
  await settled();
}

test('nothing leaves before consent, and what happened before it is never told', async () => {
  await page.clock.install();
  await open('/hook');
  await act();
  await act();
  assert.deepEqual(told(), []);
  assert.equal(await page.evaluate(() => called), 2, 'a page that waits for the callback goes on');
  await page.evaluate(() => scrollTo(0, 0));
  await page.getByRole('button', { name: 'Yes' }).click();
  await page.clock.runFor(1_000);
  await page.evaluate(() => dispatchEvent(new Event('pagehide')));
  await server.arrived('engagement');
  await settled();
  assert.deepEqual(told(), ['pageview', 'engagement'], 'the view that runs, from here on');
  assert.equal(server.hits.find((hit) => hit.body.n === 'engagement').body.e, 1000);
});

test('withdrawal stops at once and drops what was not told', async () => {
  await page.clock.install();
  await open('/hook');
  await page.getByRole('button', { name: 'Yes' }).click();
  await server.arrived('pageview');
  await page.getByRole('button', { name: 'Yes' }).click();
  await page.click('#event');
  await server.arrived('choose');
  await page.clock.runFor(5_000);
  await page.getByRole('button', { name: 'No' }).click();
  await act();
  await page.clock.runFor(5_000);
  await act();
  assert.deepEqual(told(), ['pageview', 'choose'], 'said twice, counted once; then nothing');
  await page.evaluate(() => analyticsConsent(true));
  await page.clock.runFor(1_000);
  await page.evaluate(() => dispatchEvent(new Event('pagehide')));
  await server.arrived('engagement');
  assert.deepEqual(told(), ['pageview', 'choose', 'pageview', 'engagement']);
  assert.equal(server.hits.at(-1).body.e, 1000, 'the seconds in between belong to nobody');
});

test('who consented before is counted from the first view on, with the calls that waited', async () => {
  await open('/hook');
  await page.getByRole('button', { name: 'Yes' }).click();
  await server.arrived('pageview');
  await page.evaluate(() => dispatchEvent(new Event('pagehide')));
  server.hits.length = 0;
  await open('/hook');
  await server.arrived('pageview');
});

test('CookieYes is asked and listened to', async () => {
  await open('/cookieyes');
  await settled();
  assert.deepEqual(told(), [], 'no choice is no consent');
  await page.getByRole('button', { name: 'Reject all' }).click();
  await settled();
  assert.deepEqual(told(), []);
  await page.getByRole('button', { name: 'Accept all' }).click();
  await server.arrived('pageview');
  await page.getByRole('button', { name: 'Reject all' }).click();
  await page.evaluate(() => history.pushState({}, '', '/second'));
  await settled();
  assert.deepEqual(told(), ['pageview']);
  await page.getByRole('button', { name: 'Accept all' }).click();
  await server.arrived('pageview', 2);
  server.hits.length = 0;
  await open('/cookieyes');
  await server.arrived('pageview');
  await settled();
  assert.equal(told().filter((name) => name === 'pageview').length, 1, 'the choice is remembered, and asked for twice');
});

test('the page’s own opt-out keeps one constant cookie, on the click, and counts nobody who has it', async () => {
  await open('/opt-out');
  await server.arrived('pageview');
  assert.deepEqual(await context.cookies(), [], 'nothing before the click');
  await page.getByRole('button', { name: 'Do not count me' }).click();
  const [cookie, ...others] = await context.cookies();
  assert.deepEqual(others, []);
  assert.deepEqual([cookie.name, cookie.value, cookie.path, cookie.sameSite], ['mayfly_opt_out', '1', '/', 'Lax']);
  const days = (cookie.expires - Date.now() / 1000) / 86_400;
  assert.ok(days > 390 && days <= 395, `${days} days`);
  await page.evaluate(() => history.pushState({}, '', '/second'));
  await settled();
  await open('/opt-out');
  await settled();
  assert.deepEqual(told(), ['pageview']);
  assert.equal(await page.evaluate(() => mayfly.optedOut), true);
  await page.getByRole('button', { name: 'Count me', exact: true }).click();
  await server.arrived('pageview', 2);
  assert.deepEqual(await context.cookies(), []);
});

test('the script without consent does not run where the page asks for it', async () => {
  await open('/wrong');
  await page.evaluate(() => history.pushState({}, '', '/second'));
  await settled();
  assert.deepEqual(told(), []);
});

test('a page without views by itself has none after consent either', async () => {
  await open('/manual');
  await page.evaluate(() => mayfly.consent(true));
  await page.evaluate(() => mayfly('pageview'));
  await server.arrived('pageview');
  await settled();
  assert.deepEqual(told(), ['pageview']);
});
