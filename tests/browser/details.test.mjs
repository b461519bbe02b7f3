// Details: names are searched and sorted as they are shown, tables are whole, changes are told; and what stands on the
// overview by name is found by that name in the filter's form, in the address and on a share.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { scene, settled } from './scene.mjs';
import { until } from './server.mjs';

const SITE = 'demo.mayfly.local';
const HOME = `/s/${SITE}`;
const API = `/api/sites/${SITE}`;

let server, api, page, person, close;
before(async () => {
  ({ server, api, page, person, close } = await scene({ flags: ['--demo'] }));
});
after(() => close?.());

const dialog = (of = page) => of.getByRole('dialog');
const names = (of = page) => dialog(of).locator('tbody th a').allInnerTexts();
async function open(search, of = page) {
  await of.goto(`${server.origin}${HOME}?${search}`);
  await dialog(of).locator('tbody tr').first().waitFor();
}
const sorted = (list, language) => [...list].sort(new Intl.Collator(language).compare);

// Seen to fail with rows that are searched and sorted by their codes.
test('countries are searched and sorted by the names that are shown, in each language', async () => {
  await open('p=28d&d=country');
  const all = await names();
  assert.ok(all.includes('Germany') && all.length > 3, `${all}`);
  await dialog().getByRole('button', { name: 'Country' }).click();
  await until(5_000, async () => new URL(page.url()).searchParams.get('sort') === 'name');
  assert.deepEqual(await names(), sorted(all, 'en'));
  await dialog().getByRole('button', { name: 'Country' }).click();
  await until(5_000, async () => (await names())[0] === sorted(all, 'en').at(-1));
  await dialog().getByRole('searchbox').fill('germ');
  await until(5_000, async () => (await names()).join() === 'Germany');
  await dialog().getByText('1 of 1 rows').waitFor();
  const german = await person({ cookie: api.cookie, locale: 'de-DE' });
  await open('p=28d&d=country&q=deutsch', german);
  assert.deepEqual(await names(german), ['Deutschland']);
  await german.context().close();
});

// Seen to fail with names that the server does not sort by.
test('pages are sorted by name, their table has all rows, and each row has its change', async () => {
  await open('p=7d&d=page&sort=name');
  const { rows, total_rows: total } = await api(`${API}/rows?p=7d&c=prev&dimension=page&sort=name`);
  assert.deepEqual((await names()).slice(0, 5), rows.filter((row) => !/^[(*]/.test(row.name)).slice(0, 5).map((row) => row.name));
  assert.equal(await dialog().locator('[aria-sort=ascending]').innerText(), 'Page');
  const csv = await (await fetch(`${server.origin}${API}/rows?p=7d&dimension=page&format=csv`, { headers: { cookie: `${api.cookie.name}=${api.cookie.value}` } })).text();
  assert.equal(csv.trimEnd().split('\r\n').length, total + 1);
  const changes = await dialog().locator('tbody tr td:last-child').allInnerTexts();
  assert.ok(changes.some((one) => /%|new|under 5 before/.test(one)), `${changes}`);
});

// "…&tab=campaign,entry&d=sources&q=ha&sort=-rate". Seen to fail with a panel's name taken for a dimension's.
test('the address of the specification opens what it says, and one that names nothing says so', async () => {
  await open('p=28d&event=plan_card_click&tab=campaign,entry&d=sources&q=a&sort=-rate');
  await dialog().getByRole('heading', { name: 'Campaign' }).waitFor();
  assert.match(await dialog().locator('[aria-sort=descending]').innerText(), /^Rate/);
  await page.goto(`${server.origin}${HOME}?d=nonsense`);
  await dialog().getByText('Not understood: d=nonsense').waitFor();
  assert.equal(await dialog().getByRole('button', { name: 'Retry' }).count(), 0);
});

// Seen to fail with what is typed taken as the value.
test('a filter by hand takes the names that are shown', async () => {
  await page.goto(`${server.origin}${HOME}?p=28d`);
  await settled(page);
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await page.locator('.sheet select').first().selectOption('country');
  await until(5_000, async () => (await page.locator('#filter-values option').evaluateAll((all) => all.map((one) => one.value))).includes('Germany'));
  await page.getByLabel('Value', { exact: true }).fill('germany');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.waitForFunction(() => new URLSearchParams(location.search).get('country') === 'DE');
  await page.getByText(/Country is Germany/).waitFor();
});

// Seen to fail with properties that are asked of the settings.
test('the properties of an event are on a share too, and which one is in the address', async () => {
  const { path } = await api(`${API}/shares`, { method: 'POST', body: { name: 'all', kind: 'link', view: '' } });
  const guest = await person();
  await guest.goto(`${server.origin}${path}?p=7d&event=plan_card_click&tab=properties`);
  await settled(guest);
  const events = guest.getByRole('region', { name: 'Events', exact: true });
  await events.getByRole('link', { name: 'solo', exact: true }).waitFor();
  await events.getByRole('link', { name: 'plan', exact: true }).and(guest.locator('[aria-current=true]')).click();
  await guest.waitForFunction(() => location.search.includes('tab=properties,prop.plan'));
  await guest.reload();
  await events.getByRole('link', { name: 'solo', exact: true }).waitFor();
  await guest.context().close();
});
