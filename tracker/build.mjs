// Builds the tracker: tracker/mayfly.js -> tracker/dist/mayfly.js, and says how large it is.
// It must stay within the budget, or it fails.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { minify } from 'terser';

/** Bytes of the built tracker, compressed with brotli at its best. */
export const BUDGET_BYTES = 1200;

const folder = dirname(fileURLToPath(import.meta.url));

/** Bytes of a text after brotli at quality 11. */
export function brotliBytes(text) {
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

/** The tracker as it is served. */
export async function built() {
  const { code } = await minify(readFileSync(join(folder, 'mayfly.js'), 'utf8'), {
    ecma: 2020,
    toplevel: true,
    compress: { passes: 5, unsafe_arrows: true, unsafe_methods: true, booleans_as_integers: true, pure_getters: true },
    mangle: { toplevel: true },
    format: { comments: false },
  });
  return code;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const code = await built();
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'dist', 'mayfly.js'), code);
  const bytes = brotliBytes(code);
  console.log(`tracker/dist/mayfly.js: ${code.length} bytes, ${bytes} after brotli (budget ${BUDGET_BYTES})`);
  if (bytes > BUDGET_BYTES) process.exit(1);
}
