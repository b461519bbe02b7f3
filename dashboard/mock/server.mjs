// A test tool: answers the API with made-up numbers in the contract's JSON and serves the built dashboard.
// node dashboard/mock/server.mjs [port] [mode]; mode: full (default) | fresh (unclaimed) | small | off (k = 1)
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const port = Number(process.argv[2] ?? 8787);
const mode = process.argv[3] ?? 'full';
const dist = join(import.meta.dirname, '..', 'dist');
const today = '2026-11-22';
const zone = 'Europe/Tallinn';

const DAY = 86_400_000;
const date = (n) => new Date(n * DAY).toISOString().slice(0, 10);
const number = (text) => Date.parse(`${text}T00:00:00Z`) / DAY;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const say = (text) => `${Number(text.slice(8))} ${MONTHS[Number(text.slice(5, 7)) - 1]} ${text.slice(0, 4)}`;
const words = (a, b) => (a === b ? say(a) : a.slice(0, 4) === b.slice(0, 4) ? `${say(a).slice(0, -5)} – ${say(b)}` : `${say(a)} – ${say(b)}`);
const noise = (n) => {
  const x = Math.sin(n * 127.1 + 311.7) * 43758.5453;
  return x - Math.floor(x);
};

let claimed = mode !== 'fresh';
let signedIn = claimed;
let firstHitAt = 0;
let accepted = 1204;
let settings = {
  name: 'acme.example', uuid: '4b4f0f0e-6f0e-4a7c-9d0b-5a1f0c9f7f10', hosts: ['acme.example', '*.acme.example'], zone, k: 5,
  kept: { region: true, city: true, versions: false, language: false }, objection: { gpc: true, dnt: true }, consent: 'none',
  excluded: { networks: ['192.0.2.0/24'], hosts: ['staging.acme.example'], paths: ['/admin/*'] },
  path_parameters: ['page'], path_rules: [{ pattern: '/user/*/edit', becomes: '/user/:id/edit' }],
  sections: [{ pattern: '/blog/*' }, { pattern: '/docs/*' }],
  events: [
    { name: 'plan_card_click', interactive: true, once: 'never', currency: null, properties: [{ name: 'plan', values: { list: ['free', 'team', 'business'] } }] },
    { name: 'signup', interactive: true, once: 'visit', currency: 'EUR', properties: [{ name: 'plan', values: { list: ['free', 'team', 'business'] } }] },
    { name: 'snippet_copied', interactive: true, once: 'never', currency: null, properties: [{ name: 'snippet', values: { pattern: { characters: '[a-z0-9-]', min: 1, max: 40, cap: 200 } } }] },
  ],
  funnels: [{ name: 'Sign-up', steps: [{ page: '/pricing' }, { event: 'plan_card_click' }, { event: 'signup' }] }],
  goals: [{ name: 'Signed up', reached_by: { event: 'signup' } }], retention_months: 24, version: 7, pending: null,
};
let proposals = [
  { event: 'newsletter_open', property: null, text: 'newsletter_open', visitors: 12 },
  { event: 'signup', property: 'plan', text: 'enterprise', visitors: 7 },
];
let keys = [{ id: 1, name: 'Weekly sheet', site: 'acme.example', scope: 'read' }];

