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
  groups?: string[];
  online: boolean;
  last_seen: string | null;
  version: string | null;
  now: string | null;
  volume?: number | null;
  temperature_c?: number | null;
  disk_free_mb?: number | null;
  signal_dbm?: number | null;
  clock_offset_ms?: number | null;
  boots?: number | null;
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

/** Id, name, kind, latitude, longitude, standing, unit. */
export type Point = [string, string, DeviceKind, number, number, Standing, string];

export interface Points {
  points: Point[];
  total: number;
}

export interface UnitSummary {
  unit_id: string;
  unit_name: string | null;
  total: number;
  online: number;
  alarm: number;
}

export interface Group {
  group: string;
  devices: number;
}

/** One hour of a device: minutes with a heartbeat, minutes of sound or picture. */
export interface DeviceHour {
  hour: string;
  online_minutes: number;
  playing_minutes: number;
}

export interface TimelineEntry {
  at: string;
  what: string;
  by: string | null;
  detail: string;
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
  data: Record<string, unknown>;
  issued_at: string;
  answered_at: string | null;
  upload: { media_type: string; bytes: number } | null;
}

/** One command to several devices. */
export interface Order {
  order_id: string;
  name: CommandName | 'update';
  args: Record<string, string | number | boolean>;
  issued_at: string;
  expires_at: string;
  total: number;
  counts: Partial<Record<CommandState, number>>;
  commands: Command[];
}

export interface ImportRow {
  row: number;
  outcome: string;
  detail: string;
  device_id?: string | null;
}

export interface ImportReport {
  rows: ImportRow[];
  counts: Record<string, number>;
}

export interface Receiver {
  device_id: string;
  token: string;
}

/** Something wrong at one device or at many at once, until its cause goes. */
export interface FleetAlarm {
  alarm_id: string;
  code: string;
  state: 'open' | 'closed';
  unit_id: string | null;
  unit_name: string | null;
  device_id: string | null;
  device_name: string | null;
  /** How many devices it stands for. */
  devices: number;
  count: number;
  detail: string;
  opened_at: string;
  closed_at: string | null;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
}

export interface Wave {
  percent: number;
  total: number;
  finished: number;
  failed: number;
  state: string;
}

export interface Update {
  update_id: string;
  version: string;
  state: string;
  reason: string | null;
  created_at: string;
  waves: Wave[];
}
