import type { Component } from 'svelte';
import Home from './pages/Home.svelte';
import Item from './pages/Item.svelte';
import Items from './pages/Items.svelte';
import type { Role } from './lib/types';

// Each page takes the named parts of its own pattern, which the type of a table cannot say.
export type Page = Component<any>;
/** A page that comes when it is asked for: only what waits and what is approved is everybody's first load. */
export interface LaterPage {
  load: () => Promise<{ default: Page }>;
  /** Whose page it is: a form that its service would refuse at the end says so at its beginning. */
  only?: Role;
}
const later = (load: LaterPage['load'], only?: Role): LaterPage => ({ load, only });

/** Addresses and what is shown there; the first that fits is taken. */
export const PAGES: [string, Page | LaterPage][] = [
  ['/', Home],
  ['/items', Items],
  ['/items/new', later(() => import('./pages/ItemEdit.svelte'))],
  ['/items/:id', Item],
  ['/items/:id/edit', later(() => import('./pages/ItemEdit.svelte'))],
  ['/devices', later(() => import('./pages/Devices.svelte'))],
  ['/devices/claim', later(() => import('./pages/Claim.svelte'), 'technician')],
  ['/devices/alarms', later(() => import('./pages/Alarms.svelte'))],
  ['/devices/updates', later(() => import('./pages/Updates.svelte'), 'technician')],
  ['/devices/import', later(() => import('./pages/Import.svelte'), 'technician')],
  ['/devices/receivers/new', later(() => import('./pages/Receiver.svelte'), 'technician')],
  ['/devices/unsure', later(() => import('./pages/Unsure.svelte'), 'technician')],
  ['/devices/orders/:id', later(() => import('./pages/Order.svelte'))],
  ['/devices/:id', later(() => import('./pages/Device.svelte'))],
  ['/alerts', later(() => import('./pages/Alerts.svelte'))],
  ['/alerts/new', later(() => import('./pages/AlertEdit.svelte'))],
  ['/alerts/sources', later(() => import('./pages/Sources.svelte'))],
  ['/alerts/:id', later(() => import('./pages/Alert.svelte'))],
  ['/alerts/:id/report', later(() => import('./pages/AlertReport.svelte'))],
  ['/contests', later(() => import('./pages/Contests.svelte'))],
  ['/contests/:id', later(() => import('./pages/Contest.svelte'))],
  ['/report', later(() => import('./pages/Report.svelte'))],
  ['/report/:code', later(() => import('./pages/Task.svelte'))],
  ['/report/:code/proofs', later(() => import('./pages/Proofs.svelte'))],
  ['/proofs/:id', later(() => import('./pages/Proof.svelte'))],
  ['/people', later(() => import('./pages/People.svelte'))],
  ['/people/new', later(() => import('./pages/PersonNew.svelte'))],
  ['/people/:id', later(() => import('./pages/Person.svelte'))],
  ['/units', later(() => import('./pages/Units.svelte'))],
  ['/units/acts', later(() => import('./pages/Acts.svelte'))],
  ['/units/acts/new', later(() => import('./pages/ActNew.svelte'))],
  ['/units/acts/:id', later(() => import('./pages/Act.svelte'))],
  ['/units/import', later(() => import('./pages/UnitImport.svelte'))],
  ['/units/:id', later(() => import('./pages/Unit.svelte'))],
  ['/audit', later(() => import('./pages/Audit.svelte'))],
  ['/audit/seals', later(() => import('./pages/Seals.svelte'))],
  ['/leave', later(() => import('./pages/Leave.svelte'))],
  ['/search', later(() => import('./pages/Search.svelte'))],
  ['/more', later(() => import('./pages/More.svelte'))],
  ['/security', later(() => import('./pages/Security.svelte'))],
  ['/looks', later(() => import('./pages/Looks.svelte'))],
  ['/help', later(() => import('./pages/Help.svelte'))],
  ['/keys', later(() => import('./pages/Keys.svelte'))],
];
