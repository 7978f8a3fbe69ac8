import 'carbon-components-svelte/css/all.css';
import './fonts.css';
import './app.css';
import './carbon.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { app } from './lib/app.svelte';
import { looks } from './lib/looks.svelte';
import { getLocale } from './paraglide/runtime.js';

document.documentElement.lang = getLocale();
looks.start();
app.start();

const target = document.getElementById('app');
if (target) mount(App, { target });
