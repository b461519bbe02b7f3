// The rules that come from the data, as the page says them: whose midnight, what is not told, what is new, what is stored
// apart; and what a row can do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HOST } from './browser.mjs';
import { scene, settled } from './scene.mjs';
import { until } from './server.mjs';

const SITE = 'demo.mayfly.local';
const HOME = `/s/${SITE}`;
const API = `/api/sites/${SITE}`;
const REPORT = /\/report\?/;

let server, api, context, page, close;
before(async () => {
  ({ server, api, context, page, close } = await scene({ flags: ['--demo'], settings: { timezoneId: 'Pacific/Honolulu' } }));
});
after(() => close?.());

const panel = (name) => page.getByRole('region', { name, exact: true });
const chips = () => page.getByRole('list', { name: 'Filters' });
const report = (search) => api(`${API}/report?${search}`);
const at = (search) => page.waitForFunction((wanted) => decodeURIComponent(location.search) === wanted, search);
async function open(path) {
  await page.goto(server.origin + path);
  await settled(page);
}
/** The page is told of the report what `edit` makes of it. */
const told = (edit) => page.route(REPORT, async (route) => {
  const response = await route.fetch();
  const json = await response.json();
  edit(json);
  await route.fulfill({ response, json });
});
const change = (row) => row.locator('.change').innerText();

// R1. Seen to fail with the browser's zone in place of the site's.
test('R1: the days end at the midnight of the site, and the page says where that is', async () => {
  for (const [site, zone] of [[SITE, 'UTC'], [HOST, 'Europe/Tallinn']]) {
    await open(`/s/${site}?p=7d`);
    await page.getByText(`Days end at 00:00 ${zone}`, { exact: true }).waitFor();
  }
});

// R3. Seen to fail with the share that is told in place of the other.
test('R3: Other is pinned, no link, and says on focus how much is not told', async () => {
  await open(`${HOME}?p=28d`);
  const { other, told } = (await report('p=28d')).panels.country;
  assert.ok(other.visits > 0 && told > 0 && told < 1);
  const last = panel('Places').locator('li').last();
  assert.equal(await last.getByRole('link').count(), 0);
  const tip = last.getByRole('note');
  const part = 1 - told;
  const share = (n) => new Intl.NumberFormat('en-GB', { style: 'percent', maximumFractionDigits: n }).format(part);
  const said = await tip.getAttribute('aria-label');
  assert.ok([0, 1].some((n) => said === `Other (fewer than 5). ${share(n)} of this is not told row by row`), `${said}: ${part}`);
  const bubble = () => tip.evaluate((one) => getComputedStyle(one, '::after').display);
  assert.equal(await bubble(), 'none');
  await tip.focus();
  assert.equal(await bubble(), 'block');
});

// R3. Seen to fail with the sentence left out where an event was turned away.
test('R3: rows that overlap say so, also beside what else there is to say', async () => {
  await told((json) => { json.meta.rejected_undeclared = 12; });
  await open(`${HOME}?p=7d`);
  await panel('Pages').getByText('A visit sees several pages: rows add up to views, not to visits.').waitFor();
  const events = panel('Events');
  await events.getByText('12 rejected: not declared').waitFor();
  await events.getByText('A visit may hold several events: rows add up to counts, not to visits.').waitFor();
  await events.getByRole('tab', { name: 'Goals' }).click();
  await events.getByText('These overlap: their rows do not add up.').waitFor();
  await open(`${HOME}?p=7d&event=plan_card_click`);
  await panel('Pages').getByText('A visit may hold several events: rows add up to counts, not to visits.').waitFor();
  await page.unroute(REPORT);
});

