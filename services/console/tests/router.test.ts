import { describe, expect, it } from 'vitest';
import { match, parse } from '../src/lib/router.svelte';

describe('places', () => {
  it('are read from the hash with their query', () => {
    const place = parse('#/report/08?period=plan75-2027&day=2026-11-23');
    expect(place.path).toBe('/report/08');
    expect(place.query.get('day')).toBe('2026-11-23');
  });

  it('start at home', () => {
    expect(parse('').path).toBe('/');
  });

  it('keep a question mark that belongs to the query', () => {
    expect(parse('#/sign-in?next=/items?state=draft').query.get('next')).toBe('/items?state=draft');
  });
});

describe('patterns', () => {
  it('name the parts of a path', () => {
    expect(match('/items/:id/edit', '/items/abc/edit')).toEqual({ id: 'abc' });
  });

  it('decode a part', () => {
    expect(match('/proofs/:id', '/proofs/airing%3Ad1%3Ae1')).toEqual({ id: 'airing:d1:e1' });
  });

  it('do not match a longer, shorter or empty part', () => {
    expect(match('/items/:id', '/items/abc/edit')).toBeNull();
    expect(match('/items/:id', '/items')).toBeNull();
    expect(match('/items/:id', '/items/')).toBeNull();
  });
});
