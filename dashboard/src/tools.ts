/** What is done with a view, and the view of this moment, loaded when one is first wanted. */
export { default as ChartTable } from './overview/ChartTable.svelte';
export { default as CompareMenu } from './overview/CompareMenu.svelte';
export { default as Details } from './overview/Details.svelte';
export { default as Now } from './overview/Now.svelte';
export { default as Notes } from './overview/Notes.svelte';
export { default as PeriodMenu } from './overview/PeriodMenu.svelte';
export { default as ViewMenu } from './overview/ViewMenu.svelte';
