import { m } from '../paraglide/messages.js';
import { WORDS } from './help';

/** A hard word and what it means, or a question and its answer. */
export interface Entry {
  key: string;
  name: () => string;
  text: () => string;
}

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
