/** What fleet answers, by the names of the console. What its contract leaves open is said here more exactly. */
import type { DeviceKind, Schemas } from './types';

/** How a device stands, the worst first: what colours its point on the map. */
export type Standing = 'offline' | 'alarm' | 'drift' | 'online';

export type DeviceAlarm = Schemas['lantoa_fleet__api__views__AlarmView'];
export type Device = Omit<Schemas['DeviceView'], 'kind'> & { kind: DeviceKind };

/** Which devices are meant; an empty text means any. */
export interface DeviceFilter {
  unit_id: string;
  kind: DeviceKind | '';
  state: Standing | '';
  version: string;
  group: string;
  q: string;
}

export type Claim = Schemas['ClaimBody'];
export type SiteType = Schemas['ReceiverBody']['site_type'];

/** Id, name, kind, latitude and longitude where they are known, standing, unit. */
export type Point = [string, string, DeviceKind, number | null, number | null, Standing, string];

export interface Points {
  points: Point[];
  total: number;
}

/** Devices of a unit and of those below it. */
export type UnitSummary = Schemas['SumView'];
export type Group = Schemas['CountedGroup'];
/** One hour of a device: minutes when it was there, minutes when it played or showed. */
export type DeviceHour = Schemas['HourView'] & { at: string };
/** Something that happened at a device's place; which fields are filled depends on `what`. */
export type TimelineEntry = Schemas['TimelineEntry'];

export type CommandName = 'volume' | 'restart' | 'test_tone' | 'screenshot' | 'log_upload' | 'diagnose';
export type CommandState = 'sent' | 'received' | 'finished' | 'failed' | 'expired';
type Args = Record<string, string | number | boolean>;

/** One command to one device; `data` is what `diagnose` found, `upload` whether a picture or a log has come. */
export type Command = Omit<Schemas['CommandView'], 'name' | 'state' | 'args'> & {
  name: CommandName | 'update';
  state: CommandState;
  args: Args;
};
/** One command to several devices; `open` while outcomes may still come. */
export type Order = Omit<Schemas['OrderView'], 'name' | 'args' | 'counts' | 'items'> & {
  name: CommandName | 'update';
  args: Args;
  counts: Partial<Record<CommandState, number>>;
  items: Command[];
};

/** `token` is of an MQTT receiver that was made just now. */
export type ImportRow = Schemas['FleetImportRow'];
export type ImportReport = Schemas['FleetImportAnswer'];
/** The token is told once; null when it was told before. */
export type Receiver = Schemas['ReceiverMade'];
/** One cause at one place, however many devices it concerns, until the cause goes. */
export type FleetAlarm = Schemas['lantoa_fleet__api__alarms__AlarmView'];
/** `waves` are devices in all (`1`) or a share of them (`25%`) at the end of each, `wave` is the present one, from 1. */
export type Update = Omit<Schemas['UpdateView'], 'counts'> & {
  counts: { waiting: number; told: number; done: number; failed: number };
};
