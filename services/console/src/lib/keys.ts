/** A part of a form that Enter and Escape mean for itself: a form cannot stand in a form. For `{@attach …}`. */
export const keys =
  (enter: () => unknown, escape: () => unknown) =>
  (part: HTMLElement): (() => void) => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') escape();
      if (event.key !== 'Enter' || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      enter();
    };
    part.addEventListener('keydown', pressed);
    return () => part.removeEventListener('keydown', pressed);
  };
