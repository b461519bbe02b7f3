/** The screens on which sites, people and an account are managed, loaded when one is first opened. */
export { default as Account } from './screens/Account.svelte';
export { default as Keys } from './screens/Keys.svelte';
export { default as Privacy } from './screens/Privacy.svelte';
export { default as Settings } from './screens/Settings.svelte';
export { default as Users } from './screens/Users.svelte';
