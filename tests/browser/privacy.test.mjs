// The privacy page in the hands of who answers for a site, and the page for its visitors: T14 of the specification.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, HOST, keepsNothing, looks, shot, visitor, website } from './browser.mjs';
import { scene } from './scene.mjs';
import { change, until } from './server.mjs';

const SITE = 'demo.mayfly.local';

let browser, server, api, page, close;
before(async () => {
  ({ browser, server, api, page, close } = await scene({ flags: ['--demo'], settings: { permissions: ['clipboard-read', 'clipboard-write'] } }));
});
after(() => close?.());

const region = (name) => page.getByRole('region', { name, exact: true });
const field = (name) => page.getByRole('combobox', { name, exact: true });
const text = () => page.locator('pre').innerText();
/** The text of the policy, once it says something. */
const says = (words) => page.waitForFunction((wanted) => document.querySelector('pre')?.innerText.includes(wanted), words);

async function open(site) {
  await page.goto(`${server.origin}/s/${site}/privacy`);
  await says(site);
  await page.getByRole('heading', { name: 'In the database' }).waitFor();
}

test('the page tells what is stored, in memory, in the ledger, and what was verified', async () => {
  await open(SITE);
  const { stored, memory, ledger } = await api(`/api/sites/${SITE}/stored`);
  assert.ok(stored.rows > 100 && stored.closed_days > 5, JSON.stringify(stored));
  for (const name of ['page', 'source', 'country', 'browser', 'device']) {
    const one = stored.attributes.find((each) => each.name === name);
    assert.ok(one.rows > 0 && one.first <= one.last, JSON.stringify(one));
    const grouped = !['page', 'source'].includes(name);
    assert.ok(grouped ? one.smallest >= 5 : one.smallest === null, JSON.stringify(one));
  }
  const country = page.getByRole('row').filter({ hasText: 'Country' });
  assert.match(await country.innerText(), /in groups of 5[\s\S]*visitors/);
  assert.equal(Object.values(ledger.outcomes).reduce((sum, n) => sum + n, 0), ledger.received);
  await page.getByRole('row').filter({ hasText: 'counted' }).waitFor();
  if (memory.days.length) await page.getByText(/Erased by .*00:01/).first().waitFor();
  await page.getByRole('heading', { name: 'Last verification' }).waitFor();
  await looks(page, 'privacy');
  await page.setViewportSize({ width: 320, height: 700 });
  await shot(page, 'privacy-320');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320), 'scrolls sideways at 320 px');
  await page.setViewportSize({ width: 1280, height: 800 });
});

// "Changing k or retention changes the policy text." Seen to fail with a text that is asked for without its language.
test('T14: retention and k change the policy text, in every form and language', async () => {
  await open(HOST);
  await says('25 months');
  assert.match(await text(), /k = 5/);
  await change(api, HOST, (settings) => {
    settings.retention_months = 7;
    settings.k = 9;
  });
  await until(5_000, async () => (await (await fetch(`${server.origin}/privacy/${HOST}?format=text&lang=en`)).text()).includes('7 months'));
  await open(HOST);
  await says('7 months');
  assert.match(await text(), /k = 5[\s\S]*k = 9/, 'k counts from midnight on, and the text says so');
  for (const [language, words] of [['Deutsch', '7 Monate'], ['Français', '7 mois']]) {
    await field('Language').selectOption(language);
    await says(words);
    for (const form of ['Markdown', 'HTML', 'Plain text']) {
      await field('Form').selectOption(form);
      await says(form === 'HTML' ? '<h1>' : words);
      assert.ok((await text()).includes(words), `${language}, ${form}`);
    }
  }
  await field('Form').selectOption('JSON');
  await says('"retention_months": 7');
  const facts = JSON.parse(await text());
  assert.deepEqual([facts.in_effect.k, facts.from_next_midnight.k], [5, 9]);
});

test('Copy gives exactly what is served', async () => {
  await open(HOST);
  await field('Form').selectOption('HTML');
  await says('<h1>');
  await region('The text for visitors').first().getByRole('button', { name: 'Copy' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const served = await (await fetch(`${server.origin}/privacy/${HOST}?format=fragment&lang=en`)).text();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), served);
});

test('the page for visitors needs no script, keeps nothing, and is styled under its policy', async () => {
  const guest = await visitor(browser, { javaScriptEnabled: false, locale: 'de-DE' });
  const plain = await guest.newPage();
  const answer = await plain.goto(`${server.origin}/privacy/${HOST}`);
  assert.equal(answer.status(), 200);
  await plain.getByRole('heading', { name: 'Ihre Rechte' }).waitFor();
  for (const [look, width, colorScheme] of [['light', 1100, 'light'], ['dark', 1100, 'dark'], ['320', 320, 'light']]) {
    await plain.setViewportSize({ width, height: 800 });
    await plain.emulateMedia({ colorScheme });
    await shot(plain, `policy-de-${look}`);
  }
  assert.deepEqual(await guest.cookies(), []);
  await plain.getByRole('link', { name: 'Français' }).click();
  await plain.getByRole('heading', { name: 'Vos droits' }).waitFor();
  await guest.close();

  const reader = await visitor(browser);
  const checked = await reader.newPage();
  const said = [];
  checked.on('console', (message) => said.push(message.text()));
  await checked.goto(`${server.origin}/privacy/${HOST}?lang=fr`);
  const width = await checked.evaluate(() => getComputedStyle(document.querySelector('main')).maxWidth);
  assert.equal(width, '1060px', 'the style is let in by its hash');
  for (const size of [320, 1280]) {
    await checked.setViewportSize({ width: size, height: 800 });
    const sideways = await checked.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(sideways <= 0, `at ${size} px it scrolls sideways by ${sideways}`);
    // The checker's own script is let in by the browser, not by the page.
    const css = await reader.newCDPSession(checked);
    await css.send('Page.setBypassCSP', { enabled: true });
    await checked.reload();
    await accessible(checked, `policy at ${size} px`);
  }
  assert.deepEqual(said, []);
  await keepsNothing(reader, checked);
  await reader.close();
});

// "The measured site has no cookie and no storage of any kind." Seen to fail with a tracker that keeps the path in
// `sessionStorage`.
test('T14: the measured site has no cookie and no storage of any kind', async () => {
  const tag = `<script defer data-site="${HOST}" src="${server.origin}/mayfly.js"></script>`;
  const site = await website({ '/': `<!doctype html><title>Shop</title>${tag}<h1>Shop</h1>` });
  const guest = await visitor(browser);
  try {
    const visit = await guest.newPage();
    const answered = visit.waitForResponse((answer) => answer.url().endsWith('/api/event'));
    await visit.goto(site.origin);
    assert.equal((await answered).status(), 202);
    await keepsNothing(guest, visit);
  } finally {
    await guest.close();
    await site.close();
  }
  const facts = await (await fetch(`${server.origin}/.well-known/analytics-disclosure.json?site=${HOST}`)).json();
  // This server has not been told its address: its own cookie may not reach it, so that of the page stands beside it.
  const device = facts.device.map(({ name, purpose, offered_by }) => [name, purpose, offered_by]);
  const expected = ['server', 'page'].map((by) => ['mayfly_opt_out', 'objection', by]);
  assert.deepEqual(device, expected, 'and only an objection would change that');
});