const DATA = {
  channel: [['Organic search', 31], ['Direct', 26], ['Referral', 17], ['Organic social', 11], ['AI assistants', 6], ['Paid search', 4], ['Email', 3]],
  source: [['Google', 29], ['Direct / None', 26], ['Hacker News', 9], ['GitHub', 6.2], ['ChatGPT', 4.8], ['Bing', 3.9], ['Reddit', 3.5], ['DuckDuckGo', 3], ['Newsletter', 2.7], ['X', 2], ['Mastodon', 1.4], ['lobste.rs', 1.1]],
  utm_campaign: [['(none)', 83], ['autumn-launch', 6], ['newsletter-44', 3], ['retarget-eu', 2]],
  utm_medium: [['(none)', 80], ['cpc', 6], ['email', 5], ['social', 3]],
  utm_source: [['(none)', 80], ['google', 6], ['newsletter', 5]], utm_content: [['(none)', 96]], utm_term: [['(none)', 97]],
  page: [['/', 30], ['/pricing', 14], ['/blog/counting-without-cookies', 9], ['/docs/', 8], ['/docs/install', 6], ['/features', 5], ['/blog/why-we-left-the-cloud-and-what-it-cost-us-in-the-end', 4], ['/about', 2.4], ['/signup', 2.2], ['/changelog', 1.9], ['/docs/api', 1.7], ['/contact', 0.8]],
  section: [['/blog/*', 18], ['/docs/*', 21]],
  entry_page: [['/', 41], ['/blog/counting-without-cookies', 16], ['/pricing', 9], ['/docs/install', 7], ['/docs/', 6], ['/features', 4]],
  exit_page: [['/', 28], ['/pricing', 15], ['/blog/counting-without-cookies', 13], ['/docs/install', 8], ['/signup', 5]],
  country: [['DE', 19], ['US', 17], ['EE', 13], ['GB', 8], ['FI', 7], ['FR', 5], ['SE', 4], ['NL', 3.5], ['IN', 3], ['PL', 2.4], ['CA', 2]],
  region: [['Harjumaa', 9], ['Bavaria', 6], ['California', 5], ['Uusimaa', 5], ['Berlin', 4.5], ['England', 4]],
  city: [['Tallinn', 8], ['Munich', 4], ['Helsinki', 3.8], ['Berlin', 3.5], ['London', 2]],
  browser: [['Chrome', 49], ['Safari', 22], ['Firefox', 14], ['Edge', 8], ['Samsung Internet', 2]],
  os: [['Windows', 29], ['macOS', 24], ['Android', 18], ['iOS', 17], ['Linux', 9]],
  device: [['desktop', 62], ['mobile', 34], ['tablet', 2.5]],
  language: [],
  event: [['plan_card_click', 44], ['snippet_copied', 27], ['signup', 12], ['scroll_75', 60], ['video_played', 0]],
  'prop.plan': [['team', 24], ['free', 15], ['business', 5]],
  goal: [['Signed up', 12]], funnel: [['Sign-up', 14]],
};
const FAMILY = (d) => (/^(channel|source|utm_)/.test(d) ? 'visit' : /^(country|region|city)$/.test(d) ? 'place' : /^(browser|os|device)/.test(d) ? 'device' : d === 'language' ? 'language' : null);

