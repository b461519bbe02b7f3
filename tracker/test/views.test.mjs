// Page views, engagement and scroll depth, in a real browser.

import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { collector, html, launch } from './browser.mjs';

const tall = '<div style="height:4000px">A long text.</div>';
const pages = {
  '/': html(`<a href="/second">on</a>${tall}`),
  '/second': html('Second.'),
  '/short': html('Short.'),
  '/hash': html('Hash.', 'data-site="example.com" data-hash'),
  '/manual': html('Manual.', 'data-site="example.com" data-auto="off"'),
  '/milestones': html(tall, 'data-site="example.com" data-scroll="scroll"'),
  '/legacy': '<!doctype html><title>x</title><script defer data-domain="legacy.example" src="/js/script.js"></script>',
  '/bare': '<!doctype html><title>x</title><script defer src="/mayfly.js"></script>',
  '/queue': html('Queue.', 'data-site="example.com"', `<script>
    window.mayfly = window.mayfly || function () { (mayfly.q = mayfly.q || []).push(arguments) };
    window.plausible = window.plausible || function () { (plausible.q = plausible.q || []).push(arguments) };
    mayfly('early', { plan: 'team' });
    plausible('earlier', { props: { plan: 'solo' }, callback: (answer) => { window.answered = answer.status } });
  </script>`),
};

let browser, server, context, page;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await collector(pages);
  context = await browser.newContext();
  page = await context.newPage();
});
afterEach(async () => {
  await context.close();
  await server.close();
});

const views = () => server.hits.filter((hit) => hit.body.n === 'pageview').map((hit) => new URL(hit.body.u).pathname);

/** Lets every request that the page began arrive: a marker event is sent after them. */
async function settled() {
  await page.evaluate(() => new Promise((resolve) => mayfly('marker', {}, { callback: resolve })));
}

/** Makes the page believe that its tab was hidden or shown again. */
function hide(hidden) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
}

test('a page view tells name, URL, site and referrer, and nothing else', async () => {
  await page.goto(`${server.origin}/?utm_source=news#top`, { referer: 'https://search.example/' });
  const [{ body, headers }] = await server.arrived('pageview');
  assert.deepEqual(body, {
    n: 'pageview', u: `${server.origin}/?utm_source=news`, d: 'example.com', r: await page.evaluate(() => document.referrer),
  });
  assert.match(headers['content-type'], /^text\/plain/);
  await settled();
  assert.deepEqual(views(), ['/']);
});

test('the referrer is that of the document', async () => {
  await page.goto(`${server.origin}/`);
  await page.click('a');
  const [, second] = await server.arrived('pageview', 2);
  assert.equal(second.body.r, `${server.origin}/`);
});

test('the site may be named the old way, or not at all', async () => {
  await page.goto(`${server.origin}/legacy`);
  assert.equal((await server.arrived('pageview'))[0].body.d, 'legacy.example');
  await page.goto(`${server.origin}/bare`);
  assert.equal((await server.arrived('pageview', 2))[1].body.d, undefined);
});

test('pushState, replaceState and popstate are views when the path changes', async () => {
  await page.goto(`${server.origin}/`);
  await page.evaluate(() => {
    history.pushState({}, '', '/a');
    history.pushState({}, '', '/a?page=2');
    history.pushState({}, '', '/a#part');
    history.replaceState({}, '', '/b');
    history.replaceState({ kept: 1 }, '', '/b');
  });
  assert.equal(await page.evaluate(() => history.state.kept), 1);
  await page.evaluate(() => new Promise((resolve) => {
    addEventListener('popstate', resolve, { once: true });
    history.go(-3);
  }));
  await settled();
  assert.deepEqual(views().sort(), ['/', '/', '/a', '/b']);
});

test('a fragment is a path only where the page says so', async () => {
  await page.goto(`${server.origin}/short`);
  await page.evaluate(() => { location.hash = 'one'; });
  await settled();
  assert.deepEqual(views(), ['/short']);
  await page.goto(`${server.origin}/hash`);
  await page.evaluate(() => new Promise((resolve) => {
    addEventListener('hashchange', resolve);
    location.hash = '/one';
  }));
  await settled();
  const [, first, second] = await server.arrived('pageview', 3);
  assert.deepEqual([first.body.u, first.body.h], [`${server.origin}/hash`, 1]);
  assert.deepEqual([second.body.u, second.body.h], [`${server.origin}/hash#/one`, 1]);
});

test('no view by itself where the page wants none; by hand it is one, with its own URL', async () => {
  await page.goto(`${server.origin}/manual`);
  await page.evaluate(() => {
    history.pushState({}, '', '/elsewhere');
    mayfly('pageview', { author: 'me' }, { url: 'https://example.com/virtual' });
  });
  const [{ body }] = await server.arrived('pageview');
  assert.equal(body.u, 'https://example.com/virtual');
  assert.deepEqual(body.p, { author: 'me' });
  await settled();
  assert.equal(views().length, 1);
});

