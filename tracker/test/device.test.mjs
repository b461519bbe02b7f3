// Nothing on the device: every way to keep or to read something is trapped, and the bytes are compared.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { built } from '../build.mjs';
import { collector, html, launch } from './browser.mjs';

const body = `<button data-mayfly-event="choose" data-mayfly-plan="team">Choose</button>
  <p data-mayfly-event="section_view" data-mayfly-on="view">Seen</p><div style="height:3000px"></div>`;
const attributes = 'data-site="example.com" data-scroll="scroll" data-outbound data-downloads';
/** The tracker's modes: the tag of each, and whether the page has to say that consent was given. */
const MODES = {
  plain: html(body, attributes),
  hash: html(body, `${attributes} data-hash`),
  credentials: html(body, `${attributes} data-credentials="include"`),
  consent: html(body, `${attributes} data-consent="required"`).replace('/mayfly.js', '/mayfly.consent.js'),
  // A tracker that keeps an id: what the traps are for.
  sabotaged: html(body, attributes).replace('/mayfly.js', '/sabotaged.js'),
};
const pages = { '/': MODES.plain };
for (const [mode, page] of Object.entries(MODES)) pages[`/${mode}`] = page;
pages['/sabotaged.js'] = (await built()).replace('=>{', '=>{localStorage.id=localStorage.id||Math.random();screen.width;');

/** Runs in the page before anything else: whoever touches a trapped member is written down. */
function trap() {
  const touched = [];
  Object.defineProperty(window, 'touched', { value: touched });
  const member = (owner, label, key) => {
    const found = Object.getOwnPropertyDescriptor(owner, key);
    if (!found || !found.configurable) return;
    const traps = { configurable: true, enumerable: found.enumerable };
    if (found.get || found.set) {
      traps.get = function () { touched.push(`${label}.${key}`); return found.get?.call(this); };
      traps.set = function (value) { touched.push(`${label}.${key}=`); found.set?.call(this, value); };
    } else if (typeof found.value === 'function') {
      const note = () => touched.push(`${label}.${key}()`);
      traps.writable = true;
      traps.value = new Proxy(found.value, {
        apply: (target, self, args) => { note(); return Reflect.apply(target, self, args); },
        construct: (target, args, maker) => { note(); return Reflect.construct(target, args, maker); },
      });
    } else {
      return;
    }
    Object.defineProperty(owner, key, traps);
  };
  const all = (owner, label) => Object.getOwnPropertyNames(owner)
    .filter((key) => key !== 'constructor').forEach((key) => member(owner, label, key));

  member(Document.prototype, 'document', 'cookie');
  member(Document.prototype, 'document', 'fonts');
  member(Document.prototype, 'document', 'lastModified');
  all(Storage.prototype, 'storage');
  all(IDBFactory.prototype, 'indexedDB');
  all(Navigator.prototype, 'navigator');
  all(Screen.prototype, 'screen');
  all(History.prototype, 'history');
  all(Performance.prototype, 'performance');
  all(HTMLCanvasElement.prototype, 'canvas');
  all(Date.prototype, 'date');
  all(Crypto.prototype, 'crypto');
  member(Math, 'Math', 'random');
  member(window, 'window', 'Date');
  for (const key of ['DateTimeFormat', 'NumberFormat', 'Collator', 'PluralRules', 'ListFormat', 'RelativeTimeFormat', 'Locale']) {
    member(Intl, 'Intl', key);
    if (Intl[key].prototype.resolvedOptions) member(Intl[key].prototype, `Intl.${key}`, 'resolvedOptions');
  }
  for (const key of ['referrer', 'hidden', 'visibilityState', 'hasFocus', 'elementFromPoint', 'elementsFromPoint']) {
    member(Document.prototype, 'document', key);
  }
  const box = (owner) => Object.getOwnPropertyNames(owner)
    .filter((key) => /^(client|scroll|offset)(Width|Height|Top|Left)|BoundingClientRect|ClientRects/.test(key))
    .forEach((key) => member(owner, 'element', key));
  box(Element.prototype);
  box(HTMLElement.prototype);
  all(IntersectionObserverEntry.prototype, 'intersection');
  for (const key of [
    'localStorage', 'sessionStorage', 'indexedDB', 'caches', 'cookieStore', 'screen', 'navigator', 'clientInformation',
    'innerWidth', 'innerHeight', 'outerWidth', 'outerHeight', 'devicePixelRatio', 'matchMedia', 'getComputedStyle',
    'screenX', 'screenY', 'screenLeft', 'screenTop', 'visualViewport', 'name', 'crypto', 'speechSynthesis',
    'queryLocalFonts', 'external', 'openDatabase', 'AudioContext', 'RTCPeerConnection', 'SharedWorker',
    'scrollX', 'scrollY', 'pageXOffset', 'pageYOffset', 'IntersectionObserver', 'ResizeObserver', 'PerformanceObserver',
    'BroadcastChannel', 'WebSocket', 'EventSource', 'XMLHttpRequest', 'Worker', 'Image',
  ]) {
    const owner = Object.hasOwn(window, key) ? window : Window.prototype;
    member(owner, 'window', key);
  }
}

