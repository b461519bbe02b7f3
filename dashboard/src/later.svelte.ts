/** The second script, asked for once, when something in it is first needed. */
import { app } from './app.svelte';
import * as w from './words';

type Parts = typeof import('./more');

let parts = $state.raw<Parts | null>(null);
let asked = false;

/** What has been loaded; null until then. */
export function later(): Parts | null {
  return parts;
}

export function need(): void {
  if (asked) return;
  asked = true;
  import('./more').then(
    (loaded) => (parts = loaded),
    () => {
      asked = false;
      app.problem = w.noAnswer;
    },
  );
}
