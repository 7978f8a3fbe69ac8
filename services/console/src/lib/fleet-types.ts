/** What fleet answers, as the console reads it. */
import type { DeviceKind } from './types';

/** How a device stands, the worst first: what colours its point on the map. */
export type Standing = 'offline' | 'alarm' | 'drift' | 'online';

export interface DeviceAlarm {
  code: string;
  at: string;
  count: number;
  detail: string;
}

export interface Device {
  device_id: string;
  ver: number;
  name: string;
  kind: DeviceKind;
  state: 'pending' | 'accepted' | 'revoked';
  unit_id: string | null;
  unit_name: string | null;
  site_type: string | null;
  model: string;
  lat: number | null;
  lon: number | null;
  link?: 'nats' | 'mqtt';
  groups: { group_id: string; name: string }[];
  replaces?: string | null;
  replaced_by?: string | null;
  online: boolean;
  last_seen: string | null;
  version: string | null;
  now: string | null;
  volume?: number | null;
  temperature_c?: number | null;
  disk_free_mb?: number | null;
  signal_dbm?: number | null;
  clock_offset_ms?: number | null;
  desired_seq: number;
  reported_seq: number;
  in_sync: boolean;
  public_key: string | null;
  alarms: DeviceAlarm[];
}

/** Which devices are meant; an empty text means any. */
export interface DeviceFilter {
  unit_id: string;
  kind: string;
  state: string;
  version: string;
  group: string;
  q: string;
}

export interface Claim {
  claim_code: string;
  name: string;
  unit_id: string;
  site_type: string;
  lat: number | null;
  lon: number | null;
  groups: string[];
  /** The device whose place this one takes after a repair. */
  replaces: string | null;
}

/** Id, name, kind, latitude and longitude where they are known, standing, unit. */
export type Point = [string, string, DeviceKind, number | null, number | null, Standing, string];

export interface Points {
  points: Point[];
  total: number;
}

/** Devices of a unit and of those below it. */
export interface UnitSummary {
  unit_id: string;
  unit_name: string | null;
  total: number;
  online: number;
  alarm: number;
  drift: number;
}

export interface Group {
  group_id: string;
  name: string;
  devices: number;
}

/** One hour of a device: minutes when it was there, minutes when it played or showed. */
export interface DeviceHour {
  at: string;
  online: number;
  playing: number;
  restarts: number;
}

/** Something that happened at a device's place; which fields are filled depends on `what`. */
export interface TimelineEntry {
  at: string;
  what: string;
  by_name: string | null;
  unit_name: string | null;
  previous_unit_name: string | null;
  other_id: string | null;
  groups: string[] | null;
  code: string | null;
  count: number | null;
  detail: string | null;
}

export type CommandName = 'volume' | 'restart' | 'test_tone' | 'screenshot' | 'log_upload' | 'diagnose';
export type CommandState = 'sent' | 'received' | 'finished' | 'failed' | 'expired';

/** One command to one device. */
export interface Command {
  cmd_id: string;
  order_id: string;
  device_id: string;
  device_name: string | null;
  name: CommandName | 'update';
  args: Record<string, string | number | boolean>;
  state: CommandState;
  detail: string;
  /** What `diagnose` found. */
  data: Record<string, unknown> | null;
  at: string;
  by_name: string;
  answered_at: string | null;
  /** Whether a picture or a log has come. */
  upload: boolean;
}

/** One command to several devices. */
export interface Order {
  order_id: string;
  name: CommandName | 'update';
  args: Record<string, string | number | boolean>;
  at: string;
  expires_at: string;
  by_name: string;
  /** Whether outcomes may still come. */
  open: boolean;
  counts: Partial<Record<CommandState, number>>;
  items: Command[];
}

export interface ImportRow {
  row: number;
  outcome: 'created' | 'unchanged' | 'refused';
  detail: string;
  device_id: string | null;
  /** Of an MQTT receiver that was made just now. */
  token: string | null;
}

export interface ImportReport {
  dry_run: boolean;
  rows: ImportRow[];
}

export interface Receiver {
  device_id: string;
  /** Told once; null when it was told before. */
  token: string | null;
}

/** One cause at one place, however many devices it concerns, until the cause goes. */
export interface FleetAlarm {
  alarm_id: string;
  code: string;
  unit_id: string;
  unit_name: string | null;
  opened_at: string;
  closed_at: string | null;
  devices: number;
  /** The first of them by name. */
  sample: { device_id: string; name: string; unit_id: string }[];
  acknowledged: { by_name: string; at: string; note: string } | null;
}

export interface Update {
  update_id: string;
  version: string;
  state: string;
  reason: string;
  /** Devices in all (`1`) or a share of them (`25%`) at the end of each wave. */
  waves: string[];
  /** Number of the present one, from 1. */
  wave: number;
  devices: number;
  begun_at: string;
  ended_at: string | null;
  by_name: string;
  rolls_back: string | null;
  counts: { waiting: number; told: number; done: number; failed: number };
}
