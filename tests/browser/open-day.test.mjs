// A small site on its open day: what was turned away and how it is declared, why nothing arrives, a crowd of one, and what
// others see of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { scene, settled } from './scene.mjs';
import { change, until } from './server.mjs';

const SITE = 'shop.example.com';
const OTHER = 'new.example.com';
const HOME = `/s/${SITE}`;
const ROWS = /\/rows\?/;
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
const BOT = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';

let server, api, person, page, close;
before(async () => {
  ({ server, api, person, page, close } = await scene({ at: '2026-11-20T12:10:30Z', site: { host: SITE, zone: 'UTC' } }));
  await api('/api/sites', { method: 'POST', body: { host: OTHER, zone: 'UTC' } });
  for (let n = 1; n <= 6; n++) {
    await hit({ visitor: n });
    await hit({ visitor: n, name: 'sign_up' });
  }
});
after(() => close?.());

async function hit({ visitor = 1, name = 'pageview', site = SITE, host = site, path = '/pricing', agent = FIREFOX }) {
  const answer = await fetch(`${server.origin}/api/event`, {
    method: 'POST',
    headers: { 'user-agent': agent, 'x-forwarded-for': `198.51.100.${visitor}` },
    body: JSON.stringify({ n: name, d: site, u: `https://${host}${path}` }),
  });
  assert.equal(answer.status, 202);
}
const panel = (name) => page.getByRole('region', { name, exact: true });
async function open(path, of = page) {
  await of.goto(server.origin + path);
  await settled(of);
}
/** The settings are open at this part. */
async function openedAt(part, heading) {
  await page.waitForFunction((hash) => location.pathname.endsWith('/settings') && location.hash === hash, `#${part}`);
  await heading.waitFor();
  await until(5_000, () => heading.evaluate((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  }));
}

// "Footer: 'n rejected: not declared' with a link to proposals." Seen to fail with a link that loses what is behind its #, and
// with a declaration that loads the form anew.
test('what was not declared is counted, leads to the proposals, and is declared beside what was typed', async () => {
  await open(`${HOME}?p=day`);
  await panel('Events').getByText('6 rejected: not declared').waitFor();
  await panel('Events').getByRole('link', { name: 'See proposals' }).click();
  await openedAt('proposals', page.getByRole('heading', { name: 'Proposals' }));
  const proposed = page.getByRole('button', { name: 'Declare sign_up' });
  await proposed.waitFor();
  await page.getByText(/by [56] visitors/).waitFor();
  const months = page.getByLabel('Months to keep');
  await months.fill('7');
  await page.getByRole('button', { name: 'Add an event' }).click();
  await page.getByLabel('Event name').fill('copy');
  await proposed.click();
  await proposed.waitFor({ state: 'detached' });
  assert.equal(await months.inputValue(), '7');
  assert.deepEqual(await page.getByLabel('Event name').evaluateAll((all) => all.map((one) => one.value)), ['copy', 'sign_up']);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  const { events, retention_months: kept } = await api(`/api/sites/${SITE}/settings`);
  assert.deepEqual([events.map((one) => one.name).sort(), kept], [['copy', 'sign_up'], 7]);
});

// Seen to fail with tabs that show only where something is declared.
test('who may declare sections, goals and funnels is led there, and nobody else', async () => {
  for (const [name, tab, part, heading] of [
    ['Pages', 'Sections', 'sections', 'Paths'], ['Events', 'Goals', 'goals', 'Goals'], ['Events', 'Funnels', 'funnels', 'Funnels'],
  ]) {
    await open(`${HOME}?p=day`);
    await panel(name).getByRole('tab', { name: tab }).click();
    await panel(name).getByText('Nothing here.').waitFor();
    await panel(name).getByRole('link', { name: 'Declare in settings' }).click();
    await openedAt(part, page.getByRole('heading', { name: heading, exact: true }));
  }
  await open(`${HOME}?p=day&tab=language`);
  await panel('Devices').getByRole('link', { name: 'Change in settings' }).click();
  await openedAt('kept', page.getByRole('checkbox', { name: 'Language' }));
  const { path } = await api(`/api/sites/${SITE}/shares`, { method: 'POST', body: { name: 'x', kind: 'link' } });
  server.clock.move('2026-11-20T13:10:30Z');
  const guest = await person();
  await open(`${path}?p=day`, guest);
  await guest.getByRole('tab', { name: 'Events' }).waitFor();
  assert.equal(await guest.getByRole('tab', { name: /Sections|Goals|Funnels/ }).count(), 0);
  await guest.context().close();
});

