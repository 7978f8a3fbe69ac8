import { afterEach, describe, expect, it, vi } from 'vitest';
import { onSignedOut, onSignInAgain, request, withQuery } from '../src/lib/api';
import { Problem } from '../src/lib/problem';

const answer = (status: number, body: unknown, type = 'application/problem+json'): Response =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers: { 'content-type': type } });

function serve(given: Response | Error): ReturnType<typeof vi.fn> {
  const fetch = vi.fn(async () => {
    if (given instanceof Error) throw given;
    return given;
  });
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

const failure = (work: Promise<unknown>): Promise<Problem> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: Problem) => error,
  );

afterEach(() => vi.unstubAllGlobals());

describe('a request', () => {
  it('carries the version, the key and the language', async () => {
    const fetch = serve(answer(200, { ok: true }, 'application/json'));
    await request('PATCH', '/x', { body: { a: 1 }, ver: 7, idempotencyKey: 'k' });
    expect(fetch.mock.calls[0]?.[1]).toMatchObject({
      method: 'PATCH',
      body: '{"a":1}',
      headers: { 'If-Match': '"7"', 'Idempotency-Key': 'k', 'Content-Type': 'application/json', 'Accept-Language': 'vi' },
    });
  });

  it('gives nothing for an empty answer', async () => {
    serve(new Response(null, { status: 204 }));
    expect(await request('POST', '/x')).toBeUndefined();
  });

  it('fails with the problem that the service names', async () => {
    const errors = [{ pointer: '/title', message: 'Thiếu tiêu đề' }];
    serve(answer(422, { title: 'Chưa hợp lệ', detail: 'Xem lại', code: 'invalid', trace_id: 't1', errors }));
    const problem = await failure(request('POST', '/x'));
    expect(problem).toMatchObject({ status: 422, title: 'Chưa hợp lệ', code: 'invalid', traceId: 't1' });
    expect(problem.about('/title')).toBe('Thiếu tiêu đề');
    expect(problem.outcomeUnknown).toBe(false);
  });

  it('fails with the status alone when a foreign error page comes', async () => {
    serve(answer(502, '<h1>Bad gateway</h1>', 'text/html'));
    const problem = await failure(request('POST', '/x'));
    expect(problem).toMatchObject({ status: 502, title: '', outcomeUnknown: true });
  });

  it('leaves the outcome unknown when no answer comes', async () => {
    serve(new TypeError('failed to fetch'));
    expect(await failure(request('POST', '/x'))).toMatchObject({ status: 0, outcomeUnknown: true });
  });

  it('tells that nobody is signed in, except while signing in', async () => {
    const listener = vi.fn();
    onSignedOut(listener);
    serve(answer(401, {}));
    await failure(request('POST', '/auth/sign-in'));
    expect(listener).not.toHaveBeenCalled();
    serve(answer(401, {}));
    await failure(request('GET', '/api/v1/content/items'));
    expect(listener).toHaveBeenCalledOnce();
  });
});

describe('a deed that needs to know who sits here', () => {
  const stale = (): Response => answer(403, { code: 'alert.sign-in-again', title: 'Hãy xác nhận' });
  const serveInTurn = (...answers: Response[]): ReturnType<typeof vi.fn> => {
    const fetch = vi.fn(async () => answers.shift());
    vi.stubGlobal('fetch', fetch);
    return fetch;
  };

  it('goes on unchanged once that is shown', async () => {
    onSignInAgain(async () => true);
    const fetch = serveInTurn(stale(), answer(200, { ok: true }, 'application/json'));
    expect(await request('POST', '/x', { body: { a: 1 }, idempotencyKey: 'k' })).toEqual({ ok: true });
    expect(fetch.mock.calls[1]?.[1]).toMatchObject({ body: '{"a":1}', headers: { 'Idempotency-Key': 'k' } });
  });

  it('is refused when it is not shown', async () => {
    onSignInAgain(async () => false);
    const fetch = serveInTurn(stale());
    expect(await failure(request('POST', '/x'))).toMatchObject({ status: 403, title: 'Hãy xác nhận' });
    expect(fetch).toHaveBeenCalledOnce();
  });

  it('is asked about once, not for ever', async () => {
    const ask = vi.fn(async () => true);
    onSignInAgain(ask);
    serveInTurn(stale(), stale());
    expect(await failure(request('POST', '/x'))).toMatchObject({ status: 403 });
    expect(ask).toHaveBeenCalledOnce();
  });

  it('is not taken for a session that has ended', async () => {
    const listener = vi.fn();
    onSignedOut(listener);
    serve(answer(401, { code: 'directory.code-refused' }));
    await failure(request('POST', '/auth/again'));
    expect(listener).not.toHaveBeenCalled();
    serve(answer(401, { code: 'sign-in-required' }));
    await failure(request('POST', '/auth/again'));
    expect(listener).toHaveBeenCalledOnce();
  });
});

describe('a query', () => {
  it('has only the parameters with a value', () => {
    expect(withQuery('/x', { a: '1', b: '', c: null, d: undefined, e: 0 })).toBe('/x?a=1&e=0');
    expect(withQuery('/x', { a: null })).toBe('/x');
  });
});
