/** The console as an app on the device: kept for a start without a network, renewed when there is a new one. */

const HOUR_MS = 3_600_000;

/** The browser's own dialogue to put the app on the screen of the phone (not all have one). */
interface Installer extends Event {
  prompt: () => Promise<unknown>;
}

const version = (): string | undefined => document.querySelector<HTMLMetaElement>('meta[name="version"]')?.content;

class App {
  /** A newer version is on the device; this page still runs the one before. */
  outdated = $state(false);
  installer = $state.raw<Installer>();

  start(): void {
    addEventListener('beforeinstallprompt', (event) => {
      event.preventDefault();
      this.installer = event as Installer;
    });
    addEventListener('appinstalled', () => (this.installer = undefined));
    if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
    navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ version?: string }>) => {
      if (data.version !== undefined && data.version !== version()) this.outdated = true;
    });
    // Not before everything for this visit is there.
    addEventListener('load', () => {
      void navigator.serviceWorker.register('./sw.js').then(
        (registration) => setInterval(() => void registration.update().catch(() => undefined), HOUR_MS),
        // A private window has none: the console works as before, only not without a network.
        () => undefined,
      );
    });
  }

  async install(): Promise<void> {
    await this.installer?.prompt();
    this.installer = undefined;
  }
}

export const app = new App();