test('a page that comes back from the back-forward cache is viewed again', async () => {
  await page.goto(`${server.origin}/short`);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false })));
  await settled();
  assert.deepEqual(views(), ['/short']);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  await settled();
  assert.deepEqual(views(), ['/short', '/short']);
});

test('a prerendered page waits until it is shown', async () => {
  await page.addInitScript(() => {
    window.prerendered = true;
    Object.defineProperty(document, 'prerendering', { configurable: true, get: () => window.prerendered });
  });
  await page.goto(`${server.origin}/short`);
  await page.evaluate(() => fetch('/api/event', { method: 'POST', body: '{"n":"marker"}' }));
  assert.deepEqual(views(), []);
  await page.evaluate(() => {
    window.prerendered = false;
    document.dispatchEvent(new Event('prerenderingchange'));
  });
  await server.arrived('pageview');
  await settled();
  assert.deepEqual(views(), ['/short']);
});

test('engagement is told in whole seconds when the page is hidden, and starts anew', async () => {
  await page.clock.install();
  await page.goto(`${server.origin}/`);
  await server.arrived('pageview');
  await page.clock.runFor(3_400);
  await hide(true);
  const [{ body }] = await server.arrived('engagement');
  assert.equal(body.e, 3000);
  assert.ok(body.sd > 0 && body.sd < 50, `${body.sd} percent`);
  assert.deepEqual(Object.keys(body).sort(), ['d', 'e', 'n', 'sd', 'u']);
  await page.clock.runFor(60_000);
  await hide(false);
  await page.clock.runFor(700);
  await hide(true);
  const [, second] = await server.arrived('engagement', 2);
  assert.equal(second.body.e, 1000, 'what was left of the last second counts on; the hidden minute does not');
});

test('time without focus is not engaged', async () => {
  await page.clock.install();
  await page.goto(`${server.origin}/`);
  await server.arrived('pageview');
  await page.clock.runFor(2_000);
  await page.evaluate(() => {
    document.hasFocus = () => false;
    dispatchEvent(new Event('blur'));
  });
  await page.clock.runFor(10_000);
  await page.evaluate(() => {
    document.hasFocus = () => true;
    dispatchEvent(new Event('focus'));
  });
  await page.clock.runFor(1_000);
  await hide(true);
  assert.equal((await server.arrived('engagement'))[0].body.e, 3000);
});

test('the deepest scroll is told once, and again only when deeper', async () => {
  await page.clock.install();
  await page.goto(`${server.origin}/`);
  await server.arrived('pageview');
  const scroll = async (top) => {
    await page.evaluate((top) => new Promise((resolve) => {
      addEventListener('scroll', resolve, { once: true });
      scrollTo(0, top);
    }), top);
  };
  await scroll(100_000);
  await scroll(0);
  await hide(true);
  assert.equal((await server.arrived('engagement'))[0].body.sd, 100);
  await hide(false);
  await hide(true);
  await settled();
  assert.equal(server.hits.filter((hit) => hit.body.n === 'engagement').length, 1);
});

test('leaving by a link reports the page that is left, and so does pushState', async () => {
  await page.goto(`${server.origin}/`);
  await server.arrived('pageview');
  await page.click('a');
  const [first] = await server.arrived('engagement');
  assert.equal(first.body.u, `${server.origin}/`);
  await page.waitForURL('**/second');
  await server.arrived('pageview', 2);
  await page.evaluate(() => history.pushState({}, '', '/third'));
  const [, second] = await server.arrived('engagement', 2);
  assert.equal(second.body.u, `${server.origin}/second`);
  assert.equal(second.body.sd, 100);
});

test('milestones are events of the name that the page gives', async () => {
  await page.goto(`${server.origin}/milestones`);
  await server.arrived('pageview');
  await settled();
  assert.equal(server.hits.filter((hit) => hit.body.n === 'scroll').length, 0, 'nobody scrolled yet');
  await page.evaluate(() => scrollTo(0, 1200));
  await server.arrived('scroll');
  await page.evaluate(() => scrollTo(0, 100_000));
  const told = await server.arrived('scroll', 4);
  assert.deepEqual(told.map((hit) => hit.body.p.depth).sort((a, b) => a - b), [25, 50, 75, 100]);
  await page.evaluate(() => scrollTo(0, 0));
  await page.evaluate(() => scrollTo(0, 100_000));
  await settled();
  assert.equal(server.hits.filter((hit) => hit.body.n === 'scroll').length, 4);
});

test('calls that waited are sent, after the view', async () => {
  await page.goto(`${server.origin}/queue`);
  const [early] = await server.arrived('early');
  const [earlier] = await server.arrived('earlier');
  assert.deepEqual(early.body.p, { plan: 'team' });
  assert.deepEqual(earlier.body.p, { plan: 'solo' });
  await page.waitForFunction(() => window.answered === 202);
  assert.deepEqual(views(), ['/queue']);
});
