// Fails when the built dashboard is over its budget, in any of its languages. A view of the overview is one document,
// one script and one style sheet; other scripts come when something beside the overview is opened. Sizes are gzipped
// bytes.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = join(import.meta.dirname, 'dist');
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(dist, join(entry.parentPath, entry.name)));
const documents = files.filter((file) => /^index(\.[a-z]+)?\.html$/.test(file));
const pages = new Map(documents.map((file) => [file, readFileSync(join(dist, file), 'utf8')]));
const first = (file) => [...pages.values()].some((page) => page.includes(`/${file}"`));

const kinds = [
  { name: 'document', budget: 2_000, is: (file) => pages.has(file) },
  { name: 'script', budget: 40_000, is: (file) => file.endsWith('.js') && first(file) },
  { name: 'style sheet', budget: 8_000, is: (file) => file.endsWith('.css') && first(file) },
  { name: 'map', budget: 18_000, is: (file) => /shapes[^/]*\.js$/.test(file) },
  { name: 'script on demand', budget: 28_000, is: (file) => file.endsWith('.js') && !first(file) && !/shapes/.test(file) },
];

const imported = [...files].filter((file) => file.endsWith('.js') && first(file))
  .flatMap((file) => [...readFileSync(join(dist, file), 'utf8').matchAll(/(?:^|;)import[^(;]*?from"\.\/([^"]+)"/g)].map(([, other]) => `${file} loads ${other} too: wanted one script`));
const problems = files.filter((file) => !kinds.some((kind) => kind.is(file))).map((file) => `${file}: unexpected`);
if (documents.length !== 3) problems.push(`documents are ${documents.join(', ')}: wanted one a language`);
for (const { name, budget, is } of kinds) {
  for (const file of files.filter(is)) {
    const bytes = gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
    console.log(`${name}: ${bytes} of ${budget} bytes (${file})`);
    if (bytes > budget) problems.push(`${file} is ${bytes - budget} bytes over the budget of a ${name}`);
  }
}
for (const [file, page] of pages) {
  const assets = files.filter((one) => page.includes(`/${one}"`)).map((one) => one.replace(/^.*\./, '')).sort();
  if (assets.join() !== 'css,js') problems.push(`${file} loads ${assets.join(', ')}: wanted one script and one style sheet`);
  if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//.test(page)) {
    problems.push(`${file} has inline code, inline style or a foreign address`);
  }
}
problems.push(...imported);
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
