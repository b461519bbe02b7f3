/**
 * Writes the plain texts of the catalogue into the templates at build time: `{w.save}` becomes `Save`. The page
 * then has static HTML where it would have code that sets a text that never changes, a tenth of the script.
 */
import type { PreprocessorGroup } from 'svelte/compiler';
import * as words from './src/words';
import * as more from './src/words.more';
import * as tools from './src/words.tools';

const CATALOGUES: Record<string, object> = { w: words, m: more, v: tools };

function lookUp(catalogue: object, path: string): string | null {
  const found = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], catalogue);
  return typeof found === 'string' ? found : null;
}

function escaped(text: string): string {
  return text.replace(/[&<>"{}]/g, (one) => `&#${one.charCodeAt(0)};`);
}

export function inlineWords(): PreprocessorGroup {
  return {
    markup: ({ content }) => ({
      code: content.replace(/(=?)(?<!\$)\{([wmv])\.([a-zA-Z0-9_.]+)\}/g, (whole, equals: string, from: string, path: string) => {
        const text = lookUp(CATALOGUES[from]!, path);
        if (text === null) return whole;
        return equals ? `="${escaped(text)}"` : escaped(text);
      }),
    }),
  };
}

/**
 * Leaves out parts of Svelte's client that this application never reaches but that the bundler keeps, because they
 * define a class as they load: web components, the component API of Svelte 4.
 */
export function withoutUnused(): { name: string; enforce: 'pre'; load(id: string): string | null; transform(code: string, id: string): string | null } {
  return {
    name: 'without-unused',
    enforce: 'pre',
    load(id) {
      if (/svelte\/src\/internal\/client\/dom\/elements\/custom-element\.js$/.test(id)) {
        return 'export function create_custom_element() { throw new Error("no custom elements"); }';
      }
      if (/svelte\/src\/legacy\/legacy-client\.js$/.test(id)) {
        return ['asClassComponent', 'createClassComponent', 'run', 'handlers', 'createBubbler', 'passive', 'nonpassive', 'once', 'preventDefault', 'self', 'stopImmediatePropagation', 'stopPropagation', 'trusted']
          .map((name) => `export function ${name}() {}`)
          .join('\n');
      }
      return null;
    },
    /** Errors keep their name, not the address of their explanation; warnings are for development. */
    transform(code, id) {
      if (/svelte\/src\/internal\/(client|shared)\/errors\.js$/.test(id)) return code.replaceAll('https://svelte.dev/e/', '');
      if (/svelte\/src\/internal\/(client|shared)\/warnings\.js$/.test(id)) return code.replace(/console\.warn\(`https:[^`]*`\);/g, ';');
      return null;
    },
  };
}
