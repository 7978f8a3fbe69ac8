import { afterEach, describe, expect, it, vi } from 'vitest';
import openapiTS, { astToString } from 'openapi-typescript';
import platform from '../../../docs/api/platform.json';
import { call } from '../src/lib/client';
import kept from '../src/lib/platform.d.ts?raw';

afterEach(() => vi.unstubAllGlobals());

describe('the types of the platform', () => {
  it('are those of docs/api/platform.json; if not: npm run client', async () => {
    const made = astToString(await openapiTS(platform as unknown as Parameters<typeof openapiTS>[0]));
    const code = (text: string): string => text.replace(/^\/\*\*[\s\S]*?\*\/\s*/, '').trim();
    expect(code(kept) === code(made)).toBe(true);
  }, 60_000);
});

describe('a call', () => {
  const answered = (): ReturnType<typeof vi.fn> => {
    const fetch = vi.fn(async () => new Response('{}', { headers: { 'content-type': 'application/json' } }));
    vi.stubGlobal('fetch', fetch);
    return fetch;
  };

  it('fills the address and leaves out what has no value', async () => {
    const fetch = answered();
    await call('get', '/api/v1/reporting/tasks/{code}', { path: { code: 'a/b' }, query: { period: null, view: 'now' } });
    expect(fetch.mock.calls[0]?.[0]).toBe('/api/v1/reporting/tasks/a%2Fb?view=now');
  });

  it('carries the version and the key where services look for them', async () => {
    const fetch = answered();
    await call('post', '/api/v1/fleet/devices/{device_id}/move', { path: { device_id: 'd' }, body: { unit_id: 'u' }, ver: 4, key: 'k' });
    expect(fetch.mock.calls[0]?.[1]).toMatchObject({
      method: 'POST',
      body: '{"unit_id":"u"}',
      headers: { 'If-Match': '"4"', 'Idempotency-Key': 'k' },
    });
  });

  it('does not compile when what is sent is not what the service takes', () => {
    // @ts-expect-error the body has no such field
    const wrong = (): unknown => call('post', '/api/v1/fleet/devices/{device_id}/move', { path: { device_id: 'd' }, body: { unit: 'u' } });
    // @ts-expect-error there is no such address
    const nowhere = (): unknown => call('get', '/api/v1/fleet/devicez');
    expect([wrong, nowhere]).toHaveLength(2);
  });
});
