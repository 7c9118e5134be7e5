/**
 * What WebDAV answers when it does not do as asked: a status, and where the specification has one, the name of the
 * condition that does not hold (RFC 4918, section 16).
 */
import { isFailure } from "../../../kernel/errors.ts";

export interface RefusalOptions {
  /** Local name of an element of "DAV:". */
  condition?: string;
  /** What the condition names; with status 207, what could not be done because it is locked. */
  hrefs?: readonly string[];
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

export class Refusal extends Error {
  readonly status: number;
  readonly condition: string | undefined;
  readonly hrefs: readonly string[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, options: RefusalOptions = {}) {
    super(message, { cause: options.cause });
    this.status = status;
    this.condition = options.condition;
    this.hrefs = options.hrefs ?? [];
    this.headers = options.headers ?? {};
  }
}

export function refuse(status: number, message: string, options?: RefusalOptions): never {
  throw new Refusal(status, message, options);
}

/** Told to who is asked to come back when nothing better is known. */
const RETRY_S = 5;

/** A failure of the files as WebDAV says it; undefined for what is none: a bug. */
export function asRefusal(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (!isFailure(error)) return undefined;
  const isForLater = error.status === 429 || error.status === 503;
  const headers: Record<string, string> = isForLater
    ? { "retry-after": String(error.params["seconds"] ?? RETRY_S) }
    : {};
  return new Refusal(error.status, error.code, { headers, cause: error });
}