// "A small icon opens the page itself." Seen to fail with an icon that shows by hover alone.
test('the icon of a row opens the page itself, and is seen where nothing hovers', async () => {
  await open(`${HOME}?p=day`);
  const first = panel('Pages').locator('li').first();
  const name = await first.locator('.name').innerText();
  const icon = first.getByRole('link', { name: `Open ${name} in a new tab` });
  const seen = (of) => of.evaluate((one) => getComputedStyle(one).opacity);
  await page.mouse.move(0, 0);
  assert.equal(await seen(icon), '0');
  await first.hover();
  assert.equal(await seen(icon), '1');
  await page.mouse.move(0, 0);
  await first.locator('.name').focus();
  assert.equal(await seen(icon), '1');
  assert.deepEqual(await icon.evaluate((one) => [one.href, one.target, one.rel]), [`https://${SITE}${name}`, '_blank', 'noopener noreferrer']);

  const touching = await person({ cookie: api.cookie, hasTouch: true, isMobile: true });
  await touching.goto(`${server.origin}${HOME}?p=day`);
  await settled(touching);
  assert.equal(await seen(touching.getByRole('link', { name: `Open ${name} in a new tab` }).first()), '1', 'where nothing hovers');
  await touching.context().close();
});

// "Counting starts at the declaration and says so." Seen to fail with a funnel that says nothing.
test('a funnel says since when it is counted', async () => {
  await change(api, SITE, (settings) => {
    settings.funnels = [{ name: 'Buy', steps: [{ page: '/pricing' }, { page: '/thanks' }] }];
    settings.vitals = true;
  });
  await hit({ visitor: 30 });
  await hit({ visitor: 30, path: '/thanks' });
  // Told from the next full hour on.
  server.clock.move('2026-11-20T14:10:30Z');
  await until(30_000, async () => (await api(`/api/sites/${SITE}/report?p=day`)).panels.funnel.rows[0]?.entrants === 1);
  await open(`${HOME}?p=7d&tab=funnel`);
  await panel('Events').getByRole('heading', { name: /^Buy/ }).waitFor();
  await panel('Events').getByText('Counted since 20 Nov 2026').waitFor();
  await until(10_000, async () => (await panel('Events').locator('.n').allInnerTexts()).join() === '1,1');
  await open(`${HOME}?p=day&tab=funnel`);
  await panel('Events').getByRole('heading', { name: /^Buy/ }).waitFor();
  assert.equal(await panel('Events').getByText('Counted since').count(), 0, 'all of the range is counted');
});

// "Error: in the panel, old numbers kept with their time." Seen to fail with a tab that is empty while it loads.
test('web vitals say that they load, that it is slow, what went wrong, and try again', async () => {
  const waiting = [];
  await page.route(ROWS, (route) => waiting.push(route));
  await open(`${HOME}?p=day&tab=vitals`);
  await panel('Events').getByText('Loading').waitFor();
  await panel('Events').getByText('Still working').waitFor();
  await page.unroute(ROWS);
  for (const route of waiting) await route.continue().catch(() => {});
  const none = panel('Events').getByText('Nothing measured in this range.').first();
  await none.waitFor();
  assert.equal(await panel('Events').getByText('Still working').count(), 0);
  await page.route(ROWS, (route) => route.fulfill({ status: 500, json: { error: 'The server answered 500.' } }));
  await page.keyboard.press('w');
  await page.waitForFunction(() => location.search.includes('p=7d'));
  await settled(page);
  const alert = panel('Events').getByRole('alert');
  await alert.getByText(/The server answered 500\. Numbers as of \d\d:\d\d\./).waitFor();
  await none.waitFor();
  await page.unroute(ROWS);
  await alert.getByRole('button', { name: 'Retry' }).click();
  await alert.waitFor({ state: 'detached' });
  await none.waitFor();
});

