import { m } from '../paraglide/messages.js';
import { duration, number } from './format';

export interface Finding {
  key: string;
  name: string;
  text: string;
  bad: boolean;
}

const TOO_HOT_C = 75;
const CLOCK_OFF_MS = 2000;
const LOW_DISK_MB = 200;

const yes = (value: unknown): string => (value ? m.yes() : m.no());
const KNOWN: Record<string, { name: () => string; text: (value: never) => string; bad?: (value: never) => boolean }> = {
  version: { name: () => m.device_version(), text: String },
  state: { name: () => m.device_now(), text: String },
  uptime_s: { name: () => m.diagnosis_uptime(), text: (value: number) => duration(value) },
  boots: { name: () => m.device_boots(), text: (value: number) => number(value) },
  volume: { name: () => m.device_volume(), text: (value: number) => `${value}%`, bad: (value: number) => value === 0 },
  temperature_c: { name: () => m.device_temperature(), text: (value: number) => `${number(value)} °C`, bad: (value: number) => value >= TOO_HOT_C },
  signal_dbm: { name: () => m.device_signal(), text: (value: number) => `${value} dBm` },
  disk_free_mb: { name: () => m.device_disk(), text: (value: number) => m.megabytes({ n: number(value) }), bad: (value: number) => value < LOW_DISK_MB },
  clock_offset_ms: {
    name: () => m.device_clock(),
    text: (value: number) => m.seconds_off({ n: number(value / 1000) }),
    bad: (value: number) => Math.abs(value) > CLOCK_OFF_MS,
  },
  sink: { name: () => m.diagnosis_sink(), text: String },
  connected: { name: () => m.diagnosis_connected(), text: yes, bad: (value: boolean) => !value },
  outbox: { name: () => m.diagnosis_outbox(), text: (value: number) => number(value) },
};

/** What a device found out about itself, line by line: known things in words first, the rest as it was said. */
export function diagnosis(data: Record<string, unknown>): Finding[] {
  const given = Object.entries(data).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const known = given.flatMap(([key, value]) => {
    const words = KNOWN[key];
    return words ? [{ key, name: words.name(), text: words.text(value as never), bad: words.bad?.(value as never) ?? false }] : [];
  });
  const rest = given
    .filter(([key]) => !(key in KNOWN))
    .map(([key, value]) => ({ key, name: key, text: typeof value === 'object' ? JSON.stringify(value) : String(value), bad: false }));
  return [...known, ...rest];
}
