// First run: only who has the printed token claims the install; then the snippet, and the first hit within 3 s.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, HOST, launch, looks, shot, visitor, website } from './browser.mjs';
import { ADMIN, start } from './server.mjs';

const SEEN_MS = 3_000;

let browser, server, context, page;
before(async () => {
  browser = await launch();
  server = await start();
  context = await visitor(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  page = await context.newPage();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const field = (name) => page.getByLabel(name, { exact: true });

async function fill(token) {
  await field('Claim token').fill(token);
  await field('Your name').fill(ADMIN.name);
  await field('Password').fill(ADMIN.password);
  await field('Site').fill(HOST);
  await field('Time zone').selectOption('Europe/Tallinn');
  await page.getByRole('button', { name: 'Create' }).click();
}

test('a fresh install asks for the token and shows nothing else', async () => {
  await page.goto(server.origin);
  await field('Claim token').waitFor();
  await looks(page, 'first-run');
  const { claimed, sites, user } = await (await fetch(`${server.origin}/api/state`)).json();
  assert.deepEqual({ claimed, sites, user }, { claimed: false, sites: [], user: null });
});

test('a stranger without the token claims nothing', async () => {
  await fill('not-the-token-that-was-printed-00');
  await page.getByRole('alert').first().waitFor();
  assert.equal((await (await fetch(`${server.origin}/api/state`)).json()).claimed, false);
});

// "First run: a hit during setup shows within 3 s; Copy equals the snippet." Seen to fail with
// messages of the stream that are not read, and with a button that copies the code without its quotes.
test('T1: the claim shows the snippet, waits, and sees the first hit within 3 seconds', async () => {
  await fill(server.token);
  await page.getByRole('heading', { name: 'Waiting for the first event' }).waitFor();
  const expected = `<script defer data-site="${HOST}" src="${server.origin}/mayfly.js"></script>`;
  await page.getByText(expected).waitFor();
  await page.getByRole('button', { name: 'Copy' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), expected, 'Copy gives the snippet');
  await looks(page, 'setup-waiting');

  const site = await website({ '/': `<!doctype html><title>Shop</title>${expected}<h1>Shop</h1>` });
  const guest = await visitor(browser);
  try {
    const visit = await guest.newPage();
    const answered = visit.waitForResponse((answer) => answer.url().endsWith('/api/event'));
    await visit.goto(`${site.origin}/`);
    assert.equal((await answered).status(), 202);
    const from = performance.now();
    await page.getByRole('heading', { name: 'The first event has arrived' }).waitFor({ timeout: SEEN_MS });
    assert.ok(performance.now() - from < SEEN_MS);
    await looks(page, 'setup-arrived');
  } finally {
    await guest.close();
    await site.close();
  }
});

test('a new site with few visitors says what shows when', async () => {
  await page.goto(`${server.origin}/s/${HOST}?p=day`);
  for (const name of ['Visits', 'Visitors', 'Views']) await page.getByRole('radio', { name }).first().waitFor();
  for (const name of ['Sources', 'Pages', 'Places', 'Devices', 'Events']) {
    await page.getByRole('region', { name, exact: true }).waitFor();
  }
  await page.getByRole('region', { name: 'Places', exact: true }).getByText(/crowds of 5/).waitFor();
  await page.getByRole('region', { name: 'Pages', exact: true }).getByRole('link', { name: '/', exact: true }).waitFor();
  await looks(page, 'overview-new');
});

test('a claimed install asks strangers to sign in, and cannot be claimed again', async () => {
  const stranger = await visitor(browser);
  const other = await stranger.newPage();
  await other.goto(`${server.origin}/s/${HOST}`);
  await other.getByRole('button', { name: 'Sign in' }).waitFor();
  await shot(other, 'sign-in');
  await accessible(other, 'sign in');
  const again = await fetch(`${server.origin}/api/claim`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mayfly': '1' },
    body: JSON.stringify({ token: server.token, ...ADMIN, site: { host: 'other.example.com', zone: 'UTC' } }),
  });
  assert.equal(again.status, 403);
  assert.equal((await fetch(`${server.origin}/api/sites/${HOST}/report?p=day`)).status, 401);
  await other.getByLabel('Name', { exact: true }).fill(ADMIN.name);
  await other.getByLabel('Password', { exact: true }).fill(ADMIN.password);
  await other.getByRole('button', { name: 'Sign in' }).click();
  await other.getByRole('region', { name: 'Pages', exact: true }).waitFor();
  await stranger.close();
});
