import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { showTheme } from './app.svelte';
import { listen } from './route.svelte';

showTheme();
listen();
mount(App, { target: document.getElementById('app') as HTMLElement });
