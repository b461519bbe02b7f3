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
