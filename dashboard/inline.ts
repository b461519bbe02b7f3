/**
 * Writes the plain texts of a language's catalogues into the templates at build time: `{w.save}` becomes `Save`. The
 * page then has static HTML where it would have code that sets a text that never changes, a tenth of the script.
 */
import { dirname, join } from 'node:path';
import type { PreprocessorGroup } from 'svelte/compiler';
import { runnerImport } from 'vite';
import { inLanguage, type Language } from './languages';

const loaded = new Map<string, Promise<object>>();

/** The texts of a catalogue's file. */
function texts(file: string): Promise<object> {
  if (!loaded.has(file)) loaded.set(file, runnerImport<object>(file, { configFile: false, logLevel: 'error' }).then((one) => one.module));
  return loaded.get(file)!;
}

/** The catalogues that a component imports, under the names that it gives them. */
async function imported(component: string, filename: string, language: Language): Promise<Record<string, object>> {
  const found: Record<string, object> = {};
  for (const [, name, path] of component.matchAll(/import \* as (\w+) from '(\.{1,2}\/(?:[\w-]+\/)*words[\w.]*)';/g)) {
    found[name!] = await texts(inLanguage(join(dirname(filename), `${path}.ts`), language));
  }
  return found;
}

function lookUp(catalogue: object, path: string): string | null {
  const found = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], catalogue);
  return typeof found === 'string' ? found : null;
}

function escaped(text: string): string {
  return text.replace(/[&<>"{}]/g, (one) => `&#${one.charCodeAt(0)};`);
}

export function inlineWords(language: Language): PreprocessorGroup {
  return {
    async markup({ content, filename }) {
      const catalogues = await imported(content, filename ?? '', language);
      const code = content.replace(/(=?)(?<!\$)\{(\w+)\.([a-zA-Z0-9_.]+)\}/g, (whole, equals: string, from: string, path: string) => {
        const text = catalogues[from] ? lookUp(catalogues[from], path) : null;
        if (text === null) return whole;
        return equals ? `="${escaped(text)}"` : escaped(text);
      });
      return { code };
    },
  };
}

/**
 * Leaves out parts of Svelte's client that this application never reaches but that the bundler keeps: web components and
 * the component API of Svelte 4, because they define a class as they load, and taking over a page that a server drew,
 * because whether that is going on is a variable.
 */
export function withoutUnused(): { name: string; enforce: 'pre'; load(id: string): string | null; transform(code: string, id: string): string | null } {
  return {
    name: 'without-unused',
    enforce: 'pre',
    load(id) {
      if (/svelte\/src\/internal\/client\/dom\/elements\/custom-element\.js$/.test(id)) {
        return 'export function create_custom_element() { throw new Error("no custom elements"); }';
      }
      if (/svelte\/src\/internal\/client\/dom\/hydration\.js$/.test(id)) {
        const never = ['set_hydrating', 'set_hydrate_node', 'hydrate_next', 'reset', 'hydrate_template', 'next', 'skip_nodes', 'read_hydration_instruction'];
        return `export const hydrating = false, hydrate_node = null;\n${never.map((name) => `export function ${name}() {}`).join('\n')}`;
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
