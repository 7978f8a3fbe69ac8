import { describe, expect, it } from 'vitest';
import { unread } from '../src/lib/permissions';

describe('permissions of a program', () => {
  it('to change something need the reading of it', () => {
    expect(unread(['content.item.write', 'fleet.device.command'])).toEqual([
      { does: 'content.item.write', read: 'content.item.read' },
      { does: 'fleet.device.command', read: 'fleet.device.read' },
    ]);
    expect(unread(['content.item.write', 'content.item.read'])).toEqual([]);
  });

  it('to read, or to make what is read nowhere else, need nothing', () => {
    expect(unread(['directory.unit.read', 'reporting.paper.make', 'contest.contest.review', 'later.thing.write'])).toEqual([]);
  });
});
