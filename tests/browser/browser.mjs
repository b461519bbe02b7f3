// The browser of these tests, the site that they measure, axe, and screenshots (to SCREENSHOTS, if that is set).

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { launch as launchQuiet } from '../../tracker/test/browser.mjs';

/** The host of the measured site; the browser finds it at the loopback address. */
export const HOST = 'shop.example.com';

/** Headless Chromium calls itself a bot, truly; these visitors are people. */
const PERSON = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';

export const launch = () => launchQuiet([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);

/** A context of a person; `settings` as Playwright's. */
export async function visitor(browser, settings = {}) {
  const context = await browser.newContext({ userAgent: PERSON, viewport: { width: 1280, height: 800 }, ...settings });
  context.setDefaultTimeout(15_000);
  return context;
}

/** Serves `pages` (path to HTML or script) as the site that is measured. */
export async function website(pages) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const text = pages[pathname];
    const kind = pathname.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8';
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': kind }).end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://${HOST}:${server.address().port}`,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Fails on any violation of WCAG 2.2 AA that axe finds on the page as it is. */
export async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  }));
  const found = violations.map(({ id, nodes }) => [id, nodes.map((node) => `${node.html} ${node.failureSummary}`)]);
  assert.deepEqual(found, [], what);
}

/** Takes the page as it is, light and dark, wide and narrow, and checks each for accessibility and sideways scroll. */
export async function looks(page, name) {
  for (const [look, width, height, colorScheme] of [
    ['light', 1280, 900, 'light'], ['dark', 1280, 900, 'dark'], ['narrow', 360, 740, 'light'],
  ]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // What sticks to the top covers nothing there.
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await shot(page, `${name}-${look}`);
    await accessible(page, `${name}, ${look}`);
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(sideways <= 0, `${name}, ${look}: scrolls sideways by ${sideways} px`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'light' });
}

/** A screenshot of the whole page, where screenshots are wanted. */
export async function shot(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Fails if the page's origin, or its context, keeps anything at all. */
export async function keepsNothing(context, page) {
  assert.deepEqual(await context.cookies(), [], 'cookies');
  assert.deepEqual(await context.storageState({ indexedDB: true }), { cookies: [], origins: [] });
  const kept = await page.evaluate(async () => ({
    cookie: document.cookie,
    local: localStorage.length,
    session: sessionStorage.length,
    databases: await indexedDB.databases(),
    caches: await window.caches?.keys() ?? [],
    workers: (await navigator.serviceWorker?.getRegistrations() ?? []).length,
    name: window.name,
  }));
  assert.deepEqual(kept, { cookie: '', local: 0, session: 0, databases: [], caches: [], workers: 0, name: '' });
}