// R3, R5. Seen to fail with `uncertain` left out of `changeOf`.
test('R3, R5: a row says why it has no change: under k before, new, or less sure than what is not told', async () => {
  await told(({ panels: { country, page } }) => {
    Object.assign(country.rows[0], { untold_before: true, previous: null });
    Object.assign(country.rows[1], { uncertain: true });
    Object.assign(page.rows[0], { new: true, previous: null });
    page.rows[1].previous = { ...page.rows[1].previous, pageviews: 0 };
    delete page.rows[1].compared;
  });
  await open(`${HOME}?p=7d`);
  const row = (name, n) => panel(name).locator('li').nth(n);
  assert.equal(await change(row('Places', 0)), 'under 5 before');
  assert.equal(await change(row('Places', 1)), '');
  assert.match(await change(row('Places', 2)), /^(▲|▼)? ?[+−]?\d/);
  assert.equal(await change(row('Pages', 0)), 'new');
  assert.equal(await change(row('Pages', 1)), '▲ from 0', 'and no percentage');
  await page.unroute(REPORT);
});

// R4. Seen to fail with a badge on every view.
test('R4: a view with the open day in it says which part of it is told, and of when', async () => {
  const { meta } = await report('p=7d');
  const badge = meta.as_of
    ? `Today is open: campaigns, places and devices as of ${meta.as_of}; complete after midnight`
    : 'Today is open: campaigns, places and devices show from the next full hour; complete after midnight';
  await open(`${HOME}?p=7d`);
  // The hour may have turned since.
  await page.getByText(badge).or(page.getByText(/^Today is open: campaigns, places and devices as of \d\d:00; complete after midnight$/)).waitFor();
  await open(`${HOME}?p=yesterday`);
  assert.equal(await page.getByText('Today is open').count(), 0);
});

// R6. Seen to fail with tabs that go when a filter refuses them.
test('R6: a panel that a filter refuses stays, says why, and leads out', async () => {
  await open(`${HOME}?p=28d&tab=funnel`);
  const events = panel('Events');
  await events.getByRole('heading', { name: /^Sign-up/ }).waitFor();
  await panel('Places').getByRole('link', { name: 'Germany', exact: true }).click();
  await events.getByText('funnels are counted whole and by source only').waitFor();
  assert.equal(await events.getByRole('tab', { name: 'Funnels' }).getAttribute('aria-selected'), 'true');
  assert.equal(await events.getByText('Why', { exact: true }).count(), 0, 'this is not of two families');
  await panel('Sources').getByText('Why', { exact: true }).click();
  await panel('Sources').getByText(/^No stored row says both where a visit came from/).waitFor();
  await events.getByRole('link', { name: 'Remove: Country' }).click();
  await at('?tab=funnel');
  await events.getByRole('heading', { name: /^Sign-up/ }).waitFor();
  await open(`${HOME}?p=7d&entry_page=/demo&tab=page`);
  await panel('Pages').getByText('what visits that began or ended here saw elsewhere is not stored').waitFor();
  await panel('Pages').getByRole('link', { name: 'Remove: Entry page' }).click();
  await at('?p=7d&tab=page');
});

// R6. Seen to fail with rows that are no links beside a section.
test('a page stands in for its section, with Undo', async () => {
  await open(`${HOME}?p=7d&section=/demo/docs*`);
  const name = panel('Pages').locator('li a.name').first();
  await name.click();
  await chips().getByText('Page is').waitFor();
  assert.equal(await chips().getByRole('listitem').count(), 1);
  await page.getByText('Replaced the filter on Section: stored apart.').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await at('?p=7d&section=/demo/docs*');
  await settled(page);
  await panel('Pages').getByRole('tab', { name: 'Entry' }).click();
  await panel('Pages').locator('li a.name').first().click();
  await chips().getByText('Entry page is').waitFor();
  assert.equal(await chips().getByRole('listitem').count(), 1);
});

// "Row = a link that sets the filter (Ctrl-click: new tab)." Seen to fail with rows that take every click for themselves.
test('a row opens in a new tab by Ctrl-click', async () => {
  await open(`${HOME}?p=7d`);
  const [tab] = await Promise.all([
    context.waitForEvent('page'),
    panel('Places').getByRole('link', { name: 'Germany', exact: true }).click({ modifiers: ['Control'] }),
  ]);
  await tab.waitForURL(/country=DE/);
  await tab.getByRole('list', { name: 'Filters' }).getByText('Germany').waitFor();
  await tab.close();
  await at('?p=7d');
});

