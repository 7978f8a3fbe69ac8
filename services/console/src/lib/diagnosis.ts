import { m } from '../paraglide/messages.js';
import { number } from './format';

export interface Finding {
  key: string;
  name: string;
  text: string;
  bad: boolean;
}

const TOO_HOT_C = 75;
const CLOCK_OFF_MS = 2000;
const LOW_DISK_MB = 200;
const MUCH_WAITING = 100;

const KNOWN: Record<string, { name: () => string; text: (value: never) => string; bad?: (value: never) => boolean }> = {
  now: { name: () => m.device_now(), text: String },
  program: { name: () => m.device_version(), text: String },
  version: { name: () => m.device_version(), text: String },
  release: { name: () => m.diagnosis_release(), text: String },
  link: {
    name: () => m.diagnosis_link(),
    text: ({ server, connects }: { server: string | null; connects: number | null }) => `${server ?? m.none()} · ${connects ?? 0}×`,
  },
  model: { name: () => m.device_model(), text: String },
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
  cache_files: { name: () => m.diagnosis_files(), text: (value: number) => number(value) },
  cache_bytes: { name: () => m.diagnosis_bytes(), text: (value: number) => m.megabytes({ n: number(value / 1e6) }) },
  waiting: { name: () => m.diagnosis_outbox(), text: (value: number) => number(value), bad: (value: number) => value > MUCH_WAITING },
  refusals: {
    name: () => m.diagnosis_refusals(),
    text: (value: Record<string, number>) => number(Object.values(value).reduce((sum, one) => sum + one, 0)),
    bad: (value: Record<string, number>) => Object.values(value).some((one) => one > 0),
  },
};
/** Of use to nobody who reads it on the page. */
const PASSED_OVER = new Set(['at', 'state', 'desired_seq', 'key_set']);

/** What a device found out about itself, line by line: known things in words first, the rest as it was said. */
export function diagnosis(data: Record<string, unknown>): Finding[] {
  const { heartbeat, ...own } = data;
  const all = { ...own, ...(heartbeat !== null && typeof heartbeat === 'object' ? heartbeat : {}) };
  if ('program' in all) delete (all as Record<string, unknown>).version;
  const given = Object.entries(all).filter(([key, value]) => value !== null && value !== undefined && value !== '' && !PASSED_OVER.has(key));
  const known = given.flatMap(([key, value]) => {
    const words = KNOWN[key];
    return words ? [{ key, name: words.name(), text: words.text(value as never), bad: words.bad?.(value as never) ?? false }] : [];
  });
  const rest = given
    .filter(([key]) => !(key in KNOWN))
    .map(([key, value]) => ({ key, name: key, text: typeof value === 'object' ? JSON.stringify(value) : String(value), bad: false }));
  return [...known, ...rest];
}
