/**
 * What one key of the key-value store does without any concurrency: a register that is empty at first. The checker
 * measures histories against it.
 */
import { isInteger } from "./history.ts";
import type { Operation } from "./history.ts";
import type { Model } from "./search.ts";

/** The value; null: there is none. */
export type Value = string | null;

type Step = ReturnType<Model<Value, Operation>["step"]>;

export const register: Model<Value, Operation> = { init: null, step, key: (state) => state, reads, needs, makes };

function step(state: Value, one: Operation): Step {
  /** Whether the answer may have been this one; nobody heard it if the operation is open. */
  const told = (out: Operation["out"]) => one.status !== "ok" || one.out === out;
  switch (one.op) {
    case "get":
      return { ok: told(state), state };
    case "put":
      return { ok: true, state: one.in };
    case "del":
      return { ok: one.out === null || told(state !== null), state: null };
    case "cas": {
      const done = state === one.in.expect;
      return { ok: told(done), state: done ? one.in.value : state };
    }
    case "putnx":
      return { ok: told(state === null), state: state ?? one.in };
    case "add": {
      const sum = added(state, one.in);
      return { ok: told(sum), state: sum ?? state };
    }
  }
}

function reads(one: Operation): boolean {
  const isRefused = one.op === "add" ? one.out === null : one.out === false;
  return one.op === "get" || (one.status === "ok" && isRefused);
}

function needs(one: Operation): Value | undefined {
  if (one.status !== "ok") return undefined;
  switch (one.op) {
    case "get":
      return one.out;
    case "cas":
      return one.out === true ? one.in.expect : undefined;
    case "putnx":
      return one.out === true ? null : undefined;
    case "del":
      return one.out === false ? null : undefined;
    case "add": {
      // Both 0 and none lead to the number that is added.
      const before = one.out === null ? 0n : BigInt(one.out) - BigInt(one.in);
      return before === 0n ? undefined : String(before);
    }
    case "put":
      return undefined;
  }
}

function makes(one: Operation): Value | undefined {
  switch (one.op) {
    case "get":
      return one.out;
    case "del":
      return null;
    case "put":
    case "putnx":
      return one.in;
    case "cas":
      return one.in.value;
    case "add":
      return one.out ?? undefined;
  }
}

/** None counts as 0. Null if the value is no integer, or the sum has more than 64 bits. */
function added(state: Value, by: string): Value {
  if (state !== null && !isInteger(state)) return null;
  const sum = String(BigInt(state ?? 0) + BigInt(by));
  return isInteger(sum) ? sum : null;
}
