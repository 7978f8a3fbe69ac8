import { m } from '../paraglide/messages.js';

/** Permissions that a program may be given here, in words: nothing that needs a person in front of the screen. */
const WORDS: Record<string, () => string> = {
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

/** A permission in words; one that was given elsewhere keeps its name. */
export const permission = (name: string): string => WORDS[name]?.() ?? name;

/** Of permissions to change something, the reading that each needs beside it and that is not among them. */
export const unread = (given: string[]): { does: string; read: string }[] =>
  given
    .map((does) => ({ does, read: does.replace(/[^.]+$/, 'read') }))
    .filter(({ read }) => read in WORDS && !given.includes(read));

/** Of what somebody may hand on, what is offered here. */
export const inWords = (grantable: string[]): { value: string; text: string }[] =>
  Object.entries(WORDS)
    .filter(([name]) => grantable.includes(name))
    .map(([value, text]) => ({ value, text: text() }));
