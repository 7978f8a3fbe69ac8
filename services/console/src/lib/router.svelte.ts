/** The place in the console: the part of the address after `#`. */
export interface Place {
  path: string;
  query: URLSearchParams;
}

/** The place that a location hash names. */
export function parse(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  return { path: path === '' ? '/' : path, query: new URLSearchParams(query) };
}

/** The named parts of `path` when it has the shape of `pattern` (`/items/:id`), else null. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (part.startsWith(':') && value !== '') params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return params;
}

class Router {
  place = $state.raw<Place>({ path: '/', query: new URLSearchParams() });

  start(): void {
    const read = (): void => {
      this.place = parse(location.hash);
    };
    addEventListener('hashchange', read);
    read();
  }

  go(to: string): void {
    location.hash = to;
    this.place = parse(to);
  }

  /** Goes there without leaving the present place in the history. */
  replace(to: string): void {
    location.replace(`#${to}`);
    this.place = parse(to);
  }
}

export const router = new Router();
