/** Server-sent events by hand: `EventSource` hears only events whose names it was told, and begins anew when a tab is shown again. */

export interface Sent {
  event: string;
  data: string;
}

/** Reads a stream of events piece by piece; what is not yet whole waits for the next piece. */
export class Reader {
  /** Where to go on from after a break; an event need not come with it. */
  id = '';
  /** After how many milliseconds the server wants to be asked again, once it has ended. */
  retry: number | undefined;
  #rest = '';

  take(text: string): Sent[] {
    const blocks = (this.#rest + text).split(/\r?\n\r?\n/);
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => this.#read(block));
  }

  #read(block: string): Sent[] {
    let event = 'message';
    const data: string[] = [];
    for (const line of block.split(/\r?\n/)) {
      const [name, value = ''] = line.split(/: ?(.*)/s);
      if (name === 'id') this.id = value;
      else if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
      else if (name === 'event') event = value;
      else if (name === 'data') data.push(value);
    }
    return data.length > 0 || event === 'resync' ? [{ event, data: data.join('\n') }] : [];
  }
}
