import { m } from '../paraglide/messages.js';

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
} satisfies Record<string, { name: () => string; text: () => string }>;

export type Word = keyof typeof WORDS;
