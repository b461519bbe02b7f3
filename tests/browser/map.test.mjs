// The map: the countries that are told, with their names and numbers, by pointer and by keyboard.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { looks } from './browser.mjs';
import { scene } from './scene.mjs';

const SITE = 'demo.mayfly.local';
const HOME = `/s/${SITE}?p=30d&tab=map`;

let server, api, page, close;
const asked = [];
before(async () => {
  ({ server, api, page, close } = await scene({ flags: ['--demo'] }));
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
});
after(() => close?.());

const map = () => page.getByRole('group', { name: 'Map of the countries, by visits' });
const links = () => map().getByRole('link');
async function open(path) {
  await page.goto(server.origin + path);
  await page.locator('main[aria-busy=false] .panels:not([aria-hidden])').waitFor();
}

test('the shapes are loaded with the map, and not before', async () => {
  await open(`/s/${SITE}?p=30d`);
  assert.ok(!asked.some((path) => path.includes('shapes')), asked.join('\n'));
  await page.getByRole('tab', { name: 'Map' }).click();
  await links().first().waitFor();
  assert.ok(asked.some((path) => path.includes('shapes')));
  assert.equal(new URL(page.url()).search, '?p=30d&tab=map');
});

test('every told country is on the map with the number of its row, and what is not told is said', async () => {
  await open(HOME);
  await links().first().waitFor();
  const { rows, other } = await api(`/api/sites/${SITE}/rows?p=30d&dimension=country&limit=1000`);
  const places = rows.filter((row) => /^[A-Z]{2}$/.test(row.name));
  assert.ok(places.length > 3, `${places.length} countries`);
  await page.waitForFunction((n) => document.querySelectorAll('.map a').length === n, places.length);
  const names = new Intl.DisplayNames('en', { type: 'region' });
  for (const row of places) {
    const name = `${names.of(row.name)}: ${row.visits.toLocaleString('en')} visits`;
    assert.equal(await map().getByRole('link', { name }).count(), 1, name);
  }
  assert.ok(other.visits > 0);
  await page.getByRole('tabpanel', { name: 'Map' }).getByText(`Other (fewer than 5): ${other.visits.toLocaleString('en')}`).waitFor();
});

test('one tab stop, arrows from country to country, Enter filters', async () => {
  await open(HOME);
  await links().first().waitFor();
  const first = await links().first().getAttribute('aria-label');
  const second = await links().nth(1).getAttribute('aria-label');
  assert.equal(await map().locator('a[tabindex="0"]').count(), 1);
  await links().first().focus();
  const said = page.locator('.map .said');
  assert.equal(await said.textContent(), first);
  await page.keyboard.press('ArrowRight');
  assert.equal(await said.textContent(), second);
  assert.match(page.url(), /p=30d&tab=map$/, 'the period stays');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  await page.waitForURL(/country=[A-Z]{2}/);
  await page.getByRole('list', { name: 'Filters' }).getByText(first.split(':')[0]).waitFor();
});

// Seen to fail with a map that is blank until it is drawn.
test('a map that does not load says so, and is drawn when it is tried again', async () => {
  await page.route(/shapes/, (route) => route.abort());
  await open(HOME);
  const alert = page.getByRole('tabpanel', { name: 'Map' }).getByRole('alert');
  await alert.waitFor();
  await page.unroute(/shapes/);
  await alert.getByRole('button', { name: 'Retry' }).click();
  await links().first().waitFor();
  assert.equal(await alert.count(), 0);
});

test('the map is accessible and fits', async () => {
  await open(HOME);
  await links().first().waitFor();
  await looks(page, 'map');
});
