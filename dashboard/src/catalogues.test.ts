/** The catalogues of the languages against each other, and against the server. */
import { expect, test } from 'vitest';
import * as sharing from './sharing/words';
import * as sharingDe from './sharing/words.de';
import * as sharingFr from './sharing/words.fr';
import * as sites from './sites/words';
import * as sitesDe from './sites/words.de';
import * as sitesFr from './sites/words.fr';
import * as vitals from './vitals/words';
import * as vitalsDe from './vitals/words.de';
import * as vitalsFr from './vitals/words.fr';
import * as words from './words';
import * as wordsDe from './words.de';
import * as wordsFr from './words.fr';
import * as more from './words.more';
import * as moreDe from './words.more.de';
import * as moreFr from './words.more.fr';
import * as now from './words.now';
import * as nowDe from './words.now.de';
import * as nowFr from './words.now.fr';
import * as server from './words.server';
import * as serverDe from './words.server.de';
import * as serverFr from './words.server.fr';
import * as setup from './words.setup';
import * as setupDe from './words.setup.de';
import * as setupFr from './words.setup.fr';
import * as tools from './words.tools';
import * as toolsDe from './words.tools.de';
import * as toolsFr from './words.tools.fr';

/** The same texts in other words. */
type Like<T> = T extends string ? string : T extends (...given: never[]) => unknown ? T : { [K in keyof T]: Like<T[K]> };

/** An incomplete catalogue does not compile. */
function alike<T extends object>(file: string, en: T, de: Like<T>, fr: Like<T>): { file: string; en: object; de: object; fr: object } {
  return { file, en, de: de as object, fr: fr as object };
}
const CATALOGUES = [
  alike('./words.ts', words, wordsDe, wordsFr),
  alike('./words.more.ts', more, moreDe, moreFr),
  alike('./words.now.ts', now, nowDe, nowFr),
  alike('./words.server.ts', server, serverDe, serverFr),
  alike('./words.setup.ts', setup, setupDe, setupFr),
  alike('./words.tools.ts', tools, toolsDe, toolsFr),
  alike('./sharing/words.ts', sharing, sharingDe, sharingFr),
  alike('./sites/words.ts', sites, sitesDe, sitesFr),
  alike('./vitals/words.ts', vitals, vitalsDe, vitalsFr),
];
/** What the server says is their key: English has none. */
const KEYED_BY_ENGLISH = /^(rowNames|server)\./;
/** How numbers are written is no text, nor are keys. */
const NOTATION = /^(language|locale|units|hours|minutes|seconds|below|above|points)\b|^shortcutList\.\d+\.0/;

/** All texts and functions under their paths: `metric.visits`. */
function leaves(of: object, path = ''): [string, unknown][] {
  return Object.entries(of).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !/^units$/.test(key) ? leaves(value as object, `${path}${key}.`) : [[path + key, value] as [string, unknown]],
  );
}
const keys = (of: object) => leaves(of).map(([path]) => path);
const own = (of: object) => keys(of).filter((path) => !KEYED_BY_ENGLISH.test(path)).sort();
const texts = (of: object) => leaves(of).filter((one): one is [string, string] => typeof one[1] === 'string');

test('every catalogue is listed here, in each language', () => {
  const files = Object.keys(import.meta.glob('./**/words*.ts'));
  const wanted = CATALOGUES.flatMap(({ file }) => [file, file.replace('.ts', '.de.ts'), file.replace('.ts', '.fr.ts')]);
  expect(files.sort()).toEqual(wanted.sort());
});

// Seen to fail with a key left out of words.tools.fr.ts.
test.each(CATALOGUES)('$file has the same keys in each language', ({ en, de, fr }) => {
  expect(own(de)).toEqual(own(en));
  expect(own(fr)).toEqual(own(en));
  expect(keys(de).sort()).toEqual(keys(fr).sort());
});

