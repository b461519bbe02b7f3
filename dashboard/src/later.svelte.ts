/** The scripts beside the first, each asked for once, when something in it is first needed. */
import { app, say } from './app.svelte';
import * as w from './words';

/** What has been loaded (null until then), and the wish for it. */
function onDemand<T>(load: () => Promise<T>): [() => T | null, () => void] {
  let parts = $state.raw<T | null>(null);
  let asked = false;
  const need = () => {
    if (asked) return;
    asked = true;
    load().then(
      (loaded) => (parts = loaded),
      () => {
        asked = false;
        // After an upgrade what this page would load is gone.
        say((app.problem = w.notLoaded), () => location.reload(), w.retry);
      },
    );
  };
  return [() => parts, need];
}

export const [later, need] = onDemand(() => import('./more'));
export const [management, needManagement] = onDemand(() => import('./manage'));
/** What is done with a view: its menu, notes, tables and files. */
export const [tools, needTools] = onDemand(() => import('./tools'));
export const [setup, needSetup] = onDemand(() => import('./setup'));
