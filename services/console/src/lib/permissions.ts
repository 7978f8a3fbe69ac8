import { m } from '../paraglide/messages.js';
import roles from './permissions.json';
import { session } from './session.svelte';
import type { Role } from './types';

type Name = keyof typeof roles;

/** What a program may be allowed by an access token: nothing that needs a person in front of the screen. */
const WORDS: Record<Name, () => string> = {
  'directory.unit.read': () => m.permit_units(),
  'content.item.read': () => m.permit_items_read(),
  'content.item.write': () => m.permit_items_write(),
  'broadcast.programme.read': () => m.permit_programme(),
  'signboard.playlist.read': () => m.permit_boards(),
  'fleet.device.read': () => m.permit_devices_read(),
  'fleet.device.command': () => m.permit_devices_command(),
  'alert.notice.read': () => m.permit_alerts(),
  'contest.contest.review': () => m.permit_contests(),
  'reporting.report.read': () => m.permit_report(),
  'reporting.paper.make': () => m.permit_papers(),
};

/** A permission in words; one that is not offered here keeps its name. */
export const permission = (name: string): string => WORDS[name as Name]?.() ?? name;

/** What the present person may hand on to a program. */
export const mayHandOn = (): { value: string; text: string }[] =>
  (Object.keys(WORDS) as Name[])
    .filter((name) => (roles[name] as Role[]).some((role) => session.grants(role).length > 0))
    .map((name) => ({ value: name, text: WORDS[name]() }));
