import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  vi.stubGlobal('location', { hash: '#/' });
});
afterEach(() => vi.unstubAllGlobals());

describe('who is signed in', () => {
  it('writes and warns in units of today only, with and without a network', async () => {
    const { session } = await import('../src/lib/session.svelte');
    const today = { role: 'approver' as const, unit_id: 'u-29242-2025', unit_name: 'Phường Trà Vinh', held_by: null };
    const former = { role: 'approver' as const, unit_id: 'u-29239-2022', unit_name: 'Phường 1', held_by: 'u-29242-2025' };
    session.know({ person: { id: 'p-hung', name: 'Hùng', title: '', grants: [today, former] }, factors: { totp: false, passkeys: 0, recovery_left: 0 }, must_add_factor: false });
    expect(session.grantsFor('approver')).toEqual([today]);
    session.person = null;
    session.remember();
    expect(session.grantsFor('approver')).toEqual([today]);
  });
});
