/**
 * Watching as a stream of lines: what a key holds each time that it has changed. A reader who is slower than the
 * changes gets the newest state of each key; when too many keys have changed meanwhile it is told that it lost some.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Found, Key, KvClient } from "./client.ts";
import { kvErrors } from "./contract.ts";
import { entryShown, keyShown } from "./forms.ts";

/** Streams of one box at one time. */
export const WATCHES_MAX = 64;
/** Keys that wait for a slow reader. */
export const WATCHED_WAITING_MAX = 1_000;
/** An empty line is sent this often, so that dead connections are noticed. */
export const WATCH_HEARTBEAT_MS = 15_000;

export interface Following {
  /** Lines of JSON (`kvChange`). Throws `kv-watches-full` at once. `only`: this key, not all that begin so. */
  follow(what: { prefix: Key; only: boolean; signal: AbortSignal }): AsyncIterable<Uint8Array>;
}

export function createFollowing({ client, clock }: { client: KvClient; clock: Clock }): Following {
  let count = 0;
  return {
    follow({ prefix, only, signal }) {
      if (count >= WATCHES_MAX) throw kvErrors.fail("kv-watches-full", { params: { limit: WATCHES_MAX } });
      count += 1;
      const waiting = new Map<Key, Found | undefined>();
      const gone = new Gone();
      let lost = false;
      let wake = () => {};
      const watch = client.watch(prefix, ({ key, now }) => {
        if ((only && key !== prefix) || gone.isAgain(key, now !== undefined)) return;
        if (waiting.size < WATCHED_WAITING_MAX || waiting.has(key)) waiting.set(key, now);
        else lost = true;
        wake();
      });
      let ended = false;
      const end = () => {
        if (ended) return;
        ended = true;
        count -= 1;
        watch.stop();
        signal.removeEventListener("abort", end);
        wake();
      };
      signal.addEventListener("abort", end, { once: true });
      return lines({
        end,
        take: () => (ended || client.state() === "off" ? undefined : taken()),
        sleep: () =>
          new Promise<void>((resolve) => {
            const cancel = clock.after(WATCH_HEARTBEAT_MS, resolve);
            wake = () => {
              cancel();
              resolve();
            };
          }),
      });

      function taken(): object[] {
        const rows: object[] = lost ? [{ event: "lost" }] : [];
        lost = false;
        for (const [key, now] of waiting) {
          const row = now ? { event: "set", ...entryShown(key, now) } : { event: "removed", ...keyShown(key) };
          rows.push(row);
        }
        waiting.clear();
        return rows;
      }
    },
  };
}

/** Each member that removes a key hints at it, so that a removal is heard more than once. */
class Gone {
  readonly #keys = new Set<Key>();

  /** This key was told to be removed, and has not been there since. */
  isAgain(key: Key, isThere: boolean): boolean {
    if (this.#keys.has(key) && !isThere) return true;
    if (isThere) this.#keys.delete(key);
    else this.#keys.add(key);
    if (this.#keys.size > WATCHED_WAITING_MAX) this.#keys.delete(this.#keys.values().next().value!);
    return false;
  }
}

interface Source {
  /** Undefined: it is over. */
  take: () => object[] | undefined;
  /** Until there is something, or a heartbeat is due. */
  sleep: () => Promise<void>;
  end: () => void;
}

/** By hand and not as a generator: whoever hangs up ends it also while it sleeps. */
function lines({ take, sleep, end }: Source): AsyncIterable<Uint8Array> {
  // The first line tells the reader that from now on it hears all.
  let hasBegun = false;
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    let rows = take();
    if (hasBegun && rows?.length === 0) {
      await sleep();
      rows = take();
    }
    hasBegun = true;
    if (rows === undefined) {
      end();
      return { done: true, value: undefined };
    }
    const text = rows.length === 0 ? "\n" : rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    return { done: false, value: new TextEncoder().encode(text) };
  };
  const stopped = async (): Promise<IteratorResult<Uint8Array>> => {
    end();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: stopped }) };
}
