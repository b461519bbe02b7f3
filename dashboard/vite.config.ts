import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

/** One document, one script, one style sheet; nothing inlined, so that the strictest CSP admits them. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [svelte()],
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    rollupOptions: { output: { codeSplitting: false } },
  },
  server: { port: 5173, proxy: { '/api': process.env.MAYFLY_API ?? 'http://127.0.0.1:8787' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