/** One visit that does everything the tracker knows; returns the texts sent, sorted, and what was touched. */
async function visit(browser, server, settings, mode = '') {
  server.hits.length = 0;
  const context = await browser.newContext(settings);
  const page = await context.newPage();
  const outside = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(server.origin)) outside.push(request.url());
  });
  await page.addInitScript(trap);
  await page.clock.install();
  await page.goto(`${server.origin}/${mode}?utm_source=news`);
  await begin(page, server, mode);
  await page.evaluate(() => document.querySelector('button').click());
  await server.arrived('choose');
  await page.clock.runFor(2_500);
  // Playwright itself reads some of these; the tracker's own reads all happen in between.
  await page.evaluate(() => { touched.length = 0; scrollTo(0, 100_000); });
  await server.arrived('scroll', 4);
  const scrolled = await page.evaluate(() => touched.splice(0));
  await page.evaluate(() => history.pushState({}, '', '/next'));
  await server.arrived('engagement');
  await server.arrived('pageview', 2);
  const late = [...scrolled, ...await page.evaluate(() => touched)];
  const kept = {
    cookies: await context.cookies(),
    state: await context.storageState({ indexedDB: true }),
    session: await page.evaluate(() => Object.keys({ ...window.sessionStorage })),
    caches: await page.evaluate(() => window.caches.keys()),
    databases: await page.evaluate(() => window.indexedDB.databases()),
    name: await page.evaluate(() => window.name),
  };
  const texts = server.hits.map((hit) => hit.text).sort();
  await context.close();
  return { texts, late, kept, outside };
}

/** The first view: where consent is asked for, once it is given; an element comes into view after it. */
async function begin(page, server, mode) {
  if (mode === 'consent') {
    await page.evaluate(() => {
      mayfly.consent(false);
      mayfly.consent(true);
      const seen = document.createElement('p');
      seen.textContent = 'Seen';
      seen.dataset.mayflyEvent = 'section_view';
      seen.dataset.mayflyOn = 'view';
      document.body.prepend(seen);
    });
    await page.clock.runFor(100).catch(() => {});
  }
  await server.arrived('section_view');
}

/** What the script touches while it starts, which a page's own load shows best. */
async function touchedAtStart(browser, server, mode = '') {
  const page = await browser.newPage();
  await page.addInitScript(trap);
  server.hits.length = 0;
  await page.goto(`${server.origin}/${mode}`);
  await begin(page, server, mode);
  const touched = await page.evaluate(() => touched);
  await page.close();
  return touched;
}

