// What is shared, in a browser without an account: made and revoked on the settings page, read-only, never wider.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createServer } from 'node:http';
import { accessible, looks } from './browser.mjs';
import { scene, settled } from './scene.mjs';
import { until } from './server.mjs';

const SITE = 'demo.mayfly.local';

let server, api, staff, context, page, close;
before(async () => {
  let person;
  ({ server, api, person, page: staff, close } = await scene({ flags: ['--demo'] }));
  page = await person();
  context = page.context();
});
after(() => close?.());

const share = async (body) => server.origin + (await api(`/api/sites/${SITE}/shares`, { method: 'POST', body: { name: 'x', kind: 'link', ...body } })).path;
const panel = (name) => page.getByRole('region', { name, exact: true });

test('a view is shared from its menu, opened without an account, and revoked', async () => {
  await staff.goto(`${server.origin}/s/${SITE}?p=7d&source=Google`);
  await staff.getByRole('button', { name: 'Menu' }).click();
  await staff.getByRole('link', { name: 'Share this view' }).click();
  const form = staff.getByRole('region', { name: 'Sharing' });
  assert.equal(await form.getByLabel('Only this view').inputValue(), 'p=7d&source=Google');
  await form.getByLabel('Name', { exact: true }).fill('for Eve');
  await form.getByRole('button', { name: 'Share', exact: true }).click();
  const link = (await form.getByText(/\/share\/mfs_/).first().innerText()).trim();
  await looks(staff, 'shares');
  await page.goto(link);
  await page.getByRole('heading', { name: SITE, level: 1 }).waitFor();
  await page.getByText('Only: Source is Google').waitFor();
  await settled(page);
  assert.equal(await page.title(), `${SITE}, shared · Mayfly`);
  await looks(page, 'share');
  // Nothing on it needs an account.
  await page.getByRole('button', { name: 'Menu' }).click();
  for (const name of ['Share this view', 'Notes', /ZIP/, /Everything stored/, 'API keys', 'Account']) {
    assert.equal(await page.getByRole('button', { name }).or(page.getByRole('link', { name })).count(), 0, name);
  }
  assert.equal(await page.locator('a[href*="/s/"]:visible, a[href*="/settings"]:visible, a[href="/"]:visible').count(), 0);
  await page.keyboard.press('Escape');
  await staff.bringToFront();
  await form.getByRole('button', { name: 'Revoke for Eve' }).click();
  await form.getByText('Nothing is shared.').waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'This link opens nothing' }).waitFor();
  await looks(page, 'share-revoked');
});

// "A share with a locked filter cannot be widened by URL or API." Seen to fail with locked filters that hold only where none is
// asked for.
test('T15: a share with a locked filter cannot be widened by URL or API', async () => {
  const link = await share({ view: 'source=Google' });
  const token = link.split('/').at(-1);
  const ask = async (search) => {
    const answer = await fetch(`${server.origin}/api/shares/${token}/report?p=7d&c=none&${search}`);
    return answer.ok ? answer.json() : answer.status;
  };
  const whole = await ask('');
  const visits = whole.tiles.visits.value;
  const all = (await api(`/api/sites/${SITE}/report?p=7d&c=none`)).tiles.visits.value;
  assert.ok(visits > 0 && visits < all, `${visits} of ${all}`);
  for (const search of ['source=Bing', 'source=~', 'source=*', 'source=!Google', 'channel=Search', 'channel=!Search', 'country=DE', 'page=~/', 'event=plan_card_click']) {
    const found = await ask(search);
    if (typeof found === 'number') {
      assert.equal(found, 400, search);
      continue;
    }
    assert.ok((found.tiles.visits?.value ?? 0) <= visits, `${search}: ${found.tiles.visits?.value} of ${visits}`);
    const sources = found.panels.source.rows.map((row) => row.name);
    assert.deepEqual(sources.filter((name) => name !== 'Google'), [], search);
  }
  await page.goto(`${link}?p=7d&source=Bing`);
  await settled(page).catch(() => {});
  await page.getByText('Only: Source is Google').waitFor();
  await page.getByRole('heading', { name: 'The filters match nothing in this range.' }).waitFor();
  // Narrowing works, by a click.
  await page.goto(`${link}?p=7d`);
  await settled(page);
  const row = panel('Pages').getByRole('link').filter({ hasText: /\/demo/ }).first();
  await row.click();
  await page.waitForFunction(() => location.search.includes('page='));
  await settled(page);
  await page.getByText('Only: Source is Google').waitFor();
});

test('a password opens a link, and a reload does not ask again', async () => {
  const link = await share({ password: 'open it please' });
  await page.goto(link);
  await page.getByRole('heading', { name: 'This link has a password' }).waitFor();
  await looks(page, 'share-password');
  await page.getByLabel('Password').fill('another password');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('alert').getByText('the password is wrong').waitFor();
  await page.getByLabel('Password').fill('open it please');
  await page.keyboard.press('Enter');
  await settled(page);
  await page.reload();
  await settled(page);
  assert.equal((await context.cookies()).find((one) => one.name === 'mayfly_share').path, `/api/shares/${link.split('/').at(-1)}`);
});

test('an embed is shown by the pages that may, in its theme, and by no other', async () => {
  const outer = createServer((request, response) => {
    const { searchParams } = new URL(request.url, 'http://localhost');
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><iframe src="${searchParams.get('of')}" width="1000" height="700"></iframe>`);
  });
  await new Promise((resolve) => outer.listen(0, '127.0.0.1', resolve));
  const { port } = outer.address();
  try {
    const allowed = await share({ frames: [`http://127.0.0.1:${port}`] });
    const other = await share({});
    const open = (link) => page.goto(`http://127.0.0.1:${port}/?of=${encodeURIComponent(`${link}?embed=1&theme=dark`)}`);
    await open(allowed);
    const frame = page.frameLocator('iframe');
    await frame.getByRole('heading', { name: SITE, level: 1 }).waitFor();
    await frame.getByRole('region', { name: 'Pages' }).waitFor();
    assert.equal(await frame.locator('html').getAttribute('data-theme'), 'dark');
    await open(other);
    await until(5_000, async () => page.frames().some((one) => one.url().startsWith('chrome-error:')));
  } finally {
    outer.closeAllConnections();
    await new Promise((resolve) => outer.close(resolve));
  }
});

test('a public site is under its name, and a badge says its number', async () => {
  await share({ kind: 'public', name: 'for all' });
  await page.goto(`${server.origin}/share/${SITE}`);
  await settled(page);
  assert.equal(await page.title(), `${SITE}, public · Mayfly`);
  const badge = await share({ kind: 'badge', view: 'p=yesterday&m=visitors' });
  await page.setContent(`<!doctype html><html lang="en"><title>Elsewhere</title><img src="${badge}" alt="visitors"></html>`);
  await page.waitForFunction(() => document.images[0].complete && document.images[0].naturalWidth > 100);
  const { tiles } = await api(`/api/sites/${SITE}/report?p=yesterday`);
  const picture = await (await fetch(badge)).text();
  assert.match(picture, new RegExp(`aria-label="Visitors, \\d{4}-\\d\\d-\\d\\d: ${tiles.visitors.value}"`));
  await accessible(page, 'badge');
});