// "Short numbers (12.3k) with the exact one on hover and focus." Seen to fail with `title` alone.
test('a short number is told exactly on hover, on focus, and to who listens', async () => {
  await open(`${HOME}?p=all&c=none`);
  const { tiles, panels } = await report('p=all&c=none');
  const whole = (n) => new Intl.NumberFormat('en-GB').format(n);
  const tile = page.locator('.tile input[value=pageviews]');
  const value = page.locator('.tile:has(input[value=pageviews]) .value');
  const exact = whole(tiles.pageviews.value);
  const short = await value.innerText();
  assert.match(short, /k$/);
  assert.equal(await value.getAttribute('title'), exact);
  await page.getByRole('radio', { name: new RegExp(exact) }).first().waitFor({ state: 'attached' });
  await tile.focus();
  assert.equal(await value.innerText(), exact);
  await tile.blur();
  assert.equal(await value.innerText(), short);
  const first = panel('Pages').locator('li').first();
  const views = whole(panels.page.rows[0].pageviews);
  const cell = first.locator('.n').first();
  assert.equal(await cell.getAttribute('title'), views);
  assert.ok((await cell.textContent()).includes(views), 'hidden, and read');
  await first.getByRole('link').first().focus();
  await until(2_000, async () => (await cell.textContent()).trim().endsWith(views));
});

// Seen to fail with Enter that does nothing by week.
test('the chart leads to what is pointed at, by day, week and hour, and promises no more', async () => {
  const chart = page.getByRole('slider');
  const { series, range } = await report('p=28d&i=week');
  const [, second, third] = series.buckets;
  const before = (day) => new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);
  await open(`${HOME}?p=28d&i=week`);
  await chart.press('Home');
  await chart.press('ArrowRight');
  await chart.press('Enter');
  await at(`?p=${second.at}..${before(third.at)}`);
  await settled(page);
  await page.goBack();
  await settled(page);
  await chart.press('Home');
  await chart.press('Enter');
  await at(`?p=${range.first}..${before(second.at)}`);
  await open(`${HOME}?p=${range.first}..${second.at}&i=hour`);
  await chart.press('Home');
  await chart.press('Enter');
  await at(`?p=${range.first}`);
  await settled(page);
  assert.match(await chart.getAttribute('aria-label'), /Arrow keys move$/);
  await chart.press('Enter');
  await at(`?p=${range.first}`);
});

// "Esc close, else clear filters." Seen to fail with filters that go while the menu stays.
test('Escape closes what a key opened before it clears filters', async () => {
  await open(`${HOME}?p=7d&device=desktop`);
  await page.keyboard.press('r');
  const live = page.getByRole('img', { name: /^Last 30 minutes/ });
  await live.waitFor();
  await page.keyboard.press('Escape');
  await live.waitFor({ state: 'detached' });
  await at('?p=7d&device=desktop');
  await page.keyboard.press('Escape');
  await at('?p=7d');
});

