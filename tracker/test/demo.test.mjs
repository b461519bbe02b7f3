// The demo's pages with the tracker, without a Mayfly: what they send is declared, they keep nothing, they are
// accessible. Screenshots go to SCREENSHOTS, if that is set.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { collector, launch } from './browser.mjs';

const demo = new URL('../../demo/', import.meta.url);
const read = (name) => readFileSync(new URL(name, demo), 'utf8');
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const pages = {
  '/demo': read('index.html'), '/demo/docs': read('docs.html'), '/demo/signup': read('signup.html'),
  '/demo/demo.css': read('demo.css'), '/demo/demo.js': read('demo.js'),
};
const vocabulary = JSON.parse(read('vocabulary.json'));

let browser, server;
before(async () => {
  browser = await launch();
  server = await collector(pages);
});
after(async () => {
  await browser.close();
  await server.close();
});

/** Fails unless the vocabulary has this event, with these properties and values and no others. */
function declared({ n, p = {} }) {
  const event = vocabulary.events.find((each) => each.name === n);
  assert.ok(event, `${n} is not declared`);
  for (const [name, value] of Object.entries(p)) {
    const values = event.properties.find((each) => each.name === name)?.values;
    assert.ok(values, `${n} has no declared ${name}`);
    const { pattern } = values;
    const admits = pattern
      ? new RegExp(`^${pattern.characters}{${pattern.min},${pattern.max}}$`).test(value)
      : values.list.includes(String(value));
    assert.ok(admits, `${n}, ${name}: ${value} is not declared`);
  }
}

test('a walk through the demo sends each declared event, and only those', async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, permissions: ['clipboard-write', 'clipboard-read'] });
  const page = await context.newPage();
  const strangers = [];
  page.on('request', (request) => {
    if (!/^data:/.test(request.url()) && !request.url().startsWith(server.origin)) strangers.push(request.url());
  });
  const faults = [];
  page.on('pageerror', (error) => faults.push(error));
  await page.goto(`${server.origin}/demo`);
  for (const name of ['how', 'pricing', 'questions', 'start']) {
    await page.locator(`[data-mayfly-section=${name}]`).scrollIntoViewIfNeeded();
    await page.evaluate(() => scrollBy({ top: 400, behavior: 'instant' }));
    await server.arrived((hit) => hit.body.p?.section === name);
  }
  await server.arrived('scroll', 4);
  await page.getByRole('link', { name: 'Docs' }).first().click();
  await page.getByRole('button', { name: 'Copy: Install' }).click();
  await server.arrived('copy');
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl -O/);
  await page.evaluate(() => {
    getSelection().selectAllChildren(document.getElementById('snippet-config'));
    document.execCommand('copy');
  });
  assert.deepEqual((await server.arrived('copy', 2)).map((hit) => hit.body.p.snippet), ['install', 'config']);
  await page.goto(`${server.origin}/demo`);
  await page.getByRole('link', { name: 'Choose Solo' }).click();
  assert.equal((await server.arrived('plan_card_click'))[0].body.p.plan, 'solo');
  await page.waitForURL('**/demo/signup?plan=solo');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByRole('button', { name: 'Create account' }).click();
  assert.equal((await server.arrived('signup'))[0].body.p.plan, 'solo');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Welcome aboard');
  for (const { body } of server.hits) if (!['pageview', 'engagement'].includes(body.n)) declared(body);
  assert.equal(server.hits.filter((hit) => hit.body.n === 'signup').length, 1);
  assert.ok(server.hits.every((hit) => !hit.text.includes('ada@') && !hit.text.includes('Ada')));
  assert.deepEqual(strangers, []);
  assert.deepEqual(faults, []);
  assert.deepEqual(await context.storageState({ indexedDB: true }), { cookies: [], origins: [] });
  await context.close();
});

for (const [look, settings] of [
  ['wide', { viewport: { width: 1280, height: 800 } }],
  ['dark', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }],
  ['narrow', { viewport: { width: 360, height: 740 } }],
  ['narrowest', { viewport: { width: 320, height: 740 } }],
]) {
  test(`the demo is accessible and fits: ${look}`, async () => {
    const context = await browser.newContext({ ...settings, reducedMotion: 'reduce' });
    const page = await context.newPage();
    for (const path of ['/demo', '/demo/docs', '/demo/signup']) {
      await page.goto(server.origin + path);
      await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => axe.run({
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      }));
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), [], path);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} scrolls sideways`);
      if (process.env.SCREENSHOTS) {
        mkdirSync(process.env.SCREENSHOTS, { recursive: true });
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${path.slice(1).replace('/', '-')}-${look}.png`), fullPage: true });
      }
    }
    await context.close();
  });
}
