// Fails when the built dashboard is over its budget: one document, at most two assets, gzipped sizes.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = join(import.meta.dirname, 'dist');
const budgets = { '.js': 40_000, '.css': 8_000, '.html': 2_000 };

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));

const problems = [];
for (const [suffix, budget] of Object.entries(budgets)) {
  const found = files.filter((file) => file.endsWith(suffix));
  if (found.length !== 1) problems.push(`${found.length} files end in ${suffix}, wanted 1`);
  for (const file of found) {
    const bytes = gzipSync(readFileSync(file), { level: 9 }).length;
    console.log(`${file.slice(dist.length + 1)}: ${bytes} bytes gzipped of ${budget}`);
    if (bytes > budget) problems.push(`${file} is ${bytes - budget} bytes over its budget`);
  }
}
const strange = files.filter((file) => !Object.keys(budgets).some((suffix) => file.endsWith(suffix)));
if (strange.length > 0) problems.push(`unexpected files: ${strange.join(', ')}`);
for (const page of files.filter((file) => file.endsWith('.html'))) {
  const text = readFileSync(page, 'utf8');
  if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//.test(text)) {
    problems.push(`${page} has inline code, inline style or a foreign address`);
  }
}
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
