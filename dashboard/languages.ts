/**
 * The languages of the dashboard: one build each, because its texts are part of its script. Beside a catalogue
 * `words.ts`, which is English, stand `words.de.ts` and `words.fr.ts`.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

export const LANGUAGES = ['en', 'de', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The file of a catalogue in a language. */
export function inLanguage(file: string, language: Language): string {
  return language === 'en' ? file : file.replace(/\.ts$/, `.${language}.ts`);
}

/** The file of a language's document in `dist/`. */
export function documentOf(language: Language): string {
  return language === 'en' ? 'index.html' : `index.${language}.html`;
}

const NO_SCRIPT = {
  en: 'This dashboard needs JavaScript.',
  de: 'Dieses Dashboard braucht JavaScript.',
  fr: 'Ce tableau de bord a besoin de JavaScript.',
};

/** Imports of catalogues lead to the language's, and the document says which it is. */
export function builtIn(language: Language): Plugin {
  let dist = '';
  return {
    name: 'built-in-language',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      if (language === 'en' || !/\/words[\w.]*$/.test(source)) return null;
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      return found && inLanguage(found.id, language);
    },
    configResolved(config) {
      dist = join(config.root, config.build.outDir);
    },
    transformIndexHtml: (html) => html.replace('lang="en"', `lang="${language}"`).replace(NO_SCRIPT.en, NO_SCRIPT[language]),
    closeBundle() {
      if (language !== 'en') renameSync(join(dist, 'index.html'), join(dist, documentOf(language)));
    },
  };
}
