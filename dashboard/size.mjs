// Fails when the built dashboard is over its budget. A view of the overview is one document, one script and one
// style sheet; other scripts come when something beside the overview is opened. Sizes are gzipped bytes.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = join(import.meta.dirname, 'dist');
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(dist, join(entry.parentPath, entry.name)));
const page = readFileSync(join(dist, 'index.html'), 'utf8');
const first = (file) => page.includes(`/${file}"`);

const kinds = [
  { name: 'document', budget: 2_000, is: (file) => file === 'index.html' },
  { name: 'script', budget: 40_000, is: (file) => file.endsWith('.js') && first(file) },
  { name: 'style sheet', budget: 8_000, is: (file) => file.endsWith('.css') && first(file) },
  { name: 'map', budget: 18_000, is: (file) => /shapes[^/]*\.js$/.test(file) },
  { name: 'script on demand', budget: 28_000, is: (file) => file.endsWith('.js') && !first(file) && !/shapes/.test(file) },
];

const problems = files.filter((file) => !kinds.some((kind) => kind.is(file))).map((file) => `${file}: unexpected`);
for (const { name, budget, is } of kinds) {
  const found = files.filter(is);
  if (found.length !== 1 && !(found.length && name === 'script on demand')) problems.push(`${found.length} files are a ${name}, wanted 1`);
  for (const file of found) {
    const bytes = gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
    console.log(`${name}: ${bytes} of ${budget} bytes (${file})`);
    if (bytes > budget) problems.push(`${file} is ${bytes - budget} bytes over the budget of a ${name}`);
  }
}
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//.test(page)) {
  problems.push('index.html has inline code, inline style or a foreign address');
}
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
