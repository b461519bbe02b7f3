// A real Mayfly for one test: its own data and runtime directories, a free port, the claim token from its output.
//
// MAYFLY_BIN names the binary (default target/ci/mayfly).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const START_MS = 120_000;
const STOP_MS = 15_000;

/** Whom and what a claim in these tests makes. */
export const ADMIN = { name: 'ada', password: 'a long enough password' };

function freePort() {
  return new Promise((resolve, reject) => {
    const socket = createServer();
    socket.once('error', reject);
    socket.listen(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** Nothing that the caller's shell has set for Mayfly. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MAYFLY_')));
}

/** The server's wall clock, which stands still until it is moved: libfaketime, from outside. */
class Clock {
  #file = join(mkdtempSync('/dev/shm/mayfly-clock-'), 'now');

  constructor(at) {
    this.move(at);
  }

  /** Stops the clock at an instant, such as `2026-10-24T12:00:00Z`, to the second. */
  move(at) {
    const text = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
    writeFileSync(`${this.#file}.new`, `${text}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }

  environment() {
    const libraries = readdirSync('/usr/lib').map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`);
    const library = libraries.find((path) => existsSync(path));
    assert.ok(library, 'this needs Debian\'s libfaketime: run `make tools`');
    return {
      LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: this.#file, FAKETIME_NO_CACHE: '1', DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1', TZ: 'UTC',
    };
  }

  remove() {
    rmSync(join(this.#file, '..'), { recursive: true, force: true });
  }
}

/**
 * Starts a server and waits until it is healthy and has said its claim token.
 * `flags` are added to `serve`; `at` is where its clock stands, if not where the machine's is. A `data` directory that is
 * given is kept, and may have been claimed.
 */
export async function start(flags = [], { at, data: given } = {}) {
  const binary = resolve(root, process.env.MAYFLY_BIN ?? 'target/ci/mayfly');
  const data = given ?? mkdtempSync(join(tmpdir(), 'mayfly-data-'));
  const runtime = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/mayfly-run-') : 'none';
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const clock = at && new Clock(at);
  const child = spawn(
    binary,
    ['serve', '--listen', `127.0.0.1:${port}`, '--data', data, '--runtime', runtime, ...flags],
    { cwd: data, env: { ...environment(), ...clock?.environment() }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let said = '';
  child.stdout.on('data', (part) => { output += part; });
  child.stderr.on('data', (part) => { said += part; });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.once('error', (error) => { said += error; });

  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid) {
      child.kill('SIGTERM');
      const killed = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(killed);
    }
    clock?.remove();
    for (const directory of [data, runtime]) if (directory !== 'none' && directory !== given) rmSync(directory, { recursive: true, force: true });
  };

  try {
    const token = await until(START_MS, async () => {
      assert.ok(child.exitCode === null && child.pid, `the server ended: ${said}`);
      const found = /token\S*[\s:=]+([A-Za-z0-9_-]{20,})/i.exec(output);
      const healthy = await fetch(`${origin}/api/health`).then((answer) => answer.ok, () => false);
      if (!healthy || found || !given) return healthy && found?.[1];
      return (await (await fetch(`${origin}/api/state`)).json()).claimed && given;
    });
    return { origin, port, token, stop, clock, output: () => output, log: () => said };
  } catch (error) {
    await stop();
    throw new Error(`${error.message}\n${output}\n${said}`);
  }
}

/** Asks until the answer is truthy, and returns it. A condition that throws fails at once. */
export async function until(milliseconds, condition) {
  const end = performance.now() + milliseconds;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`not within ${milliseconds} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Claims the install with a first site and returns a client that is signed in: `api(path, { method, body })`. */
export async function claim(server, site) {
  const answer = await fetch(`${server.origin}/api/claim`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mayfly': '1' },
    body: JSON.stringify({ token: server.token, ...ADMIN, site }),
  });
  assert.equal(answer.status, 200, await answer.text());
  const cookie = answer.headers.getSetCookie().map((each) => each.split(';')[0]).join('; ');
  return client(server.origin, cookie);
}

/** Signs in and returns the same kind of client as [`claim`]. */
export async function login(server) {
  const answer = await fetch(`${server.origin}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mayfly': '1' },
    body: JSON.stringify(ADMIN),
  });
  assert.equal(answer.status, 200, await answer.text());
  return client(server.origin, answer.headers.getSetCookie().map((each) => each.split(';')[0]).join('; '));
}

function client(origin, cookie) {
  const api = async (path, { method = 'GET', body } = {}) => {
    const answer = await fetch(origin + path, {
      method,
      headers: { cookie, 'x-mayfly': '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  /** For a browser context: the same session. */
  const [name, ...value] = cookie.split('=');
  api.cookie = { name, value: value.join('='), url: origin };
  return api;
}

/** Changes a site's settings by a function of the whole document. */
export async function change(api, site, edit) {
  const path = `/api/sites/${site}/settings`;
  const settings = await api(path);
  edit(settings);
  await api(path, { method: 'PUT', body: settings });
}
