// The overview in the hands of product staff: numbers that add up, rows that filter, an address that says it all.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, looks } from './browser.mjs';
import { scene, settled } from './scene.mjs';
import { until } from './server.mjs';

const SITE = 'demo.mayfly.local';
const HOME = `/s/${SITE}`;

let server, api, page, close;
before(async () => {
  ({ server, api, page, close } = await scene({ flags: ['--demo'], settings: { acceptDownloads: true } }));
});
after(() => close?.());

const panel = (name) => page.getByRole('region', { name, exact: true });
const chips = () => page.getByRole('list', { name: 'Filters' });
const query = () => new URL(page.url()).search;
const at = (search) => page.waitForFunction((wanted) => location.search === wanted, search);
/** The view is there: its numbers answer its address. */
async function open(path) {
  await page.goto(server.origin + path);
  await settled(page);
}

/** Rows, what is over the limit, and what is not told: together the tile, in every panel that parts the visits. */
function addsUp(report, what) {
  const add = (values) => values?.visits ?? 0;
  for (const [name, one] of Object.entries(report.panels)) {
    if (one.overlaps || one.refused || !one.family || one.rows.length === 0) continue;
    const sum = one.rows.reduce((all, row) => all + add(row), 0) + add(one.rest) + add(one.other);
    assert.equal(sum, report.tiles.visits.value, `${what}, ${name}`);
  }
}

test('rows, rest and Other are the tile, and buckets are the tile, whatever is filtered', async () => {
  const ask = (search) => api(`/api/sites/${SITE}/report?c=none&${search}`);
  for (const search of ['p=yesterday', 'p=last_month']) {
    const whole = await ask(search);
    addsUp(whole, search);
    assert.equal(
      whole.series.buckets.reduce((sum, one) => sum + (one.values.visits ?? 0), 0),
      whole.tiles.visits.value,
      `${search}: buckets`,
    );
    for (const key of ['channel', 'source', 'country', 'browser', 'device', 'entry_page']) {
      const first = whole.panels[key].rows[0];
      const filtered = await ask(`${search}&${key}=${encodeURIComponent(first.value)}`);
      assert.equal(filtered.tiles.visits.value, first.visits, `${search}, ${key} ${first.value}: row and tile`);
      addsUp(filtered, `${search}, ${key}`);
    }
  }
});

test('a row is a filter; a second family replaces the first, with Undo; Back undoes one step', async () => {
  await open(`${HOME}?p=7d`);
  await panel('Places').getByRole('link', { name: 'Germany', exact: true }).click();
  await at('?p=7d&country=DE');
  await chips().getByText('Germany').waitFor();
  await panel('Sources').getByText(/Stored apart/).waitFor();
  await settled(page);
  await panel('Sources').getByRole('button', { name: 'Show sources without that filter' }).click();
  await at('?p=7d');
  await page.getByRole('button', { name: 'Undo' }).click();
  await at('?p=7d&country=DE');
  await page.goBack();
  await at('?p=7d');
  await panel('Places').getByRole('link', { name: 'Germany', exact: true }).waitFor();
  await page.goForward();
  await at('?p=7d&country=DE');
  await page.reload();
  await settled(page);
  await chips().getByText('Germany').waitFor();
  await looks(page, 'overview-filtered');
  await chips().getByRole('link', { name: /Remove/ }).click();
  await at('?p=7d');
});

test('an event has tiles and a chart of its own, by plan', async () => {
  await open(`${HOME}?p=28d`);
  await panel('Events').getByRole('link', { name: 'plan_card_click', exact: true }).click();
  await page.getByRole('radio', { name: 'Rate' }).waitFor({ state: 'attached' });
  assert.ok(await page.getByRole('radio', { name: 'Count' }).isChecked());
  await settled(page);
  await page.getByRole('slider').press('Home');
  assert.match(await page.getByRole('slider').getAttribute('aria-valuetext'), /\d+ count/);
  await panel('Events').getByRole('tab', { name: 'Properties' }).click();
  for (const plan of ['solo', 'team', 'company']) {
    await panel('Events').getByRole('link', { name: plan, exact: true }).waitFor();
  }
  await looks(page, 'overview-event');
});

test('the funnel says how many go on', async () => {
  await open(`${HOME}?p=28d&tab=funnel`);
  await panel('Events').getByRole('heading', { name: /Sign-up/ }).first().waitFor();
  const first = (await api(`/api/sites/${SITE}/report?p=28d`)).panels.funnel.rows[0].steps;
  assert.ok(first.every(({ entrants }, i) => entrants > 0 && (i === 0 || entrants <= first[i - 1].entrants)), JSON.stringify(first));
  await accessible(page, 'funnels');
});

