import { m } from '../paraglide/messages.js';

/** A hard word and what it means, or a question and its answer. */
export interface Entry {
  key: string;
  name: () => string;
  text: () => string;
}

/** Words of the trade that a page cannot do without. */
export const WORDS = {
  class: { name: () => m.word_class(), text: () => m.word_class_is() },
  approval: { name: () => m.word_approval(), text: () => m.word_approval_is() },
  rundown: { name: () => m.word_rundown(), text: () => m.word_rundown_is() },
  evidence: { name: () => m.word_evidence(), text: () => m.word_evidence_is() },
  task: { name: () => m.word_task(), text: () => m.word_task_is() },
  period: { name: () => m.word_period(), text: () => m.word_period_is() },
  view: { name: () => m.word_view(), text: () => m.word_view_is() },
  silent: { name: () => m.word_silent(), text: () => m.word_silent_is() },
  sync: { name: () => m.word_sync(), text: () => m.word_sync_is() },
  exercise: { name: () => m.word_exercise(), text: () => m.word_exercise_is() },
  second: { name: () => m.word_second(), text: () => m.word_second_is() },
  factor: { name: () => m.word_factor(), text: () => m.word_factor_is() },
  audit: { name: () => m.word_audit(), text: () => m.word_audit_is() },
  hash: { name: () => m.word_hash(), text: () => m.word_hash_is() },
} satisfies Record<string, Omit<Entry, 'key'>>;

export type Word = keyof typeof WORDS;

export const words = (): Entry[] => Object.entries(WORDS).map(([key, entry]) => ({ key, ...entry }));

export const questions = (): Entry[] => [
  { key: 'write', name: () => m.ask_write(), text: () => m.ask_write_is() },
  { key: 'offline', name: () => m.ask_offline(), text: () => m.ask_offline_is() },
  { key: 'returned', name: () => m.ask_returned(), text: () => m.ask_returned_is() },
  { key: 'mute', name: () => m.ask_mute(), text: () => m.ask_mute_is() },
  { key: 'password', name: () => m.ask_password(), text: () => m.ask_password_is() },
  { key: 'phone', name: () => m.ask_phone(), text: () => m.ask_phone_is() },
  { key: 'install', name: () => m.ask_install(), text: () => m.ask_install_is() },
];