function dates(p) {
  const end = number(today);
  if (p === 'day') return [today, today];
  if (p === 'yesterday') return [date(end - 1), date(end - 1)];
  if (p === 'month') return ['2026-11-01', '2026-11-30'];
  if (p === 'last_month') return ['2026-10-01', '2026-10-31'];
  if (p === 'year') return ['2026-01-01', '2026-12-31'];
  if (p === '12mo') return ['2025-12-01', '2026-11-30'];
  if (p === 'all') return ['2026-08-24', today];
  if (p.includes('..')) return p.split('..');
  if (/d$/.test(p)) return [date(end - Number(p.slice(0, -1)) + 1), today];
  return [p, p];
}
const size = mode === 'small' ? 0.004 : 1;
function visitsOf(day) {
  const weekday = (day + 4) % 7;
  if (day < number('2026-08-24') || day > number(today)) return 0;
  const week = weekday === 0 || weekday === 6 ? 0.58 : 1;
  const spike = date(day) === '2026-11-10' ? 2.3 : 1;
  return Math.round((1180 + (day - number('2026-08-24')) * 5 + noise(day) * 260) * week * spike * size * (day === number(today) ? 0.6 : 1));
}
function values(visits, seed) {
  if (visits === 0) return { visits: 0, visitors: 0, pageviews: 0, views_per_visit: null, bounce_rate: null, visit_duration: null, events: 0, event_visits: 0, event_rate: null };
  const views = Math.round(visits * (2.2 + noise(seed) * 0.5));
  const events = Math.round(visits * 0.21);
  return {
    visits, visitors: Math.round(visits * 0.86), pageviews: views, views_per_visit: views / visits,
    bounce_rate: 0.41 + noise(seed + 9) * 0.08, visit_duration: 74 + noise(seed + 5) * 40,
    events, event_visits: Math.round(events * 0.8), event_rate: Math.round(events * 0.8) / visits,
  };
}
function filtersOf(query) {
  return [...query].filter(([key]) => key in DATA || key.startsWith('prop.') || key === 'host');
}
function factor(query) {
  let f = 1;
  for (const [key, text] of filtersOf(query)) {
    const row = (DATA[key] ?? []).find(([name]) => text.replace(/^acme\.example/, '') === name || text === name);
    f *= row ? row[1] / 100 : text === 'nothing' ? 0 : 0.3;
  }
  return f;
}
function bucketsOf(first, last, interval, f, shift) {
  const out = [];
  if (interval === 'hour') {
    for (let h = 0; h < 24; h++) {
      const share = 0.012 + 0.06 * Math.exp(-(((h - 14.5) / 5) ** 2));
      const make = (day) => values(Math.round(visitsOf(day) * share * (0.8 + noise(day * 24 + h) * 0.4) * f), h);
      const now = number(first);
      const future = first === today && h > 14;
      const none = Object.fromEntries(Object.keys(values(0)).map((key) => [key, null]));
      out.push({ at: `${first}T${String(h).padStart(2, '0')}`, values: future ? none : make(now), previous: shift ? make(now - shift) : null, complete: !(first === today && h >= 14) });
    }
    return out;
  }
  for (let d = number(first); d <= number(last); d++) {
    const future = d > number(today);
    const make = (day) => values(Math.round(visitsOf(day) * f), day);
    const none = Object.fromEntries(Object.keys(values(0)).map((key) => [key, null]));
    out.push({ at: date(d), values: future ? none : make(d), previous: shift ? make(d - shift) : null, complete: d < number(today) });
  }
  return out;
}
function rowsOf(dimension, visits, before, query) {
  const list = DATA[dimension] ?? [];
  const q = query.get('q');
  const pageLike = ['page', 'entry_page', 'exit_page'].includes(dimension);
  const chosen = filtersOf(query).find(([key]) => key === dimension);
  const crowd = ['place', 'device'].includes(FAMILY(dimension));
  return list
    .filter(([name]) => !q || name.toLowerCase().includes(q.toLowerCase()))
    .filter(([name]) => !chosen || name === chosen[1] || `acme.example${name}` === chosen[1])
    .map(([name, share], i) => {
      const part = chosen ? 1 : share / 100;
      const v = values(Math.round(visits * part), i + 3);
      const p = i === 6 && dimension !== 'channel' ? null : values(Math.round(before * part * (0.8 + noise(i * 7 + dimension.length) * 0.5)), i);
      const row = { name, value: pageLike ? `acme.example${name}` : name, share: part, ...(p || !before ? {} : crowd ? { untold_before: true } : { new: true }), visits: v.visits, visitors: v.visitors, previous: before ? p : undefined };
      if (pageLike || dimension === 'section') Object.assign(row, { pageviews: v.pageviews, page_visits: v.visits, page_visitors: v.visitors, exits: Math.round(v.visits * 0.4), time_on_page: 30 + noise(i) * 90, scroll_depth: 0.4 + noise(i + 2) * 0.5, bounce_rate: v.bounce_rate });
      else if (dimension === 'funnel') row.steps = [['/pricing', 1], ['plan_card_click', 0.31], ['signup', 0.12]].map(([name, f]) => ({ name, kind: 'page', entrants: Math.round(v.visits * f) }));
      else if (dimension === 'event' || dimension.startsWith('prop.')) Object.assign(row, { events: v.visits, event_visits: v.visitors, event_rate: v.visitors / Math.max(1, visits), visits: undefined, visitors: undefined, previous: p && { events: p.visits } });
      else Object.assign(row, { bounce_rate: v.bounce_rate, visit_duration: v.visit_duration });
      return row;
    })
    .filter((row) => !crowd || (row.visitors ?? 0) >= 5);
}
function panelOf(dimension, visits, before, query) {
  const mine = FAMILY(dimension);
  const others = filtersOf(query).map(([key]) => FAMILY(key)).filter((one) => one && one !== mine);
  const base = { family: mine ?? 'page', rows: [], other: null, told: null, overlaps: false, total_rows: 0, refused: null };
  if (dimension === 'language') return { ...base, refused: 'not_collected: the site does not keep it' };
  if (mine && others.length > 0) return { ...base, refused: 'Stored apart: place and device show only in crowds' };
  const rows = rowsOf(dimension, visits, before, query);
  const overlaps = !mine && dimension !== 'entry_page' && dimension !== 'exit_page';
  const told = rows.reduce((sum, row) => sum + (row.visits ?? 0), 0);
  const other = overlaps || told >= visits ? null : { visits: visits - told, visitors: Math.round((visits - told) * 0.86), pageviews: visits - told, exits: visits - told };
  return { ...base, rows, other, told: visits ? Math.min(1, told / visits) : null, overlaps, total_rows: rows.length };
}
function reportOf(site, query) {
  const [first, last] = dates(query.get('p') ?? '28d');
  const interval = query.get('i') ?? (first === last ? 'hour' : 'day');
  const days = number(last) - number(first) + 1;
  const compare = query.get('c') ?? 'none';
  const shift = compare === 'none' ? 0 : compare === 'year' ? 364 : Math.ceil(days / 7) * 7;
  const f = factor(query);
  const buckets = bucketsOf(first, last, interval, f, shift);
  const sum = (which, key) => buckets.reduce((total, one) => total + (one[which]?.[key] ?? 0), 0);
  const mean = (which, key) => {
    const visits = sum(which, 'visits');
    return visits ? buckets.reduce((total, one) => total + (one[which]?.[key] ?? 0) * (one[which]?.visits ?? 0), 0) / visits : null;
  };
  const tiles = {};
  for (const key of ['visits', 'visitors', 'pageviews']) tiles[key] = { value: sum('values', key), previous: shift ? sum('previous', key) : null };
  for (const key of ['views_per_visit', 'bounce_rate', 'visit_duration']) tiles[key] = { value: mean('values', key), previous: shift ? mean('previous', key) : null };
  if (query.has('event')) {
    for (const key of ['events', 'event_visits']) tiles[key] = { value: sum('values', key), previous: shift ? sum('previous', key) : null };
    tiles.event_rate = { value: mean('values', 'event_rate'), previous: shift ? mean('previous', 'event_rate') : null };
  }
  const visits = tiles.visits.value;
  const panels = Object.fromEntries(Object.keys(DATA).filter((key) => !key.startsWith('prop.')).map((key) => [key, panelOf(key, visits, tiles.visits.previous ?? 0, query)]));
  for (const panel of Object.values(panels)) panel.rows = panel.rows.slice(0, 9);
  const from = number(first) - shift;
  const open = last >= today && first <= today;
  return {
    site, range: { first, last, words: words(first, last), interval },
    comparison: shift ? { first: date(from), last: date(from + days - 1), words: words(date(from), date(from + days - 1)) } : null,
    tiles, series: { metric: query.get('m') ?? 'visits', buckets }, panels, filters: [],
    meta: {
      zone, today, open_day: open ? today : null, as_of: open ? '14:00' : null, k: mode === 'off' ? 1 : 5, grouping: mode !== 'off', daily_sum: days > 1,
      simulated: mode === 'full', data_first: '2026-08-24', data_last: today, counting: 'visits',
      can: { filters: {}, metrics: {} }, rejected_undeclared: 3, kept: settings.kept, generated_at: Date.now(), notices: [],
    },
  };
}

