/** What a play finds wrong, and the contents by which wrong plaintext is known from right. */
import { isFailure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/random.ts";

/** With these an operation may say that it cannot be done now. Anything else is a bug. */
const HONEST = [
  ...["files-unreachable", "files-damaged", "files-not-spread", "files-no-room", "files-contended"],
] as const;

export type Outcome<T> = { value: T } | { code: string };

export class Promises {
  readonly complaints: string[] = [];
  /** For people: what it took. */
  readonly figures: Record<string, number> = {};

  broken(promise: string, detail: string): void {
    this.complaints.push(`${promise}: ${detail}`);
  }

  check(isKept: boolean, promise: string, detail: () => string): void {
    if (!isKept) this.broken(promise, detail());
  }

  count(what: string): void {
    this.figures[what] = (this.figures[what] ?? 0) + 1;
  }

  /** Does it; a failure that no front end could explain is a broken promise. */
  async attempt<T>(what: string, work: () => Promise<T>): Promise<Outcome<T>> {
    try {
      return { value: await work() };
    } catch (error) {
      const code = HONEST.find((one) => isFailure(error, one));
      if (!code) this.broken("a clear error", `${what}: ${String(error)}`);
      return { code: code ?? "bug" };
    }
  }

  /** As `attempt`, of what must be possible now. */
  async must<T>(promise: string, what: string, work: () => Promise<T>): Promise<T | undefined> {
    const done = await this.attempt(what, work);
    if ("value" in done) return done.value;
    this.broken(promise, `${what}: ${done.code}`);
    return undefined;
  }
}

/** Always the same for a name, and nothing like that of another. */
export function contentOf(name: string, bytes: number): Uint8Array {
  let seed = bytes;
  for (const letter of name) seed = (Math.imul(seed, 31) + letter.codePointAt(0)!) >>> 0;
  return seededRandom(seed).bytes(bytes);
}

export async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
