/** What fleet answers, by the names of the console. What its contract leaves open is said here more exactly. */
import type { One, Sent, Told } from './client';
import type { DeviceKind } from './types';

/** How a device stands, the worst first: what colours its point on the map. */
export type Standing = 'offline' | 'alarm' | 'drift' | 'online';

export type DeviceAlarm = Device['alarms'][number];
export type Device = Omit<One<'/api/v1/fleet/devices'>, 'kind'> & { kind: DeviceKind };

/** Which devices are meant; an empty text means any. */
export interface DeviceFilter {
  unit_id: string;
  kind: DeviceKind | '';
  state: Standing | '';
  version: string;
  group: string;
  q: string;
}

export type Claim = Sent<'post', '/api/v1/fleet/devices/claim'>;
export type SiteType = Sent<'post', '/api/v1/fleet/receivers'>['site_type'];

/** Id, name, kind, latitude and longitude where they are known, standing, unit. */
export type Point = [string, string, DeviceKind, number | null, number | null, Standing, string];

export interface Points {
  points: Point[];
  total: number;
}

/** Devices of a unit and of those below it. */
export type UnitSummary = Told<'get', '/api/v1/fleet/summary'>['units'][number];
export type Group = One<'/api/v1/fleet/groups'>;
/** One hour of a device: minutes when it was there, minutes when it played or showed. */
export type DeviceHour = Told<'get', '/api/v1/fleet/devices/{device_id}/hours'>['items'][number] & { at: string };
/** Something that happened at a device's place; which fields are filled depends on `what`. */
export type TimelineEntry = One<'/api/v1/fleet/devices/{device_id}/timeline'>;

/** A device that a division left in one of several units, because nobody could tell in which. */
export type Guessed = Omit<One<'/api/v1/fleet/unsure'>, 'kind'> & { kind: DeviceKind };
export type Unsure = Omit<Told<'get', '/api/v1/fleet/unsure'>, 'items'> & { items: Guessed[] };

export type CommandName = 'volume' | 'restart' | 'test_tone' | 'screenshot' | 'log_upload' | 'diagnose';
export type CommandState = 'sent' | 'received' | 'finished' | 'failed' | 'expired';
type Args = Record<string, string | number | boolean>;

/** One command to one device; `data` is what `diagnose` found, `upload` whether a picture or a log has come. */
export type Command = Omit<One<'/api/v1/fleet/devices/{device_id}/commands'>, 'name' | 'state' | 'args'> & {
  name: CommandName | 'update';
  state: CommandState;
  args: Args;
};
/** One command to several devices; `open` while outcomes may still come. */
export type Order = Omit<Told<'get', '/api/v1/fleet/commands/{order_id}'>, 'name' | 'args' | 'counts' | 'items'> & {
  name: CommandName | 'update';
  args: Args;
  counts: Partial<Record<CommandState, number>>;
  items: Command[];
};

/** `token` is of an MQTT receiver that was made just now. */
export type ImportRow = ImportReport['rows'][number];
export type ImportReport = Told<'post', '/api/v1/fleet/devices/import'>;
/** The token is told once; null when it was told before. */
export type Receiver = Told<'post', '/api/v1/fleet/receivers'>;
/** One cause at one place, however many devices it concerns, until the cause goes. */
export type FleetAlarm = One<'/api/v1/fleet/alarms'>;
/** `waves` are devices in all (`1`) or a share of them (`25%`) at the end of each, `wave` is the present one, from 1. */
export type Update = Omit<One<'/api/v1/fleet/updates'>, 'counts'> & {
  counts: { waiting: number; told: number; done: number; failed: number };
};
