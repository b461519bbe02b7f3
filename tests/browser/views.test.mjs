// What a view promises: sums that hold, labels that say what is summed, an address that is the whole state; notes,
// the next page, revenue, and what is taken away.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { looks } from './browser.mjs';
import { scene, settled } from './scene.mjs';
import { until } from './server.mjs';

const SITE = 'demo.mayfly.local';
const HOME = `/s/${SITE}`;
const API = `/api/sites/${SITE}`;

let server, api, context, page, close, today;
before(async () => {
  ({ server, api, context, page, close } = await scene({ flags: ['--demo'], settings: { acceptDownloads: true } }));
  ({ today } = (await api(`${API}/report?p=day&c=none`)).meta);
});
after(() => close?.());

const panel = (name) => page.getByRole('region', { name, exact: true });
async function open(path) {
  await page.goto(server.origin + path);
  await settled(page);
}
const ago = (days) => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10);
/** A small generator with a seed: what fails can be run again. */
function random(seed) {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}
async function file(link) {
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  return readFileSync(await download.path());
}

// "For each per-visit panel and 20 random filters: rows + Other = tile, buckets = tile, single days = range."
// Seen to fail with Other left out of Details.
test('T2: rows and Other are the tile, buckets are the tile, and single days are the range', async () => {
  const pick = random(20);
  const period = [ago(5), ago(1)];
  const ask = (search) => api(`${API}/report?c=none&limit=10000&${search}`);
  const whole = await ask(`p=${period.join('..')}`);
  const visits = (values) => values?.visits ?? 0;
  const check = async (search) => {
    const report = await ask(`p=${period.join('..')}${search}`);
    const tile = report.tiles.visits.value;
    let held = 0;
    for (const [name, one] of Object.entries(report.panels)) {
      if (one.overlaps || one.refused || !one.family || (search.includes('page=') && /_page$/.test(name))) continue;
      const sum = one.rows.reduce((all, row) => all + visits(row), 0) + visits(one.rest) + visits(one.other);
      assert.equal(sum, tile, `${search}, ${name}`);
      held++;
    }
    assert.ok(held > 0, `${search}: nothing was held against the tile`);
    const buckets = report.series.buckets.reduce((sum, one) => sum + visits(one.values), 0);
    assert.equal(buckets, tile, `${search}: buckets`);
    let days = [0, 0];
    for (let n = 5; n >= 1; n--) {
      const { tiles } = await ask(`p=${ago(n)}${search}`);
      days = [days[0] + tiles.visits.value, days[1] + tiles.visitors.value];
    }
    // Of visits that ended on a page the visitors are not counted.
    const visitors = report.tiles.visitors.value ?? 0;
    assert.deepEqual(days, [tile, visitors], `${search}: single days`);
  };
  await check('');
  const keys = ['channel', 'source', 'utm_campaign', 'country', 'browser', 'os', 'device', 'entry_page', 'exit_page', 'page'];
  for (let n = 0; n < 20; n++) {
    const key = keys[n % keys.length];
    const rows = whole.panels[key].rows.filter((row) => !/^[(*]/.test(row.value));
    const row = rows[pick(Math.min(rows.length, 6))];
    const overlapping = key === 'page' || n < keys.length;
    await check(`&${key}=${overlapping ? '=' : '!'}${encodeURIComponent(row.value)}`);
  }
  // And so on the page, for each per-visit panel: the details whole, as they are shown.
  for (const dimension of ['channel', 'country', 'browser', 'entry_page']) {
    await open(`${HOME}?p=${period.join('..')}&c=none&d=${dimension}`);
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('row').nth(1).waitFor();
    const shown = await dialog.evaluate((root) => {
      const at = [...root.querySelectorAll('thead th')].findIndex((one) => /^Visits/.test(one.textContent));
      const number = (cell) => Number((cell.title || cell.textContent).replaceAll(',', ''));
      return [...root.querySelectorAll('tbody tr')].reduce((sum, line) => sum + number(line.children[at]), 0);
    });
    assert.equal(shown, whole.tiles.visits.value, `${dimension}, as shown`);
  }
});

// "Labels of R2, in CSV too." Seen to fail with the daily sum left out of Details' head.
test('T4: visitors over several days are called a daily sum in tile, chart, table, details and CSV', async () => {
  for (const [p, words] of [[ago(1), 'Visitors'], ['7d', 'Visitors, daily sum']]) {
    await open(`${HOME}?p=${p}&m=visitors&c=none&i=${p === '7d' ? 'week' : 'hour'}`);
    const tile = page.getByRole('radio', { name: /^Visitors/ });
    assert.match(await tile.evaluate((one) => one.closest('label').querySelector('.name').textContent), new RegExp(`^${words}\\??$`));
    const why = await tile.getAttribute('aria-describedby');
    assert.equal(why !== null, p === '7d', 'the explanation belongs to the sum alone');
    if (why) assert.match(await page.locator(`#${why}`).textContent(), /counts three times/);
    assert.ok((await page.getByRole('slider').getAttribute('aria-label')).startsWith(`${words} over time`));
    await page.getByRole('button', { name: 'Show as table' }).click();
    assert.equal(await page.getByRole('columnheader', { name: /^Visitors/ }).textContent(), words);
    await panel('Places').getByRole('link', { name: /^Details/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('columnheader', { name: /^Visitors/ }).waitFor();
    assert.match(await dialog.getByRole('columnheader', { name: /^Visitors/ }).textContent(), new RegExp(`^${words}`));
    const csv = (await file(dialog.getByRole('link', { name: 'CSV' }))).toString().split('\r\n')[0];
    assert.ok(csv.includes(words.includes(',') ? `"${words}"` : words) && csv.includes('daily sum') === (p === '7d'), csv);
  }
  // By the day, a bucket's visitors are the day's own.
  await open(`${HOME}?p=7d&m=visitors&i=day`);
  assert.match(await page.getByRole('slider').getAttribute('aria-label'), /^Visitors over time/);
});

// "50 random actions, reload = same view, Back x 50 = start." Seen to fail with `replaceState` where a metric is
// chosen.
test('T7: the address is the view: reloading shows the same, and Back undoes each step', async () => {
  const pick = random(7);
  await open(`${HOME}?p=30d`);
  const here = () => page.evaluate(() => location.pathname + location.search);
  /** All that the view says, without what hangs on where mouse and focus are. */
  const shown = async () => {
    await page.mouse.move(0, 0);
    return page.evaluate(async () => {
      document.activeElement?.blur();
      await new Promise(requestAnimationFrame);
      return document.querySelector('main').innerText;
    });
  };
  const steps = [await here()];
  const press = (keys) => () => page.keyboard.press(keys[pick(keys.length)]);
  const any = async (locator) => {
    const count = await locator.count();
    if (count > 0) await locator.nth(pick(count)).click();
  };
  const row = () => any(page.locator('.panels li a.name'));
  const tab = () => any(page.getByRole('tab'));
  const actions = [
    press(['d', 'e', 'w', 't', 'n', 'm', 'ArrowLeft']), press(['x', 'i']), row, row,
    () => any(page.locator('.tiles label')),
    tab, tab,
    () => any(page.getByRole('list', { name: 'Filters' }).getByRole('link')),
    async () => {
      await any(page.locator('.panels a.details'));
      await page.getByRole('dialog').waitFor({ timeout: 3_000 }).catch(() => {});
    },
  ];
  for (let n = 0; n < 50; n++) {
    const before = await here();
    const closes = (await page.getByRole('dialog').count()) > 0;
    const action = actions[pick(actions.length)];
    await page.evaluate(() => { window.pushed = 0; history.pushState = new Proxy(history.pushState, { apply: (to, self, given) => ((window.pushed += 1), Reflect.apply(to, self, given)) }); });
    if (closes) await page.keyboard.press('Escape');
    else await action();
    await settled(page);
    const now = await here();
    const pushed = await page.evaluate(() => window.pushed > 0);
    // A tab is chosen in place; whatever else changes is a step to go back to.
    assert.equal(pushed, now !== before && (closes || action !== tab), `${before} to ${now}`);
    if (pushed) steps.push(now);
    else steps[steps.length - 1] = now;
    if (n % 10 === 9) {
      const text = await shown();
      await page.reload();
      await settled(page);
      // Tabs of the second script come a moment after the report.
      await until(5_000, async () => (await shown()) === text).catch(async () => assert.equal(await shown(), text, now));
      assert.equal(await here(), now);
    }
  }
  assert.ok(steps.length > 20, `${steps.length} steps`);
  // Chromium remembers 50 entries; here there are fewer.
  assert.ok(steps.length < 48, `${steps.length} steps`);
  for (const step of steps.slice(0, -1).reverse()) {
    await page.goBack();
    await page.waitForFunction((wanted) => location.pathname + location.search === wanted, step);
  }
  await settled(page);
});

test('notes: written in a dialog, marked on the chart, told by arrow and table, edited and removed', async () => {
  await open(`${HOME}?p=28d`);
  const menu = page.getByRole('button', { name: 'Menu', exact: true });
  await menu.click();
  await page.getByRole('button', { name: 'Notes' }).click();
  const dialog = page.getByRole('dialog', { name: 'Notes' });
  await dialog.getByText('No notes yet.').waitFor();
  await dialog.getByLabel('Day').fill(ago(3));
  await dialog.getByRole('textbox', { name: 'Note' }).fill('New prices');
  await page.keyboard.press('Enter');
  await dialog.getByRole('listitem').getByText('New prices').waitFor();
  await looks(page, 'notes');
  await dialog.getByRole('button', { name: 'Edit: New prices' }).click();
  await dialog.getByRole('textbox', { name: 'Note' }).fill('New prices for teams');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('listitem').getByText('New prices for teams').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('path.note').waitFor({ state: 'attached' });
  const chart = page.getByRole('slider');
  await chart.press('End');
  for (let n = 0; n < 3; n++) await chart.press('ArrowLeft');
  await until(5_000, async () => / before\. New prices for teams$/.test(await chart.getAttribute('aria-valuetext')));
  await page.getByRole('button', { name: 'Show as table' }).click();
  assert.match(await page.getByRole('row').filter({ hasText: 'New prices for teams' }).textContent(), /visits|\d/);
  await looks(page, 'chart-table');
  await menu.click();
  await page.getByRole('button', { name: 'Notes' }).click();
  await dialog.getByRole('button', { name: 'Remove: New prices for teams' }).click();
  await dialog.getByText('No notes yet.').waitFor();
  await page.keyboard.press('Escape');
  await until(5_000, async () => (await page.locator('path.note').count()) === 0);
});

test('the next pages of a page: a row goes there', async () => {
  await open(`${HOME}?p=7d&tab=flow`);
  await panel('Pages').getByText(/^Pick one page/).waitFor();
  await open(`${HOME}?p=7d&tab=flow&page=/demo/docs`);
  const { rows } = (await api(`${API}/report?p=7d&page=/demo/docs`)).panels.flow;
  const names = await panel('Pages').locator('li a.name').allInnerTexts();
  assert.deepEqual(names, rows.filter(({ value }) => value !== '(other)').map(({ name }) => name));
  await panel('Pages').getByRole('link', { name: '/demo/signup', exact: true }).click();
  await page.waitForFunction(() => /page=.*\/demo\/signup/.test(location.search) && /tab=flow/.test(location.search));
  await settled(page);
  await looks(page, 'flow');
});

test('revenue is a tile and a chart of an event that has a currency, and of no other', async () => {
  await open(`${HOME}?p=28d&event=purchase`);
  const { value, currency } = (await api(`${API}/report?p=28d&event=purchase`)).tiles.value_sum;
  assert.equal(currency, 'EUR');
  const exact = new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(value / 100);
  await page.getByTitle(exact, { exact: true }).first().waitFor();
  await page.getByText('Revenue', { exact: true }).first().click();
  await page.waitForFunction(() => /m=value_sum/.test(location.search));
  await settled(page);
  assert.match(await page.getByRole('slider').getAttribute('aria-valuetext'), /€[\d,]+\.\d\d revenue/);
  await looks(page, 'revenue');
  await open(`${HOME}?p=28d&event=copy`);
  assert.equal(await page.getByRole('radio', { name: /^Revenue/ }).count(), 0);
});

test('a view is taken away: as a ZIP, as all that is stored, as a table for a spreadsheet, on paper', async () => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.origin });
  await open(`${HOME}?p=7d&country=DE`);
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  const zip = await file(page.getByRole('link', { name: 'This view as tables (ZIP)' }));
  assert.ok(zip.subarray(0, 2).toString() === 'PK' && zip.includes('Only where country is DE.') && zip.includes('/chart.csv'));
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  const tar = await file(page.getByRole('link', { name: 'Everything stored, as Parquet' }));
  assert.ok(tar.includes('pages_place.parquet') && tar.includes('PAR1') && tar.includes('notes.json'));

  await open(`${HOME}?p=7d&d=country`);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('row').nth(1).waitFor();
  await dialog.getByRole('button', { name: 'Copy as table' }).click();
  await page.getByText('Copied: paste it into a spreadsheet').waitFor();
  const lines = (await page.evaluate(() => navigator.clipboard.readText())).split('\n').map((line) => line.split('\t'));
  const { rows, other } = await api(`${API}/rows?p=7d&dimension=country`);
  const visits = lines[0].indexOf('Visits');
  assert.equal(lines[0][0], 'Country');
  assert.deepEqual(lines.slice(1).map((line) => Number(line[visits])), [...rows, ...(other ? [other] : [])].map((row) => row.visits));

  await open(`${HOME}?p=7d`);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  assert.ok(await page.getByRole('heading', { name: 'Sources' }).isVisible() && await page.getByText(SITE, { exact: true }).first().isVisible());
  for (const gone of [page.locator('.tools'), page.getByRole('button', { name: 'Show as table' }), page.getByRole('tab', { selected: false }).first()]) {
    assert.equal(await gone.isVisible(), false, `${gone}`);
  }
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--text')), '#1b1f27');
  await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
});
