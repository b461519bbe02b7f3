// The overview in a real browser on a store of ten million page views: first paint, layout shift, bytes, requests, what
// the server says its reports took, and the time from a click on a row to new numbers. `make dashboard-figures`.
//
// A server is claimed, `benches/reports.rs` lays a year into its store, the day is opened with hits over HTTP, and Chromium
// looks. MAYFLY_BENCH_DAYS lays fewer days down; MAYFLY_FIGURES_DATA keeps the store in a folder and finds it there again.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, visitor } from '../tests/browser/browser.mjs';
import { measured, opening } from '../tests/browser/cost.mjs';
import { claim, login, start } from '../tests/browser/server.mjs';

const SITE = 'example.com';
const ROOT = join(import.meta.dirname, '..');
const GEO = ['--geo', join(ROOT, 'node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb')];
const OPENINGS = 10;
const ASKED = 40;
/** Of a day with 27,500 views; as many as its hours so far have. */
const VISITORS_A_DAY = 8_000;

const kept = process.env.MAYFLY_FIGURES_DATA;
const data = kept ?? mkdtempSync(join(tmpdir(), 'mayfly-figures-'));
const STORE = join(data, 'mayfly.duckdb');
const today = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Tallinn' }).format(Date.now());

/** A day of visitors so far, each with two pages, through the real endpoint. */
async function openTheDay(server) {
  const hours = new Date().getUTCHours() + 2;
  const visitors = Math.round((VISITORS_A_DAY * Math.min(24, hours)) / 24);
  const agents = ['Firefox/140.0', 'Chrome/141.0.0.0 Safari/537.36'];
  const send = (visitor, page) => fetch(`${server.origin}/api/event`, {
    method: 'POST',
    headers: {
      'user-agent': `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ${agents[visitor % 2]}`,
      'x-forwarded-for': `${50 + (visitor % 90)}.${visitor % 251}.${(visitor >> 8) % 250}.7`,
    },
    body: JSON.stringify({ n: 'pageview', d: SITE, u: `https://${SITE}/page-${page}`, r: visitor % 3 ? `https://source-${visitor % 40}.example/` : undefined }),
  }).then((answer) => answer.text());
  for (let from = 0; from < visitors; from += 64) {
    await Promise.all(Array.from({ length: Math.min(64, visitors - from) }, async (_, n) => {
      await send(from + n, (from + n) % 400);
      await send(from + n, (from + n) % 37);
    }));
  }
  return visitors;
}

const at = (times, share) => times.toSorted((a, b) => a - b)[Math.round((times.length - 1) * share)];
const pair = (times) => `${at(times, 0.5).toFixed(0)} / ${at(times, 0.95).toFixed(0)} ms`;
const line = (...cells) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

async function lay() {
  if (existsSync(STORE)) return;
  mkdirSync(data, { recursive: true });
  const server = await start(GEO, { data });
  await claim(server, { host: SITE, zone: 'Europe/Tallinn' });
  await server.stop();
  execFileSync('cargo', ['bench', '--locked', '--profile', 'ci', '--bench', 'reports'], {
    cwd: ROOT, stdio: 'inherit', env: { ...process.env, MAYFLY_BENCH_LAY: STORE, MAYFLY_BENCH_TODAY: today },
  });
}

await lay();
const server = await start(GEO, { data });
const browser = await launch();
try {
  const api = await login(server);
  const visitors = await openTheDay(server);
  const { tiles, range } = await api(`/api/sites/${SITE}/report?p=12mo&c=none`);
  const size = statSync(STORE).size;
  process.stdout.write(`${tiles.pageviews.value} page views, ${range.words}; ${visitors} visitors today; the store has ${(size / 1e6).toFixed(0)} MB\n\n`);

  line('view', 'requests', 'kB (document, script, style, calls)', 'first paint', 'numbers', 'shift', 'server p50 / p95', 'click to repaint p50 / p95');
  line('---', '---', '---', '---', '---', '---', '---', '---');
  for (const search of ['p=day', 'p=7d', 'p=28d', 'p=28d&c=none', 'p=12mo&c=none']) {
    const [paints, numbers, shifts, asked, clicks] = [[], [], [], [], []];
    let requests = [];
    for (let n = 0; n < OPENINGS; n++) {
      const context = await visitor(browser);
      await context.addCookies([api.cookie]);
      const page = await context.newPage();
      const found = await opening(page, `${server.origin}/s/${SITE}?${search}`);
      ({ requests } = found);
      paints.push(found.paint.first);
      numbers.push(found.paint.numbers);
      shifts.push(found.shift);
      const row = page.getByRole('region', { name: 'Pages', exact: true }).locator('li a.name').nth(n % 9);
      clicks.push((await measured(page, () => row.click())).ms);
      await context.close();
    }
    for (let n = 0; n < ASKED; n++) {
      const answer = await fetch(`${server.origin}/api/sites/${SITE}/report?c=prev&${search}`, { headers: { cookie: `${api.cookie.name}=${api.cookie.value}` } });
      await answer.arrayBuffer();
      asked.push(Number(/dur=([\d.]+)/.exec(answer.headers.get('server-timing'))[1]));
    }
    const kB = (kind) => (requests.filter((one) => one.kind === kind || (kind === 'fetch' && one.kind === 'eventsource')).reduce((sum, one) => sum + one.bytes, 0) / 1_000).toFixed(1);
    line(search, requests.length, ['document', 'script', 'stylesheet', 'fetch'].map(kB).join(', '), `${at(paints, 0.5).toFixed(0)} ms`, `${at(numbers, 0.5).toFixed(0)} ms`, Math.max(...shifts).toFixed(3), pair(asked), pair(clicks));
  }
} finally {
  await browser.close();
  await server.stop();
  if (!kept) rmSync(data, { recursive: true, force: true });
}
