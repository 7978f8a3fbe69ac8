/** One box for everything: each kind asked of the service that knows it, all at once. */
import { m } from '../paraglide/messages.js';
import { api, get, id, V1 } from './api';
import { EVERY_DEVICE, fleet } from './fleet';
import { deviceHealth, itemState } from './labels';
import { questions, words } from './questions';
import { parts } from './nav';
import { session } from './session.svelte';
import { found } from './text';
import type { Page, Person } from './types';

export interface Hit {
  key: string;
  title: string;
  about: string;
  to: string;
  lang?: string;
}

export interface Kind {
  key: string;
  name: () => string;
  /** At most `FEW` of it for what was typed; throws `Problem` where its service does not answer. */
  find: (asked: string) => Promise<Hit[]>;
}

const FEW = 6;

const has = (to: string): boolean => parts().some(({ doors }) => doors.some((door) => door.to === to));

/** What can be searched by the present person. */
export function kinds(): Kind[] {
  const pages: Kind = {
    key: 'pages',
    name: () => m.search_pages(),
    find: async (asked) =>
      parts()
        .flatMap(({ doors }) => doors)
        .filter((door) => found(asked, door.name(), door.about()))
        .map((door) => ({ key: door.to, title: door.name(), about: door.about(), to: door.to })),
  };
  const help: Kind = {
    key: 'help',
    name: () => m.help_title(),
    find: async (asked) =>
      [...questions(), ...words()]
        .filter(({ name, text }) => found(asked, name(), text()))
        .map(({ key, name, text }) => ({ key, title: name(), about: text(), to: `/help?about=${key}` })),
  };
  const people: Kind = {
    key: 'people',
    name: () => m.search_people(),
    find: async (asked) =>
      (await get<Page<Person>>(`${V1}/directory/people`, { q: asked, limit: FEW })).items.map((one) => ({
        key: one.id,
        title: one.name,
        about: one.title,
        to: `/people/${id(one.id)}`,
      })),
  };
  const all: Kind[] = [
    {
      key: 'items',
      name: () => m.nav_items(),
      find: async (asked) =>
        (await api.items('', null, asked, FEW)).items.map((item) => ({
          key: item.id,
          title: item.title,
          about: `${itemState(item.state)} · ${item.unit_name}`,
          to: `/items/${id(item.id)}`,
          lang: item.language,
        })),
    },
    {
      key: 'devices',
      name: () => m.nav_devices(),
      find: async (asked) =>
        (await fleet.devices({ ...EVERY_DEVICE, q: asked }, null, FEW)).items.map((device) => ({
          key: device.device_id,
          title: device.name || device.device_id,
          about: `${deviceHealth(device).text} · ${device.unit_name ?? ''}`,
          to: `/devices/${id(device.device_id)}`,
        })),
    },
    {
      key: 'units',
      name: () => m.search_units(),
      find: async (asked) =>
        (await api.units(asked)).items.map((unit) => ({
          key: unit.id,
          title: unit.name,
          about: unit.matched ? m.search_formerly({ name: unit.matched }) : unit.code,
          to: has('/units') ? `/units/${id(unit.id)}` : `/devices?unit_id=${id(unit.id)}`,
        })),
    },
    ...(has('/people') && session.holds('admin') ? [people] : []),
    pages,
    help,
  ];
  return all.map((kind) => ({ ...kind, find: async (asked: string) => (await kind.find(asked)).slice(0, FEW) }));
}
