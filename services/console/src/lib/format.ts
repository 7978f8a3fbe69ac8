import { m } from '../paraglide/messages.js';
import { getLocale } from '../paraglide/runtime.js';

const ZONE = 'Asia/Ho_Chi_Minh';
const tag = (): string => (getLocale() === 'vi' ? 'vi-VN' : 'en-GB');

/** A moment as date and time in Vietnam. */
export function dateTime(iso: string): string {
  const moment = new Date(iso);
  const time = moment.toLocaleTimeString(tag(), { timeZone: ZONE, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return `${time}, ${moment.toLocaleDateString(tag(), { timeZone: ZONE, day: '2-digit', month: '2-digit', year: 'numeric' })}`;
}

/** A moment to the second, for proofs. */
export const exactTime = (iso: string): string =>
  new Date(iso).toLocaleString(tag(), {
    timeZone: ZONE,
    day: '2-digit',
    month: '2-digit',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });

/** A calendar day (`2026-11-23`), which belongs to no time zone. */
export const day = (date: string): string => date.split('-').reverse().join('/');

/** How long ago, in the largest unit that fits. */
export function ago(iso: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - new Date(iso).getTime()) / 1000));
  const words = new Intl.RelativeTimeFormat(tag(), { numeric: 'always' });
  if (seconds < 60) return words.format(-seconds, 'second');
  if (seconds < 3600) return words.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return words.format(-Math.floor(seconds / 3600), 'hour');
  return words.format(-Math.floor(seconds / 86_400), 'day');
}

/** A length in words, to the second. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return m.time_seconds({ seconds: whole });
  return m.time_minutes({ minutes: Math.floor(whole / 60), seconds: whole % 60 });
}

/** A count or a figure with at most one decimal; what rounds to nothing has no sign. */
export const number = (value: number): string => (Math.round(value * 10) / 10 || 0).toLocaleString(tag(), { maximumFractionDigits: 1 });

/** Seconds that are too few for a whole number to tell anything. */
export const fine = (seconds: number): string => seconds.toLocaleString(tag(), { maximumFractionDigits: 2 });

/** The calendar day of a moment in Vietnam, as `2026-11-23`. */
export const dayIn = (moment: Date): string => moment.toLocaleDateString('sv-SE', { timeZone: ZONE });
