// Builds the tracker: tracker/mayfly.js -> tracker/dist/mayfly.js and mayfly.consent.js, the scripts beside it (the one
// for web vitals with the library that it measures with), and says how large they are. They must stay within their
// budgets, or it fails.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { minify } from 'terser';
import { build } from 'vite';

/** Bytes of each built script, compressed with brotli at its best. */
export const BUDGETS = {
  'mayfly.js': 1200,
  'mayfly.consent.js': 1240,
  'mayfly.vitals.js': 3450,
  'consent/cookieyes.js': 250,
  'consent/opt-out.js': 300,
};

const folder = dirname(fileURLToPath(import.meta.url));

/** Bytes of a text after brotli at quality 11. */
export function brotliBytes(text) {
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

const library = join(folder, '..', 'node_modules', 'web-vitals', 'dist', 'modules');

/** The library gives each measure a number made of the time and of chance. Nothing here wants it. */
const withoutIdentifiers = {
  name: 'without-identifiers',
  enforce: 'pre',
  load: (id) => id.endsWith('/generateUniqueID.js') ? 'export const generateUniqueID = () => "";' : null,
};

/** A script with what it imports, in one function. */
async function bundled(file) {
  const [{ output }] = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [withoutIdentifiers],
    resolve: { alias: { 'web-vitals': join(library, 'index.js') } },
    build: { write: false, minify: false, target: 'es2020', lib: { entry: join(folder, file), formats: ['iife'], name: 'vitals' } },
  });
  return output[0].code;
}

async function source(name) {
  if (name === 'mayfly.vitals.js') return bundled('vitals.js');
  return readFileSync(join(folder, name.startsWith('mayfly') ? 'mayfly.js' : name), 'utf8');
}

/** What our own scripts bear; the library's getters and methods are left as they are. */
const OURS = { unsafe_arrows: true, unsafe_methods: true, booleans_as_integers: true, pure_getters: true };

/** What the library's licence wants to be said. */
const NOTICE = '/* With web-vitals, Copyright Google LLC, Apache-2.0 */';

/** A script as it is served. */
export async function built(name = 'mayfly.js') {
  const { code } = await minify(await source(name), {
    ecma: 2020,
    toplevel: true,
    compress: {
      passes: 5,
      ...(name === 'mayfly.vitals.js' ? {} : OURS),
      global_defs: { CONSENT: name === 'mayfly.consent.js' },
    },
    mangle: { toplevel: true },
    format: { comments: false, preamble: name === 'mayfly.vitals.js' ? NOTICE : undefined },
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
