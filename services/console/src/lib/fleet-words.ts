/** Words for what fleet names by codes. */
import { m } from '../paraglide/messages.js';
import type { CommandName, CommandState, ImportRow, Standing, TimelineEntry } from './fleet-types';
import type { Tone } from './labels';

/** Worst first, which is the order in which they are looked for. */
export const STANDINGS: Standing[] = ['offline', 'alarm', 'drift', 'online'];

export const standing = (value: Standing): string =>
  ({
    offline: m.device_offline(),
    alarm: m.device_alarm(),
    drift: m.device_out_of_sync(),
    online: m.device_ok(),
  })[value];

/** Name of an alarm and what to do about it. */
const ALARMS: Record<string, () => { name: string; todo: string }> = {
  offline: () => ({ name: m.alarm_offline(), todo: m.todo_offline() }),
  silent: () => ({ name: m.alarm_silent(), todo: m.todo_silent() }),
  sounding: () => ({ name: m.alarm_sounding(), todo: m.todo_sounding() }),
  signature_refused: () => ({ name: m.alarm_signature_refused(), todo: m.todo_signature_refused() }),
  download_refused: () => ({ name: m.alarm_download_refused(), todo: m.todo_download_refused() }),
  clock_off: () => ({ name: m.alarm_clock_off(), todo: m.todo_clock_off() }),
  disk_full: () => ({ name: m.alarm_disk_full(), todo: m.todo_disk_full() }),
  playback_failed: () => ({ name: m.alarm_playback_failed(), todo: m.todo_playback_failed() }),
  temperature: () => ({ name: m.alarm_temperature(), todo: m.todo_temperature() }),
  restarts: () => ({ name: m.alarm_restarts(), todo: m.todo_restarts() }),
};

export const alarm = (code: string): string => ALARMS[code]?.().name ?? code;
export const alarmTodo = (code: string): string => ALARMS[code]?.().todo ?? m.todo_other();

export const commandName = (name: CommandName | 'update'): string =>
  ({
    volume: m.command_volume(),
    restart: m.command_restart(),
    test_tone: m.command_test_tone(),
    screenshot: m.command_screenshot(),
    log_upload: m.command_log(),
    diagnose: m.command_diagnose(),
    update: m.command_update(),
  })[name] ?? name;

export const commandState = (state: CommandState): { tone: Tone; text: string } =>
  ({
    sent: { tone: 'quiet' as const, text: m.command_sent() },
    received: { tone: 'warn' as const, text: m.command_received() },
    finished: { tone: 'good' as const, text: m.command_finished() },
    failed: { tone: 'bad' as const, text: m.command_failed() },
    expired: { tone: 'bad' as const, text: m.command_expired() },
  })[state];

/** Whether nothing more will come of it. */
export const isSettled = (state: CommandState): boolean => state !== 'sent' && state !== 'received';

/** What stands in a device's timeline: what happened, and more about it. */
export function timelineWords(entry: TimelineEntry): { name: string; more: string } {
  const names: Record<string, string> = {
    claimed: m.timeline_claimed(),
    replaced: m.timeline_replaced(),
    moved: m.timeline_moved(),
    grouped: m.timeline_grouped(),
    token: m.timeline_token(),
    revoked: m.timeline_revoked(),
    alarm: m.timeline_alarm(),
    command: m.timeline_command(),
  };
  const code = entry.code ? (entry.what === 'command' ? commandName(entry.code as CommandName) : alarm(entry.code)) : '';
  const place = entry.previous_unit_name && entry.unit_name ? `${entry.previous_unit_name} → ${entry.unit_name}` : entry.unit_name;
  const groups = entry.groups ? entry.groups.join(', ') || m.none() : '';
  return { name: names[entry.what] ?? entry.what, more: [code, place, groups, entry.detail].filter(Boolean).join(' · ') };
}

/** How an update stands. */
export const updateState = (state: string): { tone: Tone; text: string } =>
  ({
    running: { tone: 'warn' as const, text: m.update_running() },
    stopped: { tone: 'bad' as const, text: m.update_stopped() },
    finished: { tone: 'good' as const, text: m.update_finished() },
    rolled_back: { tone: 'quiet' as const, text: m.update_rolled_back() },
  })[state] ?? { tone: 'quiet', text: state };

/** What became of a row of an imported list. */
export const importOutcome = (outcome: ImportRow['outcome'], dry: boolean): { tone: Tone; text: string } =>
  ({
    created: { tone: 'good' as const, text: dry ? m.import_ok() : m.import_claimed() },
    unchanged: { tone: 'quiet' as const, text: m.import_unchanged() },
    refused: { tone: 'bad' as const, text: m.import_refused() },
  })[outcome];
