import { svelte, vitePreprocess } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { inlineWords, withoutUnused } from './inline';
import { LANGUAGES, builtIn } from './languages';
import { drawnShapes } from './shapes';

/**
 * One document, one script, one style sheet, a second script for the screens beside the overview, loaded when
 * one is opened, and the shapes of the map; nothing inlined, so that the strictest CSP admits them. `--mode de` builds
 * in German, and so on, each beside the others in `dist/`: what does not differ has the same name and is there once.
 */
export default defineConfig(({ mode }) => {
  const language = LANGUAGES.find((one) => one === mode) ?? 'en';
  return {
    root: import.meta.dirname,
    base: '/',
    plugins: [
      builtIn(language),
      withoutUnused(),
      drawnShapes(),
      svelte({
        preprocess: [vitePreprocess(), inlineWords(language)],
        compilerOptions: { runes: true, cssHash: ({ hash, css }) => `s${hash(css).slice(0, 4)}` },
      }),
    ],
    build: {
      target: 'es2022',
      outDir: 'dist',
      emptyOutDir: false,
      assetsInlineLimit: 0,
      cssCodeSplit: false,
      modulePreload: false,
      rolldownOptions: { checks: { bundlerTimings: false } },
      // Terser's second and third look are worth 2 kB of the budget.
      minify: 'terser',
      terserOptions: { module: true, ecma: 2020, compress: { passes: 3, pure_getters: true, unsafe_arrows: true }, format: { comments: false } },
    },
    server: { port: 5173, proxy: { '/api': process.env.MAYFLY_API ?? 'http://127.0.0.1:8787' } },
    test: { include: ['src/**/*.test.ts'], environment: 'node' },
  };
});
