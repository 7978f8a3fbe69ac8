import { m } from '../paraglide/messages.js';
import { session } from './session.svelte';
import type { Role } from './types';

/** A page that can be gone to from anywhere. */
export interface Door {
  to: string;
  name: () => string;
  /** What it is for, where there is room to say so. */
  about: () => string;
  /** A line drawing of 24 by 24. */
  icon: string;
  /** Whose daily work it is: for them it stands near the front. */
  of?: Role[];
  /** Who sees it at all; without it everybody does. */
  only?: Role[];
}

export interface Part {
  name: () => string;
  doors: Door[];
}

const WORK: Door[] = [
  { to: '/', name: () => m.nav_home(), about: () => m.nav_home_about(), icon: 'M5 13l4.5 4.5L19 7' },
  { to: '/items', name: () => m.nav_items(), about: () => m.nav_items_about(), icon: 'M6 3.5h9l3.5 3.5v13.5H6zM9 11h6.5M9 15h6.5', of: ['author', 'editor', 'approver'] },
  {
    to: '/devices',
    name: () => m.nav_devices(),
    about: () => m.nav_devices_about(),
    icon: 'M4 9.5v5h3.5l5 4v-13l-5 4zM16 9a4.5 4.5 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11',
    of: ['technician'],
  },
  { to: '/alerts', name: () => m.nav_alerts(), about: () => m.nav_alerts_about(), icon: 'M12 3.5l9 16.5H3zM12 10v4.5M12 17.2v.3', of: ['approver'] },
  {
    to: '/contests',
    name: () => m.nav_contests(),
    about: () => m.nav_contests_about(),
    icon: 'M8 4h8v6a4 4 0 0 1-8 0zM8 5.5H4.5c0 3 1.5 4.5 3.7 4.5M16 5.5h3.5c0 3-1.5 4.5-3.7 4.5M12 14v4M8.5 20h7',
    of: ['organiser'],
  },
  { to: '/report', name: () => m.nav_report(), about: () => m.nav_report_about(), icon: 'M5 20v-7M12 20V5M19 20v-10', of: ['reporter', 'auditor'] },
];

/** The registers of people and units, and who did what: pages of administrators and auditors. */
const REGISTERS: Door[] = [
  {
    to: '/people',
    name: () => m.nav_people(),
    about: () => m.nav_people_about(),
    icon: 'M9 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M2.5 19.5c0-3.5 3-5.5 6.5-5.5s6.5 2 6.5 5.5M16 5a3.5 3.5 0 0 1 0 6.5M18 14.5c2.2.7 3.5 2.5 3.5 5',
    only: ['admin', 'auditor'],
  },
  {
    to: '/units',
    name: () => m.nav_units(),
    about: () => m.nav_units_about(),
    icon: 'M12 3.5v4M12 7.5H8.5v-4h7v4zM12 7.5v4.5M5.5 16v-4h13v4M2.5 16h6v4.5h-6zM15.5 16h6v4.5h-6z',
    only: ['admin', 'auditor'],
  },
  {
    to: '/audit',
    name: () => m.nav_audit(),
    about: () => m.nav_audit_about(),
    icon: 'M6 3.5h9l3.5 3.5v13.5H6zM9 9h3M9 12.5h6.5M9 16l1.5 1.5L14 14',
    only: ['admin', 'auditor'],
  },
];

const OWN: Door[] = [
  { to: '/leave', name: () => m.leave_title(), about: () => m.leave_about(), icon: 'M4 8h13l-3-3M20 16H7l3 3' },
  { to: '/security', name: () => m.security_title(), about: () => m.security_about(), icon: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4' },
  { to: '/looks', name: () => m.looks_title(), about: () => m.looks_about(), icon: 'M4 18l5-13 5 13M6 13.5h6M15 18l2.5-7 2.5 7M15.8 15.5h3.4' },
  {
    to: '/help',
    name: () => m.help_title(),
    about: () => m.help_about(),
    icon: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.5v.3',
  },
  { to: '/keys', name: () => m.keys_title(), about: () => m.keys_about(), icon: 'M3 6.5h18v11H3zM7 10.5h.3M11 10.5h.3M15 10.5h.3M8 14h8' },
];

const MORE: Door = { to: '/more', name: () => m.nav_more(), about: () => m.nav_more(), icon: 'M5 7h14M5 12h14M5 17h14' };

const holdsAny = (roles: Role[] | undefined): boolean => roles?.some((role) => session.grants(role).length > 0) ?? false;
const open = (doors: Door[]): Door[] => doors.filter(({ only }) => only === undefined || only.some((role) => session.holds(role)));

/** Every page that the present person may go to, part by part; a part without any is left out. */
export const parts = (): Part[] =>
  [
    { name: () => m.nav_part_work(), doors: open(WORK) },
    { name: () => m.nav_part_registers(), doors: open(REGISTERS) },
    { name: () => m.nav_part_own(), doors: open(OWN) },
  ].filter(({ doors }) => doors.length > 0);

/** What stands in the bar: home, then what is the person's daily work, then the rest. The last one leads to all others. */
export function bar(): Door[] {
  const [home, ...others] = open(WORK) as [Door, ...Door[]];
  return [home, ...others.filter(({ of }) => holdsAny(of)), ...others.filter(({ of }) => !holdsAny(of)), MORE];
}

/** The door behind which a path lies. */
export function behind(path: string): string {
  const first = `/${path.split('/')[1] ?? ''}`;
  return first === '/proofs' ? '/report' : first;
}
