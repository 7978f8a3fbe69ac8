import { asProblem, SIGN_IN_AGAIN } from './api';
import type { Problem } from './problem';

/** Deeds that may ask who sits here: a sign-in too long ago stops them until the password is given, then they go on. */
export class Guarded {
  busy = $state(false);
  problem = $state.raw<Problem>();
  /** What waits for the password. */
  waiting = $state.raw<() => Promise<void>>();

  run = async (work: () => Promise<unknown>): Promise<void> => {
    this.busy = true;
    this.problem = undefined;
    try {
      await work();
      this.waiting = undefined;
    } catch (error) {
      const found = asProblem(error);
      if (found.code === SIGN_IN_AGAIN) this.waiting = () => this.run(work);
      else {
        this.waiting = undefined;
        this.problem = found;
      }
    } finally {
      this.busy = false;
    }
  };

  cancel = (): void => {
    this.waiting = undefined;
  };
}
