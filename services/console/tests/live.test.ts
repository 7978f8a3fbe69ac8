import { describe, expect, it } from 'vitest';
import { concerned } from '../src/lib/live.svelte';
import { Reader } from '../src/lib/sse';

const sent = (event: string, type?: string): Parameters<typeof concerned>[0] => ({ event, data: type ? JSON.stringify({ type }) : '' });

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
    expect(concerned(sent('content.item.approved', 'content.item.approved'))).toContain('items');
    expect(concerned(sent('fleet.device.online', 'fleet.device.online'))).toEqual(['devices']);
    expect(concerned(sent('items', 'item'))).toEqual(['items']);
  });

  it('concerns everything when something was missed or is not understood', () => {
    expect(concerned(sent('resync'))).toBeNull();
    expect(concerned({ event: 'content.item.approved', data: '{' })).toBeNull();
    expect(concerned(sent('new.thing', 'new.thing'))).toBeNull();
  });
});
