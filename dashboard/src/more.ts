/** What is not on the overview at first sight, loaded when one of it is first opened. */
export { default as FilterForm } from './overview/FilterForm.svelte';
export { default as Funnels } from './overview/Funnels.svelte';
export { default as Help } from './overview/Help.svelte';
export { default as Properties } from './overview/Properties.svelte';
export { default as WorldMap } from './overview/WorldMap.svelte';
export { default as FirstRun } from './screens/FirstRun.svelte';
export { default as Join } from './screens/Join.svelte';
export { default as Setup } from './screens/Setup.svelte';
export { default as Share } from './sharing/Share.svelte';
export { default as SignIn } from './screens/SignIn.svelte';
export { default as Sites } from './sites/Rollup.svelte';
export { default as Vitals } from './vitals/Vitals.svelte';