function api(request, path, query, body) {
  const method = request.method;
  if (method !== 'GET' && request.headers['x-mayfly'] !== '1') return [403, { error: 'the header X-Mayfly is missing' }];
  const site = { name: settings.name, hosts: settings.hosts, zone, uuid: settings.uuid, simulated: false, k: settings.k };
  if (path === '/api/state') return [200, { claimed, user: signedIn ? { name: 'Ada', role: 'owner', second_factor: false } : null, version: '0.1.0', sites: signedIn ? [site, { ...site, name: 'docs.acme.example' }] : [] }];
  if (path === '/api/claim') {
    if (body.token !== 'mock') return [403, { error: 'the claim token is wrong' }];
    claimed = signedIn = true;
    settings.name = body.site.host;
    firstHitAt = Date.now() + 4000;
    return [200, { site: { ...site, name: body.site.host } }];
  }
  if (path === '/api/session') {
    if (method === 'DELETE') signedIn = false;
    else if (body.password === 'wrong') return [401, { error: 'name or password is wrong' }];
    else signedIn = true;
    return [200, {}];
  }
  if (!signedIn) return [401, { error: 'sign in first' }];
  if (path === '/api/sites') {
    const line = (f) => Array.from({ length: 7 }, (_, i) => Math.round(visitsOf(number(today) - 6 + i) * f));
    return [200, { sites: [1, 0.2].map((f, i) => ({ name: ['acme.example', 'docs.acme.example'][i], zone, visits_7d: line(f).reduce((a, b) => a + b), sparkline: line(f), live: i ? 0 : 14 })) }];
  }
  if (path === '/api/keys') {
    if (method === 'POST') keys = [...keys, { id: keys.length + 1, ...body }];
    return [200, method === 'POST' ? { key: 'mf_5Kq0v1sampleonlysample' } : { keys }];
  }
  if (path.startsWith('/api/keys/')) return (keys = keys.filter((one) => String(one.id) !== path.slice(10))), [200, {}];
  const [, name, what] = /^\/api\/sites\/([^/]+)\/(.*)$/.exec(path) ?? [];
  if (!name) return [404, { error: `no such route: ${path}` }];
  switch (what) {
    case 'report':
      return [200, reportOf(decodeURIComponent(name), query)];
    case 'rows': {
      const report = reportOf(name, query);
      const panel = panelOf(query.get('dimension'), report.tiles.visits.value, report.tiles.visits.previous ?? 0, query);
      const sort = query.get('sort');
      if (sort) {
        const key = sort.replace('-', '');
        panel.rows.sort((a, b) => (a[key] > b[key] ? 1 : -1) * (sort[0] === '-' ? -1 : 1));
      }
      return [200, { ...panel, meta: report.meta }];
    }
    case 'live': {
      accepted += Math.random() < 0.5 ? 1 : 0;
      const first = firstHitAt === 0 ? mode !== 'fresh' : Date.now() > firstHitAt;
      return [200, {
        visitors: 14, minutes: Array.from({ length: 30 }, (_, i) => Math.round(noise(i) * 9)),
        pages: first ? DATA.page.slice(0, 6).map(([page, n]) => ({ name: page, pageviews: Math.round(n * 4) })) : [],
        accepted_today: accepted, received_today: accepted + 60, outcomes: first ? { accepted, bot: 57 } : { bot: 3, host_not_allowed: 2 }, first_hit: first,
      }];
    }
    case 'settings':
      if (method === 'PUT') {
        if (body.k < 1 || body.k > 1000) return [400, { error: 'k must be 1..=1000', field: 'k' }];
        if (body.version !== settings.version) return [409, { error: 'the settings changed meanwhile' }];
        settings = { ...body, version: body.version + 1 };
      }
      return [200, settings];
    case 'snippet':
      return [200, {
        script: `<script defer data-site="${settings.name}" src="https://stats.example/mayfly.js"></script>`,
        pixel: null, opt_out: 'https://stats.example/opt-out', opt_out_effective: false,
      }];
    case 'proposals':
      return [200, { proposals }];
    case 'proposals/declare':
      proposals = proposals.filter((one) => one.text !== body.text);
      return [200, {}];
  }
  return [404, { error: `no such route: ${path}` }];
}

const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html' };
createServer((request, response) => {
  const url = new URL(request.url, 'http://mock');
  let text = '';
  request.on('data', (chunk) => (text += chunk));
  request.on('end', () => {
    if (url.pathname.startsWith('/api/')) {
      const [status, answer] = api(request, url.pathname, url.searchParams, text ? JSON.parse(text) : null);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      return;
    }
    const file = join(dist, url.pathname);
    const found = url.pathname !== '/' && existsSync(file) ? file : join(dist, 'index.html');
    response
      .writeHead(200, {
        'content-type': TYPES[/\.\w+$/.exec(found)?.[0]] ?? 'application/octet-stream',
        'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      })
      .end(readFileSync(found));
  });
}).listen(port, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${port}\n`));
