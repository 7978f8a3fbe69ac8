import { asProblem } from './api';
import type { Problem } from './problem';

/** A deed of a page: whether it is under way, and what kept it from succeeding. */
export class Deed {
  busy = $state(false);
  problem = $state.raw<Problem>();

  /** Does `work`; gives whether it succeeded. */
  run = async (work: () => Promise<unknown>): Promise<boolean> => {
    this.busy = true;
    this.problem = undefined;
    try {
      await work();
      return true;
    } catch (error) {
      this.problem = asProblem(error);
      return false;
    } finally {
      this.busy = false;
    }
  };
}
