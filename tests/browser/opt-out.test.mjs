// The opt-out in a real browser, over https as it is used: pages of the collector's own site send it along, pages of
// another site do not, and the page says which. A proxy speaks TLS with a certificate that this browser trusts.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as portServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch } from '../../tracker/test/browser.mjs';
import { accessible, shot, visitor } from './browser.mjs';
import { change, claim, start, until } from './server.mjs';

const COLLECTOR = 'stats.example.com';
const OWN = 'shop.example.com';
const FOREIGN = 'shop.example.org';
const WAIT_MS = 10_000;

let browser, server, api, proxy, folder, port, pages, snippets;

function freePort() {
  return new Promise((resolve) => {
    const socket = portServer();
    socket.listen(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

const at = (host) => `https://${host}:${port}`;

before(async () => {
  port = await freePort();
  folder = mkdtempSync(join(tmpdir(), 'mayfly-tls-'));
  server = await start(['--public-url', at(COLLECTOR)]);
  pages = createServer((request, response) => {
    const host = request.headers.host.split(':')[0];
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html><html lang="en"><title>${host}</title>${snippets[host] ?? ''}<h1>${host}</h1></html>`);
  });
  await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
  const names = [COLLECTOR, OWN, FOREIGN].map(at);
  writeFileSync(join(folder, 'Caddyfile'), `{
    admin off
    auto_https disable_redirects
    skip_install_trust
    local_certs
  }
  ${names[0]} {
    reverse_proxy 127.0.0.1:${server.port}
  }
  ${names[1]}, ${names[2]} {
    reverse_proxy 127.0.0.1:${pages.address().port}
  }
  `);
  proxy = spawn('caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'], {
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }, stdio: 'ignore',
  });
  browser = await launch([
    `--host-resolver-rules=MAP *.example.com 127.0.0.1, MAP *.example.org 127.0.0.1`, '--ignore-certificate-errors',
  ]);
  api = await claim(server, { host: OWN, zone: 'UTC' });
  await api('/api/sites', { method: 'POST', body: { host: FOREIGN, zone: 'UTC' } });
  snippets = {};
  for (const host of [OWN, FOREIGN]) {
    const told = await api(`/api/sites/${host}/snippet`);
    assert.equal(told.opt_out_effective, host === OWN, host);
    assert.equal(told.script.includes('data-credentials'), host === OWN, told.script);
    assert.equal(told.opt_out, `${at(COLLECTOR)}/opt-out?site=${host}`);
    snippets[host] = told.script;
  }
  const page = await (await visitor(browser, { ignoreHTTPSErrors: true })).newPage();
  await until(WAIT_MS, () => page.goto(`${at(COLLECTOR)}/api/health`).then((answer) => answer.ok(), () => false));
});
after(async () => {
  await browser?.close();
  proxy?.kill();
  pages?.closeAllConnections();
  pages?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const views = async (host) => (await api(`/api/sites/${host}/live`)).outcomes.accepted ?? 0;

/** Views a page and waits for the tracker's answer; returns what the request carried, and whether the page could read it. */
async function view(page, host) {
  // Not what the page before says as it is left.
  const isView = (request) => request.url().endsWith('/api/event') && /"n":"pageview"/.test(request.postData() ?? '') && request.postData().includes(at(host));
  const wait = page.waitForEvent('requestfinished', isView);
  await page.goto(`${at(host)}/`);
  const request = await wait;
  const headers = await request.allHeaders();
  // The answer can be read: the page's own call is told its status.
  const status = await page.evaluate(() => new Promise((resolve) => mayfly('unknown', {}, { callback: (it) => resolve(it.status) })));
  const signals = ['sec-gpc', 'dnt'].filter((name) => headers[name]).map((name) => [name, headers[name]]);
  return { cookie: headers.cookie, status, ...Object.fromEntries(signals) };
}

test('the choice is one cookie, reaches the collector from its own site, and not from another', async () => {
  const context = await visitor(browser, { ignoreHTTPSErrors: true, locale: 'de-DE' });
  const page = await context.newPage();
  assert.deepEqual(await view(page, OWN), { cookie: undefined, status: 202 });
  assert.deepEqual(await view(page, FOREIGN), { cookie: undefined, status: 202 });
  assert.deepEqual([await views(OWN), await views(FOREIGN)], [1, 1]);
  assert.deepEqual(await context.cookies(), [], 'nothing before the click');

  await page.goto(`${at(COLLECTOR)}/opt-out?site=${FOREIGN}`);
  await page.getByText(`Seiten von ${FOREIGN} senden Ihre Wahl nicht mit`).waitFor();
  await page.goto(`${at(COLLECTOR)}/opt-out?site=${OWN}`);
  await page.getByText(`Seiten von ${OWN} senden Ihre Wahl mit`).waitFor();
  await accessible(page, 'the opt-out page');
  await shot(page, 'opt-out');
  await page.getByRole('button', { name: 'Meine Besuche nicht zählen' }).click();
  await page.getByText('Dieser Browser hat widersprochen.').waitFor();
  await shot(page, 'opted-out');
  const [cookie, ...others] = await context.cookies();
  assert.deepEqual(others, []);
  const { name, value, domain, path, httpOnly, secure, sameSite } = cookie;
  assert.deepEqual({ name, value, domain, path, httpOnly, secure, sameSite }, {
    name: 'mayfly_opt_out', value: '1', domain: COLLECTOR, path: '/', httpOnly: true, secure: true, sameSite: 'Lax',
  });
  const days = (cookie.expires - Date.now() / 1000) / 86_400;
  assert.ok(days > 390 && days <= 395, `${days} days`);

  assert.deepEqual(await view(page, OWN), { cookie: 'mayfly_opt_out=1', status: 202 });
  assert.deepEqual(await view(page, FOREIGN), { cookie: undefined, status: 202 });
  assert.deepEqual([await views(OWN), await views(FOREIGN)], [1, 2], 'honoured there, not effective here');

  await page.goto(`${at(COLLECTOR)}/opt-out`);
  await page.getByRole('button', { name: 'Meine Besuche wieder zählen' }).click();
  await page.getByText('Dieser Browser hat nicht widersprochen.').waitFor();
  assert.deepEqual(await context.cookies(), []);
  await view(page, OWN);
  assert.equal(await views(OWN), 2);
  await context.close();
});

test('no other page can take the choice back', async () => {
  const context = await visitor(browser, { ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`${at(COLLECTOR)}/opt-out`);
  await page.getByRole('button', { name: 'Do not count my visits' }).click();
  await page.getByText('has opted out').waitFor();
  for (const host of [OWN, FOREIGN]) {
    await page.goto(`${at(host)}/`);
    await page.evaluate((action) => {
      document.body.innerHTML = `<form method="post" action="${action}"><button name="choice" value="in">x</button></form>`;
    }, `${at(COLLECTOR)}/opt-out`);
    await page.getByRole('button').click();
    await page.getByText('Only the page itself may change this.').waitFor();
    assert.equal((await context.cookies()).length, 1, host);
  }
  await context.close();
});

test('a browser that says so is not counted: Sec-GPC, DNT', async () => {
  for (const header of ['sec-gpc', 'dnt']) {
    const context = await visitor(browser, { ignoreHTTPSErrors: true, extraHTTPHeaders: { [header]: '1' } });
    const page = await context.newPage();
    const before = await views(OWN);
    assert.deepEqual(await view(page, OWN), { cookie: undefined, status: 202, [header]: '1' });
    assert.equal(await views(OWN), before, header);
    // The same browser without it is.
    await context.setExtraHTTPHeaders({});
    assert.deepEqual(await view(page, OWN), { cookie: undefined, status: 202 });
    assert.equal(await views(OWN), before + 1, header);
    await context.close();
  }
});

test('with consent asked for, the snippet of the set-up sends nothing until the page says so', async () => {
  await change(api, OWN, (settings) => { settings.consent = 'required'; });
  const told = await until(WAIT_MS, async () => {
    const told = await api(`/api/sites/${OWN}/snippet`);
    return told.script.includes('data-consent="required"') && told;
  });
  assert.equal(told.pixel, null);
  snippets[OWN] = told.script;
  const context = await visitor(browser, { ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const sent = [];
  page.on('request', (request) => request.url().includes('/api/event') && sent.push(request.postData()));
  await page.goto(`${at(OWN)}/`, { waitUntil: 'networkidle' });
  assert.deepEqual(sent, []);
  const answered = page.waitForResponse((answer) => answer.url().endsWith('/api/event'));
  await page.evaluate(() => mayfly.consent(true));
  assert.equal((await answered).status(), 202);
  assert.equal(sent.length, 1);
  await context.close();
});
