// Without script: the picture in a page that runs none, and the examples of docs/API.md for servers, run as they stand.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { HOST, launch, visitor, website } from './browser.mjs';
import { claim, start, until } from './server.mjs';

const SEEN_MS = 10_000;
const PERSON = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
const text = readFileSync(new URL('../../docs/API.md', import.meta.url), 'utf8').split('## The pixel')[1];
/** The example in a language, for this server and its site. */
const example = (language) => text.split(`\`\`\`${language}\n`)[1].split('```')[0]
  .replaceAll('https://stats.example.com', server.origin).replaceAll('example.com', HOST);

let browser, server, api;
before(async () => {
  browser = await launch();
  server = await start();
  api = await claim(server, { host: HOST, zone: 'UTC' });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const live = () => api(`/api/sites/${HOST}/live`);
const views = async (path) => (await live()).pages.find((page) => page.name.endsWith(path))?.pageviews ?? 0;

test('a page that runs no script is counted by its picture', async () => {
  const site = await website({ '/pricing': `<!doctype html><title>x</title>${example('html')}<p>Pricing</p>` });
  const context = await visitor(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  const [answer] = await Promise.all([page.waitForResponse((it) => it.url().includes('/count')), page.goto(`${site.origin}/pricing`)]);
  assert.deepEqual([answer.status(), answer.headers()['content-type']], [200, 'image/gif']);
  await until(SEEN_MS, async () => await views('/pricing') === 1);
  assert.deepEqual(await context.cookies(), []);
  await context.close();
  await site.close();
});

test('the example for Node counts what a server answered, and hands objections through', async () => {
  const { countPage } = await import(`data:text/javascript,${encodeURIComponent(example('js'))}`);
  const answers = [];
  const shop = createServer((request, response) => {
    response.end('a page');
    answers.push(countPage(request));
  });
  await new Promise((resolve) => shop.listen(0, '127.0.0.1', resolve));
  const ask = (path, headers) => fetch(`http://127.0.0.1:${shop.address().port}${path}`, { headers: { 'user-agent': PERSON, ...headers } });
  await ask('/from-a-server?utm_source=hn');
  await ask('/from-an-objector', { 'sec-gpc': '1' });
  for (const answer of answers) assert.equal((await answer).status, 200);
  await until(SEEN_MS, async () => await views('/from-a-server') === 1);
  assert.equal(await views('/from-an-objector'), 0);
  shop.closeAllConnections();
  shop.close();
});

test('the example for curl counts', async () => {
  const before = await views('/pricing');
  const ran = spawnSync('sh', ['-c', example('sh')], {
    env: { PATH: process.env.PATH, USER_AGENT: PERSON, ADDRESS: '192.0.2.77', no_proxy: '127.0.0.1' },
  });
  assert.equal(ran.status, 0, String(ran.stderr));
  assert.ok(String(ran.stdout).startsWith('GIF89a'));
  await until(SEEN_MS, async () => await views('/pricing') === before + 1);
});
