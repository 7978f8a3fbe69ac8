import type { FeatureCollection } from 'geojson';
import { id, request, V1, withQuery } from './api';
import { call, type Sent } from './client';
import type { Claim, Command, CommandName, Device, DeviceFilter, DeviceHour, ImportReport, Order, Points, Unsure, Update } from './fleet-types';
import type { Page } from './types';

const F = `${V1}/fleet`;
type Seen = Pick<Device, 'device_id' | 'ver'>;
const at = (device: Seen): { path: { device_id: string }; ver: number } => ({ path: { device_id: device.device_id }, ver: device.ver });
/** What the contract leaves open of a device is said by the console's own type. */
const exact = <T>(answer: Promise<unknown>): Promise<T> => answer as Promise<T>;

export const EVERY_DEVICE: DeviceFilter = { unit_id: '', kind: '', state: '', version: '', group: '', q: '' };
/** How long a command may wait for its device, in seconds. */
const COMMAND_S = 120;

/** Requests to fleet. */
export const fleet = {
  devices: (filter: DeviceFilter, cursor: string | null = null, limit = 50) =>
    exact<Page<Device>>(call('get', '/api/v1/fleet/devices', { query: { ...filter, cursor, limit } })),
  map: (filter: DeviceFilter) => exact<Points>(call('get', '/api/v1/fleet/map', { query: { ...filter } })),
  summary: () => call('get', '/api/v1/fleet/summary'),
  groups: () => call('get', '/api/v1/fleet/groups'),
  shapes: () => exact<FeatureCollection>(call('get', '/api/v1/fleet/shapes')),

  device: (deviceId: string) => exact<Device>(call('get', '/api/v1/fleet/devices/{device_id}', { path: { device_id: deviceId } })),
  hours: (deviceId: string) =>
    exact<{ items: DeviceHour[] }>(
      call('get', '/api/v1/fleet/devices/{device_id}/hours', { path: { device_id: deviceId }, query: { days: 7 } }),
    ),
  timeline: (deviceId: string, cursor: string | null = null) =>
    call('get', '/api/v1/fleet/devices/{device_id}/timeline', { path: { device_id: deviceId }, query: { cursor, limit: 20 } }),
  commands: (deviceId: string) =>
    exact<Page<Command>>(call('get', '/api/v1/fleet/devices/{device_id}/commands', { path: { device_id: deviceId }, query: { limit: 10 } })),
  move: (known: Seen, unitId: string) =>
    exact<Device>(call('post', '/api/v1/fleet/devices/{device_id}/move', { ...at(known), body: { unit_id: unitId } })),
  unsure: () => exact<Unsure>(call('get', '/api/v1/fleet/unsure')),
  actDevices: (actId: string) => call('get', '/api/v1/fleet/acts/{act_id}', { path: { act_id: actId } }),
  revoke: (known: Device) => exact<Device>(call('post', '/api/v1/fleet/devices/{device_id}/revoke', at(known))),
  setGroups: (known: Device, groups: string[]) =>
    exact<Device>(call('put', '/api/v1/fleet/devices/{device_id}/groups', { ...at(known), body: { groups } })),

  claim: (body: Claim, key: string) => exact<Device>(call('post', '/api/v1/fleet/devices/claim', { body, key })),
  addReceiver: (body: Sent<'post', '/api/v1/fleet/receivers'>, key: string) => call('post', '/api/v1/fleet/receivers', { body, key }),
  newToken: (deviceId: string) => call('post', '/api/v1/fleet/receivers/{device_id}/token', { path: { device_id: deviceId } }),
  importList: (file: Blob, dryRun: boolean) =>
    request<ImportReport>('POST', withQuery(`${F}/devices/import`, { dry_run: dryRun }), { file }),

  command: (deviceIds: string[], name: CommandName, args: Record<string, string | number>, key: string) =>
    call('post', '/api/v1/fleet/commands', { body: { device_ids: deviceIds, name, args, expires_s: COMMAND_S }, key }),
  order: (orderId: string) => exact<Order>(call('get', '/api/v1/fleet/commands/{order_id}', { path: { order_id: orderId } })),

  alarms: (state: 'open' | 'closed', cursor: string | null = null) =>
    call('get', '/api/v1/fleet/alarms', { query: { state, cursor, limit: 100 } }),
  acknowledge: (alarmId: string) =>
    call('post', '/api/v1/fleet/alarms/{alarm_id}/acknowledge', { path: { alarm_id: alarmId }, body: { note: '' } }),

  updates: () => exact<Page<Update>>(call('get', '/api/v1/fleet/updates')),
  steer: (updateId: string, verb: 'stop' | 'resume' | 'rollback') =>
    call('post', `/api/v1/fleet/updates/{update_id}/${verb}`, { path: { update_id: updateId } }),
};

/** Where the list of devices is as a table for a spreadsheet. */
export const devicesCsv = (filter: DeviceFilter): string => withQuery(`${F}/devices.csv`, { ...filter });

/** Where the picture or the log is that a device sent. */
export const uploadUrl = (cmdId: string): string => `${F}/commands/uploads/${id(cmdId)}`;
