import type { FeatureCollection } from 'geojson';
import { get, id, request, V1, withQuery } from './api';
import type {
  Claim,
  Command,
  CommandName,
  Device,
  DeviceFilter,
  DeviceHour,
  FleetAlarm,
  Group,
  ImportReport,
  Order,
  Points,
  Receiver,
  TimelineEntry,
  UnitSummary,
  Update,
} from './fleet-types';
import type { Page } from './types';

const F = `${V1}/fleet`;
const device = (deviceId: string): string => `${F}/devices/${id(deviceId)}`;
const change = (known: Device, verb: string, body: unknown): Promise<Device> =>
  request<Device>('POST', `${device(known.device_id)}/${verb}`, { body, ver: known.ver });

export const EVERY_DEVICE: DeviceFilter = { unit_id: '', kind: '', state: '', version: '', group: '', q: '' };
/** How long a command may wait for its device, in seconds. */
const COMMAND_S = 120;

/** Requests to fleet. */
export const fleet = {
  devices: (filter: DeviceFilter, cursor: string | null = null, limit = 50) =>
    get<Page<Device>>(`${F}/devices`, { ...filter, cursor, limit }),
  map: (filter: DeviceFilter) => get<Points>(`${F}/map`, { ...filter }),
  summary: () => get<{ units: UnitSummary[] }>(`${F}/summary`),
  groups: () => get<Page<Group>>(`${F}/groups`),
  shapes: () => get<FeatureCollection>(`${F}/shapes`),

  device: (deviceId: string) => get<Device>(device(deviceId)),
  hours: (deviceId: string) => get<{ items: DeviceHour[] }>(`${device(deviceId)}/hours`, { days: 7 }),
  timeline: (deviceId: string, cursor: string | null = null) =>
    get<Page<TimelineEntry>>(`${device(deviceId)}/timeline`, { cursor, limit: 20 }),
  commands: (deviceId: string) => get<Page<Command>>(`${device(deviceId)}/commands`, { limit: 10 }),
  move: (known: Device, unitId: string) => change(known, 'move', { unit_id: unitId }),
  revoke: (known: Device) => change(known, 'revoke', {}),
  setGroups: (known: Device, groups: string[]) =>
    request<Device>('PUT', `${device(known.device_id)}/groups`, { body: { groups }, ver: known.ver }),

  claim: (claim: Claim, key: string) => request<Device>('POST', `${F}/devices/claim`, { body: claim, idempotencyKey: key }),
  addReceiver: (body: unknown, key: string) =>
    request<Receiver>('POST', `${F}/receivers`, { body, idempotencyKey: key }),
  newToken: (deviceId: string) => request<Receiver>('POST', `${F}/receivers/${id(deviceId)}/token`, { body: {} }),
  importList: (file: Blob, dryRun: boolean) =>
    request<ImportReport>('POST', withQuery(`${F}/devices/import`, { dry_run: dryRun }), { file }),

  command: (deviceIds: string[], name: CommandName, args: Record<string, string | number>, key: string) =>
    request<{ order_id: string }>('POST', `${F}/commands`, {
      body: { device_ids: deviceIds, name, args, expires_s: COMMAND_S },
      idempotencyKey: key,
    }),
  order: (orderId: string) => get<Order>(`${F}/commands/${id(orderId)}`),

  alarms: (state: 'open' | 'closed', cursor: string | null = null) =>
    get<Page<FleetAlarm>>(`${F}/alarms`, { state, cursor, limit: 100 }),
  acknowledge: (alarmId: string) => request<FleetAlarm>('POST', `${F}/alarms/${id(alarmId)}/acknowledge`, { body: {} }),

  updates: () => get<Page<Update>>(`${F}/updates`),
  steer: (updateId: string, verb: 'stop' | 'resume' | 'rollback') =>
    request<unknown>('POST', `${F}/updates/${id(updateId)}/${verb}`, { body: {} }),
};

/** Where the list of devices is as a table for a spreadsheet. */
export const devicesCsv = (filter: DeviceFilter): string => withQuery(`${F}/devices.csv`, { ...filter });

/** Where the picture or the log is that a device sent. */
export const uploadUrl = (cmdId: string): string => `${F}/commands/uploads/${id(cmdId)}`;
