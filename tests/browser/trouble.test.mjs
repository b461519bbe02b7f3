// What a page shows when its server does not answer as it should: in each case what happened, and the way on.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, looks, shot } from './browser.mjs';
import { scene, settled } from './scene.mjs';
import { login } from './server.mjs';

const SITE = 'shop.example.com';
const REPORT = '**/api/**/report?*';

let server, api, person, page, close;
before(async () => {
  ({ server, api, person, page, close } = await scene({ at: '2026-11-20T12:00:30Z', site: { host: SITE, zone: 'UTC' } }));
  for (const [n, path] of ['/', '/', '/pricing'].entries()) {
    const answer = await fetch(`${server.origin}/api/event`, {
      method: 'POST',
      headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 'x-forwarded-for': `192.0.2.${n}` },
      body: JSON.stringify({ n: 'pageview', d: SITE, u: `https://${SITE}${path}` }),
    });
    assert.equal(answer.status, 202);
  }
});
after(() => close?.());

const HOME = `/s/${SITE}?p=day`;
const alert = (text) => page.getByRole('alert').filter({ hasText: text });
const told = () => page.locator('.top').first().innerText();
const retry = () => page.getByRole('alert').getByRole('button', { name: 'Retry' });

async function opened() {
  await page.goto(server.origin + HOME);
  await settled(page);
  return told();
}
/** Asks for another view, whose report is met by `handler`. */
async function askMeeting(handler) {
  await page.route(REPORT, handler);
  await page.keyboard.press('x');
}
/** The old numbers are there, with their time; Retry brings new ones, once it can. */
async function oldNumbersStay(before) {
  assert.equal(await told(), before, 'the old numbers stay');
  await page.getByRole('alert').getByText('Numbers as of 12:00.').waitFor();
  assert.equal(await page.locator('main').getAttribute('aria-busy'), 'false');
  await accessible(page, 'an error beside old numbers');
  await page.unroute(REPORT);
  await retry().click();
  await page.getByRole('alert').waitFor({ state: 'detached' });
  await settled(page);
}

// "500, abort, 12 s delay, 401, expired share." Seen to fail with old numbers that go when an error comes, and with a
// report that is waited for without end.
test('T12: an error of the server is said beside the old numbers, and Retry mends it', async () => {
  const before = await opened();
  assert.match(before, /Views\s*3/);
  const words = 'something went wrong here; the server\'s log says what';
  await askMeeting((route) => route.fulfill({ status: 500, contentType: 'application/json', body: JSON.stringify({ error: words }) }));
  await alert(words).waitFor();
  await looks(page, 'error-500');
  await oldNumbersStay(before);
  // A proxy's page says no words of ours.
  await opened();
  await askMeeting((route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }));
  await alert('The server answered 502.').waitFor();
  await page.unroute(REPORT);
});

test('T12: no answer at all is said, also where there are no numbers yet', async () => {
  const before = await opened();
  await askMeeting((route) => route.abort());
  await alert('The server did not answer.').waitFor();
  await oldNumbersStay(before);
  await page.route(REPORT, (route) => route.abort());
  await page.goto(server.origin + HOME);
  await alert('The server did not answer.').waitFor();
  assert.equal(await page.locator('.bones').count(), 0, 'nothing seems to load');
  await shot(page, 'error-first');
  await page.unroute(REPORT);
  await retry().click();
  await settled(page);
  assert.match(await told(), /Views\s*3/);
});

test('T12: a report that takes 12 seconds is dimmed, called slow at 3, given up at 10', async () => {
  const before = await opened();
  let begun;
  await askMeeting(async (route) => {
    begun = performance.now();
    const late = setTimeout(() => route.continue().catch(() => {}), 12_000);
    page.once('close', () => clearTimeout(late));
  });
  await page.locator('main.dim').waitFor();
  assert.equal(await page.locator('main').getAttribute('aria-busy'), 'true');
  assert.equal(await told(), before);
  const after = (ms) => Math.abs(performance.now() - begun - ms) < 1_500 ? 'in time' : `after ${Math.round(performance.now() - begun)} ms`;
  await page.getByRole('status').filter({ hasText: 'Still working' }).waitFor();
  assert.equal(after(3_000), 'in time', 'Still working');
  await shot(page, 'still-working');
  await alert('No answer after 10 seconds.').waitFor();
  assert.equal(after(10_000), 'in time', 'the error');
  await oldNumbersStay(before);
});

test('T12: a session that ended asks to sign in, where one was', async () => {
  await opened();
  await api('/api/session', { method: 'DELETE' });
  await page.keyboard.press('x');
  await page.getByRole('heading', { name: 'Sign in to Mayfly' }).waitFor();
  assert.equal(await page.evaluate(() => location.pathname), `/s/${SITE}`);
  await looks(page, 'session-ended');
});

test('T12: a share that ends says so, before and while it is open', async () => {
  const staff = await login(server);
  const { path } = await staff(`/api/sites/${SITE}/shares`, { method: 'POST', body: { name: 'today', kind: 'link', last_day: '2026-11-20' } });
  const shared = await person();
  await shared.goto(`${server.origin}${path}?p=7d`);
  await shared.getByText('Open until 20 Nov 2026').waitFor();
  await settled(shared);
  server.clock.move('2026-11-21T00:00:30Z');
  await shared.keyboard.press('x');
  await shared.getByRole('alert').filter({ hasText: 'this link ended with 2026-11-20' }).waitFor();
  await shared.reload();
  await shared.getByRole('heading', { name: 'This link has ended' }).waitFor();
  await looks(shared, 'share-ended');
  await shared.context().close();
});
