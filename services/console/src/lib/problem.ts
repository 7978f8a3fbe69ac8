/** Anything that kept a request from succeeding, in words fit for the screen (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly traceId: string | null;
  readonly fields: { pointer: string; message: string }[];

  constructor(status: number, body: Partial<ProblemBody>) {
    super(body.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code ?? '';
    this.title = body.title ?? '';
    this.detail = body.detail ?? '';
    this.traceId = body.trace_id ?? null;
    this.fields = body.errors ?? [];
  }

  /** The request may or may not have reached the service. */
  get outcomeUnknown(): boolean {
    return this.status === 0 || this.status >= 500;
  }

  /** What the service says about one field, by its JSON pointer (`/title`). */
  about(pointer: string): string | undefined {
    return this.fields.find((field) => field.pointer === pointer || field.pointer.startsWith(`${pointer}/`))?.message;
  }
}

interface ProblemBody {
  title: string;
  detail: string;
  code: string;
  trace_id: string;
  errors: { pointer: string; message: string }[];
}

/** The dialogue for a passkey was closed or timed out: nothing is wrong, it can be tried again. */
export const CLOSED = 'passkey-closed';
/** The device holds a passkey for this account already. */
export const KNOWN = 'passkey-known';

/** No answer came at all. */
export const unreachable = (): Problem => new Problem(0, { code: 'unreachable' });

/** The problem that a failed answer carries; a foreign error page gives one with the status only. */
export async function readProblem(answer: Response): Promise<Problem> {
  const isProblem = answer.headers.get('content-type')?.includes('json') ?? false;
  const body: unknown = isProblem ? await answer.json().catch(() => null) : null;
  return new Problem(answer.status, body !== null && typeof body === 'object' ? (body as Partial<ProblemBody>) : {});
}