const KEPT_NOTHING = {
  cookies: [], state: { cookies: [], origins: [] }, session: [], caches: [], databases: [], name: '',
};
/** What the tracker may read, by name: where the page came from, how long it is in view, how far it is scrolled. */
const ALLOWED = [
  'document.hasFocus()', 'document.hidden', 'document.referrer', 'element.clientHeight', 'element.scrollHeight', 'element.scrollTop',
  'history.pushState()', 'intersection.intersectionRatio', 'intersection.target', 'performance.now()', 'window.IntersectionObserver()',
];
/** As each element comes into view: of one that is more than half in view nothing else is asked. */
const SOMETIMES = ['intersection.intersectionRect'];

for (const mode of ['plain', 'hash', 'credentials', 'consent']) {
  test(`the tracker touches no storage and no property of the device, and keeps nothing: ${mode}`, async () => {
    const server = await collector(pages);
    const browser = await launch();
    try {
      const touched = await touchedAtStart(browser, server, mode);
      const { late, kept, outside } = await visit(browser, server, {}, mode);
      const read = [...new Set([...touched, ...late])].filter((each) => !SOMETIMES.includes(each));
      assert.deepEqual(read.sort(), ALLOWED, 'all that is allowed, and nothing else');
      assert.deepEqual(outside, []);
      assert.deepEqual(kept, KEPT_NOTHING);
    } finally {
      await browser.close();
      await server.close();
    }
  });
}

test('a tracker that keeps an id and reads the screen is caught', async () => {
  const server = await collector(pages);
  const browser = await launch();
  try {
    const touched = await touchedAtStart(browser, server, 'sabotaged');
    const { kept } = await visit(browser, server, {}, 'sabotaged');
    for (const caught of ['window.localStorage', 'Math.random()', 'window.screen', 'screen.width']) {
      assert.ok(touched.includes(caught), `${caught} is not in ${touched}`);
    }
    assert.equal(kept.state.origins[0]?.localStorage[0]?.name, 'id');
  } finally {
    await browser.close();
    await server.close();
  }
});

test('the same visit in the same window sends the same bytes, whoever visits', async () => {
  const server = await collector(pages);
  const browser = await launch();
  try {
    const viewport = { width: 1280, height: 720 };
    const first = await visit(browser, server, { viewport, locale: 'et-EE', timezoneId: 'Europe/Tallinn' });
    const second = await visit(browser, server, {
      viewport, locale: 'ja-JP', timezoneId: 'Pacific/Honolulu', colorScheme: 'dark', deviceScaleFactor: 3,
    });
    assert.deepEqual(second.texts, first.texts);
    assert.equal(first.texts.length, 2 + 1 + 1 + 4 + 1);
  } finally {
    await browser.close();
    await server.close();
  }
});

/** A visit that only looks: what is sent once the page is left. */
async function glance(browser, server, viewport) {
  server.hits.length = 0;
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(`${server.origin}/`);
  await begin(page, server);
  await page.clock.runFor(2_500);
  await page.evaluate(() => history.pushState({}, '', '/next'));
  const [left] = await server.arrived('engagement');
  await server.arrived('pageview', 2);
  const texts = server.hits.map((hit) => hit.text.replace(/"sd":\d+/, ''));
  await context.close();
  return { depth: left.body.sd, texts: texts.sort() };
}

test('another window shows in the depth, its height over the page\'s, and in nothing else', async () => {
  const server = await collector(pages);
  const browser = await launch();
  try {
    const small = await glance(browser, server, { width: 1280, height: 720 });
    for (const [width, height] of [[1280, 1440], [640, 1440]]) {
      const large = await glance(browser, server, { width, height });
      assert.deepEqual(large.texts, small.texts);
      assert.ok(Math.abs(large.depth - 2 * small.depth) <= 2, `${large.depth} of ${small.depth}`);
    }
    assert.ok(small.depth > 15 && small.depth < 30, `${small.depth}`);
  } finally {
    await browser.close();
    await server.close();
  }
});
