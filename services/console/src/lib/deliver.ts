/**
 * Bringing to content what was done on a phone, step by step. Each step is kept before it is sent and can be sent again:
 * a creation has its key, a picture its hash, and a change that finds itself done already counts as done.
 */
import { clean, fieldsOf, localPictures, same, withoutLocal, type Draft } from './drafts';
import { Problem } from './problem';
import type { Item, ItemFields, ItemState, Picture } from './types';

const DECISIONS = ['approve', 'return', 'withdraw'] as const;

interface Deed {
  id: string;
  /** Whose it is: another person on the same phone must not send it. */
  person: string;
  /** What the item is called, for the list of what waits. */
  title: string;
  at: string;
  /** Null until content has made the item. */
  itemId: string | null;
  ver: number | null;
  /** Why it was refused; it then waits for the person, not for the network. */
  problem?: { status: number; code: string; title: string; detail: string };
}

export interface Sending extends Deed {
  kind: 'save' | 'submit';
  fields: ItemFields;
  attempt: Draft['attempt'];
}

export interface Deciding extends Deed {
  kind: (typeof DECISIONS)[number];
  itemId: string;
  ver: number;
  /** The hash of what the approver saw. */
  seen: string | null;
  comment: string;
}

export type Job = Sending | Deciding;

export interface Desk {
  createItem(fields: ItemFields, key: string): Promise<Item>;
  patchItem(itemId: string, ver: number, fields: ItemFields): Promise<Item>;
  putPicture(itemId: string, file: Blob): Promise<Picture>;
  item(itemId: string): Promise<Item>;
  submit(item: Item): Promise<Item>;
  approve(item: Item): Promise<Item>;
  sendBack(item: Item, comment: string): Promise<Item>;
  withdraw(item: Item): Promise<Item>;
}

export interface Around {
  desk: Desk;
  picture(name: string): Promise<Blob | undefined>;
  newKey(): string;
  /** Called with each step before the next is sent. */
  keep(job: Job): void;
}

/** A picture of the text is on no phone that we know of. */
export const PICTURE_GONE = 'client.picture-gone';

export const isDecision = (job: Job): job is Deciding => (DECISIONS as readonly string[]).includes(job.kind);

export const deliver = (job: Job, around: Around): Promise<Item> => (isDecision(job) ? decide(job, around) : send(job, around));

async function send(job: Sending, around: Around): Promise<Item> {
  const { desk, keep } = around;
  let made: Item | undefined;
  if (job.itemId === null) {
    const attempt = job.attempt ?? { key: around.newKey(), fields: clean(withoutLocal(job.fields)) };
    keep((job = { ...job, attempt }));
    made = await desk.createItem(attempt.fields, attempt.key);
    keep((job = { ...job, itemId: made.id, ver: made.ver, attempt: null }));
  }
  const itemId = job.itemId ?? '';
  for (const name of localPictures(job.fields)) {
    const file = await around.picture(name);
    if (!file) throw new Problem(-1, { code: PICTURE_GONE });
    const { sha256 } = await desk.putPicture(itemId, file);
    const body_html = job.fields.body_html.replaceAll(name, `pictures/${sha256}`);
    keep((job = { ...job, fields: { ...job.fields, body_html } }));
  }
  const fields = clean(job.fields);
  const stored =
    made && same(fieldsOf(made), fields)
      ? made
      : await done(
          () => desk.patchItem(itemId, job.ver ?? 0, fields),
          () => desk.item(itemId),
          (item) => same(fieldsOf(item), fields),
        );
  keep((job = { ...job, ver: stored.ver }));
  if (job.kind === 'save') return stored;
  const handedIn: ItemState[] = ['submitted', 'in_review', 'render_failed', 'approved'];
  // What was changed may have been handed in already, when that answer was lost.
  if (handedIn.includes(stored.state) && !stored.allowed.includes('submit')) return stored;
  return done(
    () => desk.submit(stored),
    () => desk.item(itemId),
    (item) => handedIn.includes(item.state) && same(fieldsOf(item), fields),
  );
}

function decide(job: Deciding, { desk }: Around): Promise<Item> {
  const item = { id: job.itemId, ver: job.ver, approval_sha256: job.seen } as Item;
  const again = (): Promise<Item> => desk.item(job.itemId);
  if (job.kind === 'approve') {
    return done(
      () => desk.approve(item),
      again,
      (now) => now.state === 'approved' && now.approver?.id === job.person && now.approval_sha256 === job.seen,
    );
  }
  if (job.kind === 'return') {
    return done(
      () => desk.sendBack(item, job.comment),
      again,
      (now) => now.state === 'returned' && now.comment === job.comment,
    );
  }
  return done(() => desk.withdraw(item), again, (now) => now.state === 'withdrawn');
}

/** Does it, or finds that an earlier try, whose answer was lost, did it. */
async function done(work: () => Promise<Item>, look: () => Promise<Item>, is: (item: Item) => boolean): Promise<Item> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem) || (error.status !== 412 && error.status !== 409)) throw error;
    const now = await look();
    if (is(now)) return now;
    throw error;
  }
}
