// What most of these tests stand on: a browser, a server that is claimed, and a page of the person who claimed it.

import assert from 'node:assert/strict';
import { HOST, launch, visitor } from './browser.mjs';
import { claim, start } from './server.mjs';

/**
 * Sets it up: `flags` of the server, `at` where its clock stands if not where the machine's is, the first `site`, and
 * `settings` of the page's context. `close` ends all of it, and fails if any page reported an error.
 */
export async function scene({ flags = [], at, site = { host: HOST, zone: 'Europe/Tallinn' }, settings } = {}) {
  const problems = [];
  const browser = await launch();
  let server;
  const close = async () => {
    await browser.close();
    await server?.stop();
    assert.deepEqual(problems, [], 'errors of pages');
  };
  try {
    server = await start(flags, { at });
    const api = await claim(server, site);
    /** A page in a context of its own: of nobody who is known, unless `cookie` says who. */
    const person = async ({ cookie, ...settings } = {}) => {
      const context = await visitor(browser, settings);
      if (cookie) await context.addCookies([cookie]);
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(error.message));
      return page;
    };
    const page = await person({ cookie: api.cookie, ...settings });
    return { browser, server, api, person, page, context: page.context(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The page shows what was asked for last: its panels, or why there are none. */
export const settled = (page) => page.waitForFunction(() => document.querySelector('.panels:not([aria-hidden]), .empty') && document.querySelector('main[aria-busy=false]'));