/** What a function of a catalogue says of things that can be told apart. */
function said(what: (...given: unknown[]) => unknown, kind: number): string | null {
  const marks = Array.from({ length: what.length }, (_, at) => [`<${at}>`, 70 + at, [70 + at, 80 + at]][kind]);
  try {
    return String(what(...marks));
  } catch {
    return null;
  }
}
const marksIn = (text: string) => (text.match(/<\d>|[78]\d/g) ?? []).sort();

// Seen to fail with `${site}` left out of a French text.
test.each(CATALOGUES)('$file puts in the same in each language', ({ en, de, fr }) => {
  const [german, french] = [new Map(leaves(de)), new Map(leaves(fr))];
  for (const [path, value] of leaves(en)) {
    if (typeof value !== 'function' || path === 'amid') continue;
    const kinds = [0, 1, 2].filter((kind) => said(value as () => unknown, kind) !== null);
    if (!/^p\.(code|off)$/.test(path)) expect(kinds, path).not.toEqual([]);
    for (const kind of kinds) {
      for (const other of [german, french]) {
        expect(marksIn(said(other.get(path) as () => unknown, kind)!), path).toEqual(marksIn(said(value as () => unknown, kind)!));
      }
    }
  }
});

/** Words that are the same there. */
const SAME = {
  de: [
    'Browser', 'CSV', 'Details', 'Do Not Track', 'Export', 'Filter', 'Form', 'Global Privacy Control', 'HTML', 'Host', 'Hosts', 'JSON', 'Markdown',
    'Mayfly', 'Medium', 'Name', 'Person', 'Region', 'System',
  ],
  fr: [
    'CSV', 'Date', 'Do Not Track', 'Entrants', 'Global Privacy Control', 'HTML', 'JSON', 'Markdown', 'Mayfly', 'Menu', 'Note', 'Notes', 'Page', 'Pages',
    'Section', 'Sections', 'Site', 'Source', 'Sources',
  ],
};

// Seen to fail with `save` left in English in words.de.ts.
test.each(['de', 'fr'] as const)('nothing is left in English by accident: %s', (language) => {
  const same = CATALOGUES.flatMap(({ en, [language]: theirs }) => {
    const english = new Map(texts(en));
    return texts(theirs)
      .filter(([path, text]) => english.get(path) === text && !NOTATION.test(path) && /\p{L}/u.test(text))
      .map(([, text]) => text);
  });
  expect([...new Set(same)].sort()).toEqual([...SAME[language]].sort());
});

// Seen to fail with an ordinary space before a colon.
test('French has a narrow no-break space before ; : ! ? and inside guillemets', () => {
  for (const { file, fr } of CATALOGUES) {
    for (const [path, value] of leaves(fr)) {
      const text = typeof value === 'function' ? (said(value as () => unknown, 0) ?? said(value as () => unknown, 1) ?? '') : String(value);
      expect(text, `${file} ${path}`).not.toMatch(/[^\u202f/][;:!?](?=\s|$)|[^\u202f]»|«[^\u202f]/u);
    }
  }
});

/** The server's program, with long literals on one line. */
const PROGRAM = Object.values(import.meta.glob<string>('../../src/**/*.rs', { query: '?raw', import: 'default', eager: true }))
  .join('\n')
  .replace(/\\\n\s*/g, '')
  .replaceAll('\\"', '"');

// Seen to fail with a word changed in a key of words.server.de.ts and words.server.fr.ts.
test('what is translated is what the server says', () => {
  expect(PROGRAM.length).toBeGreaterThan(100_000);
  for (const theirs of Object.keys(serverDe.server)) {
    // What is put together has parts of its own.
    for (const part of theirs.split(/\{\}|: what (?:it has|they have) not|\(?(?:this period|the period compared with)\)?|(?=corrected: )|(?<=missing here: )|, (?=\{\} were set)/)) {
      expect(PROGRAM.includes(part.trim()), `${theirs}: ${part}`).toBe(true);
    }
  }
});
