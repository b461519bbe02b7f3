import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { showTheme } from './app.svelte';
import { keepFocus } from './focus';
import { listen } from './route.svelte';

showTheme();
listen();
keepFocus();
mount(App, { target: document.getElementById('app') as HTMLElement });
