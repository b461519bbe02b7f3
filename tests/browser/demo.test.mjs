// A walk through the demo: what the real tracker sends is on the dashboard within 3 seconds, and the browser of
// the walker keeps nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, keepsNothing, looks } from './browser.mjs';
import { scene } from './scene.mjs';
import { until } from './server.mjs';

const SITE = 'demo.mayfly.local';
const SEEN_MS = 3_000;

let server, api, person, close;
before(async () => {
  ({ server, api, person, close } = await scene({ flags: ['--demo'] }));
});
after(() => close?.());

/** Today's report of the demo. */
const report = (more = '') => api(`/api/sites/${SITE}/report?p=day&limit=100${more}`);
const rowOf = (answer, panel, end) => answer.panels[panel].rows.find((row) => (row.value ?? row.name).endsWith(end));
const count = (answer, panel, end, counter) => rowOf(answer, panel, end)?.[counter] ?? 0;

/** The dashboard of the demo's day, signed in, in a browser of its own. */
async function dashboard(query = '?p=day') {
  const page = await person({ cookie: api.cookie });
  await page.goto(`${server.origin}/s/${SITE}${query}`);
  await page.getByRole('region', { name: 'Pages', exact: true }).waitFor();
  return page;
}

test('the walk is on the dashboard within 3 seconds', async () => {
  const before = await report();
  const watched = await dashboard();
  const page = await person({ permissions: ['clipboard-write'] });
  const refused = [];
  page.on('response', (answer) => {
    if (answer.url().includes('/api/event') && answer.status() !== 202) refused.push(answer.status());
  });
  const told = [];
  const strangers = [];
  page.on('request', (request) => {
    if (request.url().includes('/api/event')) told.push(request.postData() ?? '');
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.origin)) strangers.push(request.url());
  });

  await page.goto(`${server.origin}/demo`);
  await page.getByText('This page is measured by Mayfly.').waitFor();
  await accessible(page, 'the demo');
  for (const name of ['how', 'pricing', 'questions', 'start']) {
    await page.locator(`[data-mayfly-section=${name}]`).evaluate((section) => section.scrollIntoView({ behavior: 'instant', block: 'center' }));
    await until(SEEN_MS, () => told.some((body) => body.includes(`"section":"${name}"`)));
  }
  await page.evaluate(() => scrollTo({ top: 1e6, behavior: 'instant' }));
  await page.getByRole('link', { name: 'Docs' }).first().click();
  await page.getByRole('button', { name: 'Copy: Install' }).click();
  await keepsNothing(page.context(), page);
  await accessible(page, 'the docs');
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('link', { name: 'Choose Team' }).click();
  await page.waitForURL('**/demo/signup?plan=team');
  await accessible(page, 'the sign-up');
  await page.getByLabel('Name', { exact: true }).fill('Ada');
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
  const last = page.waitForResponse((answer) => answer.request().postData()?.includes('"signup"') ?? false);
  await page.getByRole('button', { name: 'Create account' }).click();
  assert.equal((await last).status(), 202);

  // The dashboard, open all the while, shows it by itself.
  const from = performance.now();
  const left = () => Math.max(1, SEEN_MS - (performance.now() - from));
  const events = watched.getByRole('region', { name: 'Events', exact: true });
  const pages = watched.getByRole('region', { name: 'Pages', exact: true });
  for (const name of ['signup', 'plan_card_click', 'copy', 'scroll', 'section_view']) {
    await events.getByRole('link', { name, exact: true }).waitFor({ timeout: left() });
  }
  await pages.getByText('/demo/signup').first().waitFor({ timeout: left() });
  assert.deepEqual(refused, []);
  assert.deepEqual(strangers, []);
  await keepsNothing(page.context(), page);

  const seen = await until(SEEN_MS, async () => {
    const answer = await report();
    return count(answer, 'event', 'signup', 'events') > count(before, 'event', 'signup', 'events') && answer;
  });
  const more = (panel, end, counter) => count(seen, panel, end, counter) - count(before, panel, end, counter);
  assert.equal(more('page', '/demo', 'pageviews'), 2);
  assert.equal(more('page', '/demo/docs', 'pageviews'), 1);
  assert.equal(more('page', '/demo/signup', 'pageviews'), 1);
  for (const [name, n] of [['signup', 1], ['plan_card_click', 1], ['copy', 1], ['scroll', 4], ['section_view', 4]]) {
    assert.equal(more('event', name, 'events'), n, name);
  }
  const visits = (answer) => answer.tiles.visits.value ?? 0;
  assert.equal(visits(seen) - visits(before), 1, 'the walk is one visit');
  await page.context().close();
  await watched.context().close();
});

test('the declared funnel counted the walk', async () => {
  const rows = (await report()).panels.funnel?.rows ?? [];
  const steps = rows.filter((row) => (row.funnel ?? row.name).startsWith('Sign-up'));
  assert.ok(steps.length > 0, `a funnel's rows: ${JSON.stringify(rows)}`);
});

test('the overview with history is accessible and fits', async () => {
  const page = await dashboard('?p=28d&c=prev');
  await looks(page, 'overview');
  await page.getByRole('radio', { name: 'Views' }).first().check({ force: true });
  await page.waitForURL(/m=pageviews/);
  await page.context().close();
});

test('what the demo declares is what its settings say', async () => {
  const settings = await api(`/api/sites/${SITE}/settings`);
  assert.deepEqual(
    settings.events.map((event) => event.name).filter((name) => ['copy', 'plan_card_click', 'scroll', 'section_view', 'signup'].includes(name)).sort(),
    ['copy', 'plan_card_click', 'scroll', 'section_view', 'signup'],
  );
});