test('details: all rows, search, sort, CSV; Escape closes and focus returns', async () => {
  await open(`${HOME}?p=28d`);
  const opener = panel('Pages').getByRole('link', { name: /^Details/ });
  await opener.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('row').nth(1).waitFor();
  await looks(page, 'details');
  await dialog.getByRole('searchbox').fill('docs');
  await until(5_000, async () => {
    const names = await dialog.getByRole('rowheader').allInnerTexts();
    return names.length > 0 && names.every((name) => name.includes('docs'));
  });
  await dialog.getByRole('button', { name: 'Exits' }).click();
  await dialog.getByRole('columnheader', { name: /Exits/, exact: false }).and(page.locator('[aria-sort=descending]')).waitFor();
  assert.match(query(), /d=page&q=docs&sort=-exits/);
  const [file] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('link', { name: 'CSV' }).click()]);
  assert.match(file.suggestedFilename(), /\.csv$/);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await at('');
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), /Details/);
});

test('every shortcut of the help does what it says, and none with a modifier or in a field', async () => {
  await open(HOME);
  for (const [key, search] of [
    ['d', '?p=day'], ['e', '?p=yesterday'], ['w', '?p=7d'], ['t', '?p=30d'], ['n', '?p=91d'], ['m', '?p=month'],
    ['p', '?p=last_month'], ['y', '?p=year'], ['l', '?p=12mo'], ['a', '?p=all'], ['f', ''], ['x', '?c=none'], ['x', ''],
    ['i', '?i=week'],
  ]) {
    await page.keyboard.press(key);
    await at(search);
    await settled(page);
  }
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(() => /p=\d{4}-/.test(location.search));
  await page.keyboard.press('f');
  await at('');
  await settled(page);
  await page.keyboard.press('Control+d');
  await page.keyboard.press('/');
  await page.getByLabel('Value', { exact: true }).fill('wet');
  await page.keyboard.press('w');
  assert.equal(query(), '');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await accessible(page, 'help');
  await page.keyboard.press('Escape');
});

test('the screens around it are accessible and fit', async () => {
  for (const [name, path, heading] of [
    ['sites', '/', 'All sites'], ['settings', `${HOME}/settings`, 'Settings'], ['keys', '/keys', 'API keys'],
    ['privacy', `${HOME}/privacy`, 'What is stored'], ['account', '/account', 'Account'],
  ]) {
    await page.goto(server.origin + path);
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
    await page.waitForLoadState('networkidle');
    await looks(page, name);
  }
  await page.goto(`${server.origin}/s/shop.example.com`);
  await page.getByRole('heading', { name: 'Nothing has arrived yet.' }).waitFor();
  await looks(page, 'overview-nothing');
  await page.goto(`${server.origin}${HOME}?p=7d&page=/not/there`);
  await page.getByRole('heading', { name: 'The filters match nothing in this range.' }).waitFor();
  await looks(page, 'overview-no-match');
});

test('settings are saved as they are typed, and what is wrong is said beside its field', async () => {
  await page.goto(`${server.origin}${HOME}/settings`);
  const sections = page.getByLabel('Sections', { exact: false }).first();
  await sections.fill('/demo/docs*\n/demo/blog/*\n/demo/signup*');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').first().waitFor();
  const { sections: stored } = await api(`/api/sites/${SITE}/settings`);
  assert.deepEqual(stored.map((one) => one.pattern), ['/demo/docs*', '/demo/blog/*', '/demo/signup*']);
  // The third is in no funnel and no goal.
  const name = page.getByLabel('Event name').nth(2);
  await name.fill('');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').first().waitFor();
  assert.equal(await name.getAttribute('aria-invalid'), 'true');
});

test('a key is shown once, reads reports, and is revoked', async () => {
  await page.goto(`${server.origin}/keys`);
  await page.getByLabel('Name', { exact: true }).fill('sheet');
  await page.getByRole('button', { name: 'Create' }).click();
  const key = (await page.getByText(/^mf_/).first().innerText()).trim();
  const site = await page.getByRole('combobox', { name: 'Site' }).inputValue();
  const ask = () => fetch(`${server.origin}/api/sites/${site}/report?p=7d`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal((await ask()).status, 200);
  await page.reload();
  assert.equal(await page.getByText(key).count(), 0);
  await page.getByRole('button', { name: /Revoke/ }).click();
  await until(5_000, async () => (await ask()).status === 401);
});
