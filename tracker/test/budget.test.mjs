// The tracker's size, and what its text may not even name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET_BYTES, brotliBytes, built } from '../build.mjs';

test('the tracker stays within its budget', async () => {
  const bytes = brotliBytes(await built());
  assert.ok(bytes <= BUDGET_BYTES, `${bytes} bytes after brotli, budget ${BUDGET_BYTES}`);
});

test('the tracker names no storage and no property of the device', async () => {
  const code = await built();
  const forbidden = [
    'cookie', 'Storage', 'indexedDB', 'caches', 'screen', 'navigator', 'Intl', 'Date', 'random', 'crypto',
    'canvas', 'getContext', 'fonts', 'innerWidth', 'innerHeight', 'outerWidth', 'clientWidth', 'devicePixelRatio',
    'matchMedia', 'language', 'timeZone', 'hardwareConcurrency', 'deviceMemory', 'userAgent', 'connection',
    'serviceWorker', 'BroadcastChannel', 'SharedWorker', 'eval', 'window.name',
  ];
  for (const word of forbidden) assert.ok(!code.includes(word), `the tracker says ${word}`);
});