// Seen to fail with 'Year before' that asks for the previous period.
test('the comparison is the period before, the year before, dates, or none; by weekday or by date', async () => {
  const menu = async (name) => {
    await page.getByRole('button', { name: /^Compare/ }).click();
    await page.locator('.sheet').getByRole('button', { name, exact: true }).click();
  };
  await open(`${HOME}?p=7d`);
  const shows = async (search) => {
    await at(search);
    await settled(page);
    const { comparison, tiles } = await report(`c=prev&${search.slice(1)}`.replace(/^c=prev&(?=.*c=)/, ''));
    const { first, last } = comparison;
    const words = await page.locator('.facts .muted').first().innerText();
    assert.ok(words.startsWith('compared with ') || words.startsWith('nothing stored for '), words);
    assert.ok(words.includes(String(Number(last.slice(8)))), `${words}: ${first} to ${last}`);
    return tiles.visits.previous;
  };
  const usual = await shows('?p=7d');
  await menu('Match date');
  const byDate = await shows('?p=7d&cw=date');
  assert.equal(typeof byDate, 'number');
  await menu('Match weekday');
  await menu('Year before');
  await shows('?p=7d&c=year');
  await page.getByRole('button', { name: 'Compare: vs year before' }).waitFor();
  await page.getByRole('button', { name: /^Compare/ }).click();
  const { range } = await report('p=7d');
  const ago = (days) => new Date(Date.parse(range.first) - days * 86_400_000).toISOString().slice(0, 10);
  await page.locator('.sheet').getByLabel('From').fill(ago(14));
  await page.locator('.sheet').getByLabel('To').fill(ago(8));
  await page.locator('.sheet').getByRole('button', { name: 'Apply' }).click();
  const custom = await shows(`?p=7d&c=${ago(14)}..${ago(8)}`);
  assert.ok(custom > 0 && custom !== usual);
  const before = page.locator('.tile').first().locator('.before');
  assert.equal((await before.getAttribute('title')).replaceAll(',', ''), String(custom));
  await menu(/^No comparison/);
  await at('?p=7d&c=none');
  await settled(page);
  assert.equal(await page.locator('.tile .before').count(), 0);
});

// Seen to fail with Medium that lists campaigns.
test('each of the six tabs of Sources lists its own rows', async () => {
  await open(`${HOME}?p=28d`);
  const { panels } = await report('p=28d');
  const tabs = panel('Sources').getByRole('tab');
  assert.deepEqual(await tabs.allInnerTexts(), ['Channel', 'Source', 'Campaign', 'Medium', 'Content', 'Term']);
  for (const [n, key] of ['channel', 'source', 'utm_campaign', 'utm_medium', 'utm_content', 'utm_term'].entries()) {
    await tabs.nth(n).click();
    const names = await panel('Sources').locator('li:not(.other) .name').allInnerTexts();
    const wanted = panels[key].rows.slice(0, 9).map((row) => row.name.toLowerCase());
    assert.ok(wanted.length > 0, key);
    assert.deepEqual(names.map((name) => name.toLowerCase()), wanted, key);
  }
});

// Seen to fail with `^` written as `~`.
test('filters by hand: is not, starts with, and any of several', async () => {
  await open(`${HOME}?p=7d`);
  const add = async (key, operator, value) => {
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await page.getByLabel('Filter by').selectOption({ label: key });
    await page.locator('.sheet').getByLabel('How').selectOption({ label: operator });
    await page.getByLabel('Value', { exact: true }).fill(value);
    await page.getByRole('button', { name: 'Apply' }).last().click();
    await settled(page);
  };
  const visits = async (search) => (await report(search)).tiles.visits.value;
  await add('Browser', 'is not', 'Firefox');
  await at('?p=7d&browser=!Firefox');
  await chips().getByText('Browser is not').waitFor();
  await panel('Devices').getByRole('link', { name: 'Firefox', exact: true }).waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await at('?p=7d');
  await settled(page);
  await add('Browser', 'is', 'Firefox');
  await add('Browser', 'is', 'Chrome');
  await at('?p=7d&browser=Firefox&browser=Chrome');
  await chips().getByText('Firefox or Chrome', { exact: true }).waitFor();
  const [one, other, both] = await Promise.all(['&browser=Firefox', '&browser=Chrome', '&browser=Firefox&browser=Chrome'].map((text) => visits(`p=yesterday${text}`)));
  assert.ok(one > 0 && other > 0 && both === one + other, `${one}, ${other}, ${both}`);
  await page.keyboard.press('Escape');
  await at('?p=7d');
  await settled(page);
  await add('Page', 'starts with', '127.0.0.1/demo/docs');
  await at('?p=7d&page=^127.0.0.1/demo/docs');
  await chips().getByText('Page starts with').waitFor();
  const names = await panel('Pages').locator('li .name').allInnerTexts();
  assert.ok(names.length > 0 && names.every((name) => name.startsWith('/demo/docs')), names.join());
});

