/**
 * Expected failures. Each has a stable code for machines, an HTTP status, and, in the word lists, a text and an
 * advice in every language (keys `error.CODE` and `advice.CODE`). Bugs are not these: they are plain Errors, they
 * stop the service, and its supervisor starts it again.
 *
 * A part of the program declares its codes once, with `defineErrors`, and throws with the `fail` that it gets back,
 * so that a code that nobody declared does not compile. `docs/errors.md` lists all of them.
 */

export class Failure extends Error {
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** Values that the text names, for instance `{ port: 7000 }`. Never secret. */
  readonly params: Readonly<Record<string, string | number>>;

  constructor(code: string, status: number, params: Record<string, string | number> = {}, cause?: unknown) {
    super(Object.keys(params).length ? `${code} ${JSON.stringify(params)}` : code, { cause });
    this.name = "Failure";
    this.code = code;
    this.status = status;
    this.params = params;
  }
}

/** Code to HTTP status. */
export type ErrorTable = Readonly<Record<string, number>>;

export interface FailOptions {
  params?: Record<string, string | number>;
  cause?: unknown;
}

export interface Errors<T extends ErrorTable> {
  table: T;
  /** Makes the failure; the caller throws it, so that control flow stays visible. */
  fail(code: keyof T & string, options?: FailOptions): Failure;
}

export function defineErrors<const T extends ErrorTable>(table: T): Errors<T> {
  return {
    table,
    fail: (code, options = {}) => new Failure(code, table[code] ?? 500, options.params, options.cause),
  };
}

/** Failures that any part may meet. */
export const kernelErrors = defineErrors({
  "bad-input": 400,
  "not-signed-in": 401,
  "not-allowed": 403,
  "wrong-host": 403,
  "wrong-origin": 403,
  "not-found": 404,
  conflict: 409,
  "too-large": 413,
  /** It is answered over a web socket only. */
  "upgrade-needed": 426,
  "too-many": 429,
  internal: 500,
  unavailable: 503,
  "timed-out": 504,
  "disk-full": 507,
  "storage-failed": 500,
  "limit-reached": 507,
});

export const fail = kernelErrors.fail;

/** True for our own failure with this code. */
export function isFailure(error: unknown, code?: string): error is Failure {
  return error instanceof Failure && (code === undefined || error.code === code);
}

/** Turns anything thrown into a Failure: ours stay, the rest become `internal` with the cause kept. */
export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : fail("internal", { cause: error });
}
