// Builds the tracker: tracker/mayfly.js -> tracker/dist/mayfly.js and mayfly.consent.js, the scripts beside it, and
// says how large they are. They must stay within their budgets, or it fails.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { minify } from 'terser';

/** Bytes of each built script, compressed with brotli at its best. */
export const BUDGETS = {
  'mayfly.js': 1200,
  'mayfly.consent.js': 1240,
  'consent/cookieyes.js': 250,
  'consent/opt-out.js': 300,
};

const folder = dirname(fileURLToPath(import.meta.url));

/** Bytes of a text after brotli at quality 11. */
export function brotliBytes(text) {
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

/** A script as it is served. */
export async function built(name = 'mayfly.js') {
  const source = name.startsWith('mayfly') ? 'mayfly.js' : name;
  const { code } = await minify(readFileSync(join(folder, source), 'utf8'), {
    ecma: 2020,
    toplevel: true,
    compress: {
      passes: 5,
      unsafe_arrows: true,
      unsafe_methods: true,
      booleans_as_integers: true,
      pure_getters: true,
      global_defs: { CONSENT: name === 'mayfly.consent.js' },
    },
    mangle: { toplevel: true },
    format: { comments: false },
  });
  return code;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(folder, 'dist', 'consent'), { recursive: true });
  for (const [name, budget] of Object.entries(BUDGETS)) {
    const code = await built(name);
    writeFileSync(join(folder, 'dist', name), code);
    const bytes = brotliBytes(code);
    console.log(`tracker/dist/${name}: ${code.length} bytes, ${bytes} after brotli (budget ${budget})`);
    if (bytes > budget) process.exitCode = 1;
  }
}
