/**
 * Writes the plain texts of the catalogue into the templates at build time: `{w.save}` becomes `Save`. The page
 * then has static HTML where it would have code that sets a text that never changes, a tenth of the script.
 */
import type { PreprocessorGroup } from 'svelte/compiler';
import * as words from './src/words';

function lookUp(path: string): string | null {
  const found = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], words);
  return typeof found === 'string' ? found : null;
}

function escaped(text: string): string {
  return text.replace(/[&<>"{}]/g, (one) => `&#${one.charCodeAt(0)};`);
}

export function inlineWords(): PreprocessorGroup {
  return {
    markup: ({ content }) => ({
      code: content.replace(/(=?)(?<!\$)\{w\.([a-zA-Z0-9_.]+)\}/g, (whole, equals: string, path: string) => {
        const text = lookUp(path);
        if (text === null) return whole;
        return equals ? `="${escaped(text)}"` : escaped(text);
      }),
    }),
  };
}
