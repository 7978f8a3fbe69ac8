/** How the console looks on this device: light or dark, and how large its type is. Kept in the browser, not with the person. */

export const THEMES = ['system', 'light', 'dark'] as const;
export const SIZES = ['normal', 'large', 'huge'] as const;
export type Theme = (typeof THEMES)[number];
export type Size = (typeof SIZES)[number];

const THEME = 'lantoa.theme';
const SIZE = 'lantoa.size';
/** What the phone's own bar above the page is painted with. */
const BAR = { light: '#8c1515', dark: '#191513' };

function kept<V extends string>(key: string, values: readonly V[], otherwise: V): V {
  const found = localStorage.getItem(key);
  return values.find((value) => value === found) ?? otherwise;
}

class Looks {
  theme = $state<Theme>(kept(THEME, THEMES, 'system'));
  size = $state<Size>(kept(SIZE, SIZES, 'normal'));
  #system = matchMedia('(prefers-color-scheme: dark)');

  /** Begins to follow the device; called once, before anything is drawn. */
  start(): void {
    this.#system.addEventListener('change', this.#apply);
    // Another tab of the console has chosen.
    addEventListener('storage', ({ key }) => {
      if (key === THEME) this.theme = kept(THEME, THEMES, 'system');
      if (key === SIZE) this.size = kept(SIZE, SIZES, 'normal');
      this.#apply();
    });
    this.#apply();
  }

  choose(chosen: { theme?: Theme; size?: Size }): void {
    this.theme = chosen.theme ?? this.theme;
    this.size = chosen.size ?? this.size;
    localStorage.setItem(THEME, this.theme);
    localStorage.setItem(SIZE, this.size);
    this.#apply();
  }

  #apply = (): void => {
    const dark = this.theme === 'dark' || (this.theme === 'system' && this.#system.matches);
    const root = document.documentElement;
    root.dataset.theme = dark ? 'dark' : 'light';
    root.dataset.type = this.size;
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', dark ? BAR.dark : BAR.light);
  };
}

export const looks = new Looks();