// "After 60 s the likely causes and the rejected hits by reason." Seen to fail with causes from the start.
test('the set-up names the likely causes after a minute, and what was turned away at once, by reason', async () => {
  const waiting = await person({ cookie: api.cookie });
  await waiting.clock.install();
  await waiting.goto(`${server.origin}/s/${OTHER}/setup`);
  await waiting.getByRole('heading', { name: 'Waiting for the first event' }).waitFor();
  const causes = waiting.getByText('Nothing yet. The usual causes:');
  await waiting.clock.runFor(50_000);
  assert.equal(await causes.count(), 0);
  await waiting.clock.runFor(11_000);
  await causes.waitFor();
  await waiting.getByText('The server has received no request for this site today.').waitFor();
  assert.ok((await waiting.locator('ol li').count()) >= 4);
  await waiting.context().close();

  await hit({ site: OTHER, agent: BOT });
  await hit({ site: OTHER, agent: BOT });
  await hit({ site: OTHER, host: 'elsewhere.example.com' });
  await page.goto(`${server.origin}/s/${OTHER}/setup`);
  await page.getByRole('heading', { name: 'Turned away today' }).waitFor();
  const line = (reason) => page.getByRole('listitem').filter({ hasText: reason });
  await until(10_000, async () => (await line('a known bot').locator('strong').innerText()) === '2');
  assert.equal(await line('the page’s host is not one of this site').locator('strong').innerText(), '1');
  await line('Add it to the hosts in the settings.').waitFor();
  assert.equal(await page.getByText('The usual causes').count(), 0, 'what is known needs no guess');
});

// Seen to fail with an address that keeps nothing but the view.
test('a frame keeps what its address says of it, whatever is clicked in it', async () => {
  const made = async (site) => (await api(`/api/sites/${site}/shares`, { method: 'POST', body: { name: 'x', kind: 'link' } })).path;
  const guest = await person();
  await open(`${await made(SITE)}?embed=1&theme=dark&lang=de&p=day`, guest);
  await guest.getByRole('region', { name: 'Seiten' }).getByRole('link', { name: '/pricing', exact: true }).click();
  await guest.waitForFunction(() => /[?&]page=/.test(location.search));
  await settled(guest);
  await guest.keyboard.press('w');
  await guest.waitForFunction(() => /[?&]p=7d/.test(location.search));
  const frame = () => guest.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme, document.documentElement.dataset.shared]);
  assert.deepEqual(await frame(), ['de', 'dark', 'embedded']);
  await guest.reload();
  await settled(guest);
  assert.deepEqual(await frame(), ['de', 'dark', 'embedded']);
  assert.match(await guest.evaluate(() => location.search), /page=/);
  await guest.goBack();
  await guest.waitForFunction(() => /p=day/.test(location.search));
  const search = new URLSearchParams(await guest.evaluate(() => location.search));
  assert.deepEqual(['embed', 'theme', 'lang'].map((key) => search.getAll(key)), [['1'], ['dark'], ['de']]);

  await open(await made(OTHER), guest);
  await guest.getByRole('heading', { name: 'Nothing has arrived yet.' }).waitFor();
  assert.equal(await guest.getByRole('link', { name: 'Set up the site' }).count(), 0, 'that is not theirs to do');
  await guest.context().close();
});

// "R7: k = 1 is shown."
test('R7: from the midnight on that k is 1, the page says that grouping is off', async () => {
  await open(`${HOME}?p=day`);
  const off = page.getByText('Grouping is off for this site');
  assert.equal(await off.count(), 0);
  await change(api, SITE, (settings) => { settings.k = 1; });
  await page.reload();
  await settled(page);
  assert.equal(await off.count(), 0, 'not before midnight');
  server.clock.move('2026-11-21T00:02:30Z');
  await hit({ visitor: 40 });
  await until(30_000, async () => (await api(`/api/sites/${SITE}/report?p=day`)).meta.k === 1);
  await open(`${HOME}?p=day`);
  await off.waitFor();
});
