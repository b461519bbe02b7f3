// The clock passes midnight while people look on.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { scene, settled } from './scene.mjs';
import { until } from './server.mjs';

const SITE = 'shop.example.com';
const K = 5;
const PATIENCE_MS = 30_000;
const GEO = fileURLToPath(new URL('../../node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb', import.meta.url));
const WHO = ['country', 'browser', 'os', 'device'];
const firefox = (system) => `Mozilla/5.0 (${system}; rv:145.0) Gecko/20100101 Firefox/145.0`;
const chrome = (system) => `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36`;
/** Visitors: networks of several countries, browsers of which some are rarer than k. */
const CROWDS = [
  { n: 9, network: '81.2.69', agent: firefox('X11; Linux x86_64'), page: '/', referrer: 'https://www.google.com/' },
  { n: 6, network: '192.0.2', agent: chrome('Windows NT 10.0; Win64; x64'), page: '/pricing', referrer: '' },
  { n: 3, network: '194.126.96', agent: firefox('Macintosh; Intel Mac OS X 10.15'), page: '/rare', referrer: 'https://news.ycombinator.com/' },
  { n: 2, network: '5.35.160', agent: chrome('Macintosh; Intel Mac OS X 10_15_7'), page: '/', referrer: '' },
];

let server, api, page, close;
const replies = [];
before(async () => {
  ({ server, api, page, close } = await scene({ flags: ['--geo', GEO], at: '2026-10-24T18:10:00Z', site: { host: SITE, zone: 'Europe/Tallinn' } }));
  // All that the page is told.
  page.on('response', async (answer) => {
    if (/\/(report|rows)\?/.test(answer.url()) && answer.ok()) replies.push(await answer.json().catch(() => null));
  });
});
after(() => close?.());

async function crowds(first) {
  for (const { n, network, agent, page: path, referrer } of CROWDS) {
    for (let i = 0; i < n; i++) {
      const answer = await fetch(`${server.origin}/api/event`, {
        method: 'POST',
        headers: { 'user-agent': agent, 'x-forwarded-for': `${network}.${first + i}` },
        body: JSON.stringify({ n: 'pageview', d: SITE, u: `https://${SITE}${path}`, r: referrer }),
      });
      assert.equal(answer.status, 202);
    }
  }
}

const report = (period) => api(`/api/sites/${SITE}/report?p=${period}&c=none`);
const rows = async (period, dimension) => (await api(`/api/sites/${SITE}/rows?p=${period}&c=none&dimension=${dimension}&limit=100`)).rows;

/** Every row of place and device in a reply counts a crowd; how many were looked at. */
function crowded(reply, what) {
  let looked = 0;
  for (const name of WHO) {
    for (const row of reply.panels?.[name]?.rows ?? []) {
      looked += 1;
      assert.ok((row.visitors ?? row.visits) >= K, `${what}: ${name} ${row.name} counts ${row.visitors ?? row.visits}`);
    }
  }
  return looked;
}
/** The same of all that anybody may ask, by visitors. */
async function allCrowded(period, what) {
  const answers = await Promise.all(WHO.map((dimension) => rows(period, dimension)));
  for (const [i, found] of answers.entries()) {
    for (const row of found) assert.ok(row.visitors >= K, `${what}: ${WHO[i]} ${row.name} counts ${row.visitors} visitors`);
  }
  return Object.fromEntries(WHO.map((name, i) => [name, answers[i]]));
}
/** Tiles and rows as the page shows them. */
const shown = () => page.evaluate(() => ({
  range: document.querySelector('.facts strong').textContent,
  tiles: document.querySelector('.top').innerText.split('\n').filter((line) => /\d/.test(line)).slice(0, 6),
}));

// "The clock passes midnight: what was told stays true; no reply holds a place or device row under k, open day or
// closed." Seen to fail with a site whose k is 1, and with a page that goes on showing the day that is over.
test('T3: what was told before midnight is true after it, and no row was ever less than a crowd', async () => {
  await crowds(1);
  await page.goto(`${server.origin}/s/${SITE}?p=day&c=none`);
  await settled(page);
  assert.deepEqual((await allCrowded('day', 'the running hour')).browser, [], 'within the hour nothing is told of who');
  server.clock.move('2026-10-24T19:10:00Z');
  const told = await until(PATIENCE_MS, async () => {
    const rows = await allCrowded('day', 'the hour before');
    return rows.browser.length > 0 && rows;
  });
  assert.deepEqual(told.browser.map((row) => [row.name, row.visitors]), [['Firefox', 9], ['Chrome', 6]], 'not the 3 and 2 on a rare system');
  assert.ok(!told.country.some((row) => row.visitors === 3), 'three of one country are no crowd');
  await crowds(20);
  await page.getByRole('radio', { name: /^Views\b.*\b40\b/ }).waitFor();
  const [before, pages, sources] = [await report('day'), await rows('day', 'page'), await rows('day', 'source')];
  assert.equal(before.meta.open_day, '2026-10-24');
  assert.match((await shown()).range, /24 Oct/);
  const seen = await shown();

  server.clock.move('2026-10-24T21:00:30Z');
  // The page follows by itself.
  await page.waitForFunction(() => /25 Oct/.test(document.querySelector('.facts strong').textContent));
  const closed = await until(PATIENCE_MS, async () => {
    const now = await report('yesterday');
    return now.meta.open_day !== '2026-10-24' && (await rows('yesterday', 'browser')).length > 0 && now;
  });
  const sums = ({ tiles }) => ['visits', 'visitors', 'pageviews', 'bounce_rate', 'visit_duration'].map((name) => tiles[name].value);
  assert.deepEqual(sums(closed), sums(before), 'the tiles');
  const counts = (list) => list.map((row) => [row.name, row.pageviews ?? null, row.visits ?? null]);
  assert.deepEqual(counts(await rows('yesterday', 'page')), counts(pages));
  assert.deepEqual(counts(await rows('yesterday', 'source')), counts(sources));
  const after = await allCrowded('yesterday', 'the closed day');
  for (const name of WHO) {
    for (const row of told[name]) {
      const now = after[name].find((one) => one.name === row.name);
      assert.ok(now && now.visitors >= row.visitors, `${name} ${row.name}: told ${row.visitors}, now ${now?.visitors}`);
    }
  }
  assert.ok(after.browser.reduce((sum, row) => sum + row.visitors, 0) > 15, 'the hours since are told too');
  await page.goto(`${server.origin}/s/${SITE}?p=yesterday&c=none`);
  await settled(page);
  assert.deepEqual((await shown()).tiles, seen.tiles, 'the page tells of yesterday what it told of the day');
  await page.goto(`${server.origin}/s/${SITE}?p=7d&c=none&d=country`);
  await page.getByRole('dialog').getByRole('row').nth(1).waitFor();

  const looked = replies.filter(Boolean).reduce((sum, reply) => sum + crowded(reply, 'a reply to the page'), 0);
  assert.ok(looked > 5, `${looked} rows were looked at`);
});
