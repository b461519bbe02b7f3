// Events that elements declare, and the optional ones, in a real browser.

import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { collector, html, launch } from './browser.mjs';

const away = '<div style="height:3000px"></div>';
const stay = '<script>addEventListener("click", (event) => event.preventDefault()); addEventListener("auxclick", (event) => event.preventDefault())</script>';
const pages = {
  '/click': html(`<div data-mayfly-event="card" data-mayfly-plan="team" data-mayfly-plan-name="x" class="a" data-other="no">
    <button data-mayfly-event="choose" data-mayfly-plan="solo"><b id="inner">Choose</b></button>
    <p id="text">Team</p></div><p id="outside">Outside</p>
    <button id="stopped" data-mayfly-event="stopped">Stopped</button>
    <script>document.getElementById('stopped').addEventListener('click', (event) => event.stopPropagation())</script>`),
  '/copy': html('<div data-mayfly-event="wrong"><pre id="code" data-mayfly-event="copy" data-mayfly-on="copy" data-mayfly-snippet="install">npm install</pre></div><p id="p">Other</p>'),
  '/view': html(`<p>Top</p>${away}<section id="one" data-mayfly-event="section_view" data-mayfly-on="view" data-mayfly-section="pricing" style="height:300px">Pricing</section>
    <section id="long" data-mayfly-event="section_view" data-mayfly-on="view" data-mayfly-section="long" style="height:4000px">Long</section>`),
  '/submit': html(`<form action="/nowhere" data-mayfly-event="signup" data-mayfly-on="submit" data-mayfly-plan="team">
    <input name="mail" required><input name="host"><button>Go</button></form>
    <script>document.querySelector('form').addEventListener('submit', (event) => event.preventDefault())</script>`),
  '/links': html(`${stay}<a id="in" href="/click">in</a><a id="out" href="https://other.example:8443/x?secret=1"><i>out</i></a>
    <a id="file" href="/files/report.PDF?x=1">file</a><a id="mail" href="mailto:a@example.com">mail</a><a id="none">none</a>`,
    'data-site="example.com" data-outbound data-downloads="fetched"'),
  '/nolinks': html(`${stay}<a id="out" href="https://other.example/">out</a><a id="file" href="/report.pdf">file</a>`),
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

async function open(path) {
  await page.goto(server.origin + path);
  await server.arrived('pageview');
}

/** All events so far but views and engagement, as `[name, properties]`. */
async function events() {
  await page.evaluate(() => new Promise((resolve) => mayfly('marker', {}, { callback: resolve })));
  return server.hits.map(({ body }) => [body.n, body.p])
    .filter(([name]) => !['pageview', 'engagement', 'marker'].includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

test('a call sends name, properties and options', async () => {
  await open('/click');
  const status = await page.evaluate(() => new Promise((resolve) => mayfly(
    'bought', { plan: 'team' },
    { interactive: false, revenue: { currency: 'EUR', amount: 9.5 }, url: 'https://example.com/x', callback: resolve },
  )).then((answer) => answer.status));
  assert.equal(status, 202);
  assert.deepEqual((await server.arrived('bought'))[0].body, {
    n: 'bought', u: 'https://example.com/x', d: 'example.com', r: '', p: { plan: 'team' }, i: false,
    $: { currency: 'EUR', amount: 9.5 },
  });
});

test('a click tells each declaring ancestor, by mouse and by keyboard', async () => {
  await open('/click');
  await page.click('#outside');
  await page.click('#text');
  assert.deepEqual(await events(), [['card', { plan: 'team', 'plan-name': 'x' }]]);
  await page.focus('button');
  await page.keyboard.press('Enter');
  await server.arrived('choose');
  await page.click('#inner', { button: 'middle' });
  assert.deepEqual((await server.arrived('choose', 2))[0].body.p, { plan: 'solo' });
  await page.click('#inner', { button: 'right' });
  await page.click('#stopped');
  assert.equal((await events()).filter(([name]) => name === 'choose').length, 2);
  assert.equal((await events()).filter(([name]) => name === 'stopped').length, 1);
});

test('a copy tells its element, and no click', async () => {
  await open('/copy');
  for (const id of ['p', 'code']) {
    await page.evaluate((id) => {
      getSelection().selectAllChildren(document.getElementById(id));
      document.execCommand('copy');
    }, id);
  }
  assert.deepEqual(await events(), [['copy', { snippet: 'install' }]]);
});

test('an element is viewed once it comes into view, however tall, and once', async () => {
  await open('/view');
  assert.deepEqual(await events(), []);
  await page.evaluate(() => document.getElementById('one').scrollIntoView({ block: 'center' }));
  await server.arrived((hit) => hit.body.p?.section === 'pricing');
  await page.evaluate(() => document.getElementById('long').scrollIntoView());
  await server.arrived((hit) => hit.body.p?.section === 'long');
  await page.evaluate(() => scrollTo(0, 0));
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await page.evaluate(() => document.getElementById('one').scrollIntoView({ block: 'center' }));
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.equal((await events()).length, 2);
});

test('an element that is added later is viewed too', async () => {
  await open('/view');
  await page.evaluate(() => document.body.insertAdjacentHTML('afterbegin',
    '<div><h2 data-mayfly-event="section_view" data-mayfly-on="view" data-mayfly-section="late">Late</h2></div>'));
  await server.arrived((hit) => hit.body.p?.section === 'late');
});

test('a form is told when it is submitted, not when it is invalid', async () => {
  await open('/submit');
  await page.click('button');
  assert.deepEqual(await events(), []);
  await page.fill('[name=mail]', 'someone');
  await page.press('[name=mail]', 'Enter');
  const [{ text, body }] = await server.arrived('signup');
  assert.deepEqual(body.p, { plan: 'team' });
  assert.ok(!text.includes('someone'), 'what was typed is not sent');
});

test('links out and downloads are told where the page asks for them', async () => {
  await open('/links');
  for (const id of ['in', 'mail', 'none', 'file']) await page.click(`#${id}`);
  await page.click('#out i', { button: 'middle' });
  assert.deepEqual(await events(), [['fetched', { file: 'report.PDF' }], ['outbound', { host: 'other.example:8443' }]]);
  await page.goto(`${server.origin}/nolinks`);
  await page.click('#out');
  await page.click('#file');
  assert.equal((await events()).length, 2);
});
