// What the tracker's tests share: a collector that only records, pages around the built tracker, and a browser.

import { createServer } from 'node:http';
import { extname } from 'node:path';
import { chromium } from 'playwright-core';
import { BUDGETS, built } from '../build.mjs';

const QUIET = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-sync',
  '--no-first-run',
];

const KINDS = { '.css': 'text/css', '.js': 'text/javascript' };

/** Debian's Chromium, without any traffic of its own. */
export function launch(more = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...QUIET, ...more],
  });
}

/**
 * A server on a free port: `pages` by path, the tracker, and a collector.
 * `hits` holds what arrived, oldest first: `{ body, text, headers }`.
 */
export async function collector(pages) {
  const scripts = {};
  for (const name of Object.keys(BUDGETS)) scripts[`/${name}`] = await built(name);
  scripts['/js/script.js'] = scripts['/mayfly.js'];
  const hits = [];
  const waiting = new Set();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname === '/api/event') {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        const text = Buffer.concat(parts).toString();
        response.writeHead(202, { 'content-type': 'text/plain', 'access-control-allow-origin': '*' }).end('ok');
        if (request.method !== 'POST') return;
        hits.push({ text, body: JSON.parse(text), headers: request.headers });
        for (const look of waiting) look();
      });
    } else if (scripts[pathname] !== undefined && pages[pathname] === undefined) {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(scripts[pathname]);
    } else if (pages[pathname] !== undefined) {
      response.writeHead(200, { 'content-type': KINDS[extname(pathname)] ?? 'text/html; charset=utf-8' }).end(pages[pathname]);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;

  /** The first `count` hits that `which` (a name or a predicate) admits, once they have arrived. */
  const arrived = (which, count = 1, milliseconds = 5000) => {
    const admits = typeof which === 'string' ? (hit) => hit.body.n === which : which;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        waiting.delete(look);
        const names = JSON.stringify(hits.map((hit) => hit.body));
        reject(new Error(`waited for ${count} of ${which}; arrived: ${names}`));
      }, milliseconds);
      const look = () => {
        const found = hits.filter(admits);
        if (found.length < count) return;
        clearTimeout(late);
        waiting.delete(look);
        resolve(found.slice(0, count));
      };
      waiting.add(look);
      look();
    });
  };

  const close = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return { origin, hits, arrived, close };
}

/** A page with the tracker. `attributes` are those of its script tag. */
export function html(body, attributes = 'data-site="example.com"', head = '') {
  return `<!doctype html><html lang="en"><head><title>A page</title>${head}
<script defer ${attributes} src="/mayfly.js"></script></head><body>${body}</body></html>`;
}
