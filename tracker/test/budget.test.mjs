// The tracker's size, and what its text may not even name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGETS, brotliBytes, built } from '../build.mjs';

test('each script stays within its budget', async () => {
  for (const [name, budget] of Object.entries(BUDGETS)) {
    const bytes = brotliBytes(await built(name));
    assert.ok(bytes <= budget, `${name}: ${bytes} bytes after brotli, budget ${budget}`);
  }
});

test('the tracker names no storage and no property of the device', async () => {
  const code = await built() + await built('mayfly.consent.js');
  const forbidden = [
    'cookie', 'Storage', 'indexedDB', 'caches', 'screen', 'navigator', 'Intl', 'Date', 'random', 'crypto',
    'canvas', 'getContext', 'fonts', 'innerWidth', 'innerHeight', 'outerWidth', 'clientWidth', 'devicePixelRatio',
    'matchMedia', 'language', 'timeZone', 'hardwareConcurrency', 'deviceMemory', 'userAgent', 'connection',
    'serviceWorker', 'BroadcastChannel', 'SharedWorker', 'eval', 'window.name',
  ];
  for (const word of forbidden) assert.ok(!code.includes(word), `the tracker says ${word}`);
});

// Seen to fail with the library's numbers for measures left in.
test('the script for web vitals names no storage, no property of the device but how the page fared, and no chance', async () => {
  const code = await built('mayfly.vitals.js');
  const forbidden = [
    'cookie', 'Storage', 'indexedDB', 'caches', 'screen', 'navigator', 'Intl', 'Date', 'random', 'crypto', 'canvas', 'fonts',
    'innerWidth', 'devicePixelRatio', 'matchMedia', 'language', 'timeZone', 'hardwareConcurrency', 'deviceMemory', 'userAgent',
    'connection', 'serviceWorker', 'BroadcastChannel', 'fetch', 'sendBeacon', 'XMLHttpRequest', 'eval', 'window.name',
  ];
  for (const word of forbidden) assert.ok(!code.includes(word), `the script says ${word}`);
});