// "Light / dark, on card: text … bar under text …", exactly as given. Seen to fail with another grey.
test('the colours are those of the specification, light and dark', async () => {
  const wanted = {
    light: { text: '#1b1f27', muted: '#5a6372', accent: '#3446c4', grey: '#767f8e', up: '#166b3b', down: '#a62b1f', bar: '#dfe3fa' },
    dark: { text: '#e8eaf0', muted: '#a3abb9', accent: '#98a5ff', grey: '#8089a0', up: '#6fd29a', down: '#ff9c8f', bar: '#2b3263' },
  };
  await open(`${HOME}?p=7d`);
  const tokens = (names) => page.evaluate((all) => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(all.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }, names);
  const rgb = (hex) => `rgb(${[1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16)).join(', ')})`;
  const drawn = () => page.evaluate(() => {
    const of = (selector, key) => getComputedStyle(document.querySelector(selector))[key];
    return { text: of('body', 'color'), muted: of('.muted', 'color'), accent: of('path.now', 'stroke'), grey: of('path.before', 'stroke'), bar: of('.rows .bar', 'backgroundColor') };
  });
  for (const look of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: look });
    assert.deepEqual(await tokens(Object.keys(wanted[look])), wanted[look], look);
    const { up, down, ...shown } = wanted[look];
    assert.deepEqual(await drawn(), Object.fromEntries(Object.entries(shown).map(([name, hex]) => [name, rgb(hex)])), `${look}, as drawn`);
  }
  // And where it is chosen, against what the system likes.
  for (const [name, look] of [['Light', 'light'], ['Dark', 'dark']]) {
    await page.emulateMedia({ colorScheme: look === 'light' ? 'dark' : 'light' });
    await page.getByRole('button', { name: 'Menu', exact: true }).click();
    await page.getByRole('button', { name, exact: true }).click();
    await page.keyboard.press('Escape');
    assert.deepEqual(await tokens(Object.keys(wanted[look])), wanted[look], `${look}, chosen`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
});

test('the document is under a strict policy, and says what else browsers are asked', async () => {
  const { headers } = await fetch(server.origin + HOME);
  const policy = Object.fromEntries(headers.get('content-security-policy').split(';').map((one) => one.trim().split(/ (.*)/)));
  assert.equal(policy['default-src'], "'self'");
  for (const kind of ['script-src', 'style-src', 'connect-src']) assert.ok(!(kind in policy), `${kind} would widen it`);
  for (const [kind, values] of Object.entries(policy)) assert.doesNotMatch(values, /unsafe|\*|http/, kind);
  assert.deepEqual([policy['object-src'], policy['base-uri'], policy['frame-ancestors'], policy['form-action']], ["'none'", "'none'", "'none'", "'self'"]);
  for (const [name, value] of [
    ['x-content-type-options', 'nosniff'], ['referrer-policy', 'same-origin'], ['x-frame-options', 'DENY'], ['cross-origin-opener-policy', 'same-origin'],
    ['cross-origin-resource-policy', 'same-origin'],
  ]) assert.equal(headers.get(name), value, name);
  assert.match(headers.get('permissions-policy'), /camera=\(\), geolocation=\(\), microphone=\(\)/);
  assert.equal(headers.get('strict-transport-security'), null, 'over plain http');
});

// Seen to fail with a script that is asked for in silence.
test('a script that does not load says so, and offers to load the page anew', async () => {
  await context.route('**/assets/*.js', (route) => (/\/(index|main)/.test(new URL(route.request().url()).pathname) ? route.continue() : route.fulfill({ status: 404 })));
  await open(`${HOME}?p=7d`);
  await page.getByRole('button', { name: /^Period/ }).click();
  await page.getByText('A part of this page did not load.').waitFor();
  await context.unroute('**/assets/*.js');
  await page.getByRole('button', { name: 'Retry' }).click();
  await settled(page);
  await page.getByRole('button', { name: /^Period/ }).click();
  await page.getByRole('button', { name: 'Last month' }).waitFor();
});
