/** The set-up of a site, loaded when it is opened. */
export { default as Setup } from './setup/Setup.svelte';
