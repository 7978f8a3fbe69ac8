import { describe, expect, it } from 'vitest';
import { concerned, hears } from '../src/lib/live.svelte';
import { Reader } from '../src/lib/sse';

const sent = (event: string, type?: string, id?: string): Parameters<typeof concerned>[0] => ({
  event,
  data: type ? JSON.stringify({ type, id }) : '',
});

describe('a stream of events', () => {
  it('gives an event when it is whole, however it was cut', () => {
    const reader = new Reader();
    const text = ': here\n\nid: 7\nevent: content.item.approved\ndata: {"a":1}\n\nid: 8\ndata: x\ndata: y\n\n';
    const events = [...text].flatMap((letter) => reader.take(letter));
    expect(events).toEqual([
      { event: 'content.item.approved', data: '{"a":1}' },
      { event: 'message', data: 'x\ny' },
    ]);
    expect(reader.id).toBe('8');
  });

  it('ends lines as servers of other kinds do', () => {
    expect(new Reader().take('event: resync\r\n\r\n')).toEqual([{ event: 'resync', data: '' }]);
  });

  it('tells nothing while a server only says that it is there', () => {
    const reader = new Reader();
    expect(reader.take(': ok\nid: 12\n\nretry: 2000\n\n')).toEqual([]);
    expect([reader.id, reader.retry]).toEqual(['12', 2000]);
  });
});

describe('a hint', () => {
  it('concerns the lists of its service', () => {
    expect(concerned(sent('content.item.approved', 'content.item.approved'))?.about).toContain('items');
    expect(concerned(sent('fleet.device.online', 'fleet.device.online'))?.about).toEqual(['devices']);
    expect(concerned(sent('items', 'item'))?.about).toEqual(['items']);
  });

  it('concerns everything when something was missed or is not understood', () => {
    expect(concerned(sent('resync'))).toBeNull();
    expect(concerned({ event: 'content.item.approved', data: '{' })).toBeNull();
    expect(concerned(sent('new.thing', 'new.thing'))).toBeNull();
    expect(concerned({ event: 'new.thing', data: 'null' })).toBeNull();
  });
});

describe('who looks at one item', () => {
  const page = { about: ['items'] as const, id: 'it-1' };

  it('hears of that one, whichever service says it, and of no other', () => {
    expect(hears(page, concerned(sent('content.item.approved', 'content.item.approved', 'it-1')))).toBe(true);
    expect(hears(page, concerned(sent('broadcast.airing.confirmed', 'broadcast.airing.confirmed', 'it-1')))).toBe(true);
    expect(hears(page, concerned(sent('broadcast.airing.confirmed', 'broadcast.airing.confirmed', 'it-2')))).toBe(false);
    expect(hears(page, concerned(sent('fleet.device.online', 'fleet.device.online', 'it-1')))).toBe(false);
  });

  it('hears of everything that was missed, or that names nothing', () => {
    expect(hears(page, concerned(sent('resync')))).toBe(true);
    expect(hears(page, concerned(sent('content.item.approved', 'content.item.approved')))).toBe(true);
  });

  it('is told nothing less than who looks at the list', () => {
    expect(hears({ about: ['items'], id: undefined }, concerned(sent('content.item.approved', 'content.item.approved', 'it-2')))).toBe(true);
  });
});
