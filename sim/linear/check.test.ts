/**
 * The checker against what it must find: nothing in correct histories, each error that is planted, and on thousands
 * of small histories the same as trying every order.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import { checkHistory, checkKey, EXCERPT_MAX } from "./check.ts";
import { correctHistory } from "./correct.ts";
import type { CorrectOptions } from "./correct.ts";
import type { Operation } from "./history.ts";
import { plants } from "./planted.ts";
import { register } from "./register.ts";
import { findOrder } from "./search.ts";

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);
const mixed: Omit<CorrectOptions, "seed"> = {
  clients: 5,
  perKey: 120,
  registers: 2,
  counters: 2,
  infoRate: 0.01,
  failRate: 0.02,
};

/** Operations of key "k" in few words; each has its own client. */
function history(...lines: (Partial<Operation> & Pick<Operation, "op" | "call" | "ret">)[]): Operation[] {
  return lines.map(
    (line, proc) => ({ proc, key: "k", in: null, out: null, status: "ok", ...line }) as unknown as Operation,
  );
}
const verdictOf = (...lines: Parameters<typeof history>) => checkHistory(history(...lines)).verdict;

test("correct histories pass, whatever the seed", () => {
  for (const seed of SEEDS) {
    for (const clients of [1, 3, 12]) {
      const { verdict, keys } = checkHistory(correctHistory({ ...mixed, clients, seed }));
      const wrong = keys.filter((one) => one.verdict !== "ok");
      assert.equal(verdict, "ok", `seed ${seed}, ${clients} clients: ${JSON.stringify(wrong)}`);
    }
  }
});

for (const [name, plant] of Object.entries(plants)) {
  test(`planted: ${name}`, () => {
    let planted = 0;
    for (const seed of SEEDS) {
      const broken = structuredClone(correctHistory({ ...mixed, seed }));
      const key = plant(broken, seededRandom(seed));
      if (key === undefined) continue;
      planted++;
      const { verdict, keys } = checkHistory(broken);
      assert.equal(verdict, "illegal", `seed ${seed}`);
      const found = keys.filter((one) => one.verdict !== "ok");
      assert.deepEqual(
        found.map((one) => one.key),
        [key],
        `seed ${seed}`,
      );
      const { ordered, last, stuck, needing } = found[0]!.excerpt!;
      assert.ok(stuck.length + needing.length > 0 && ordered < found[0]!.operations && last.length <= EXCERPT_MAX);
      for (const one of [...last, ...stuck, ...needing]) assert.equal(one.key, key);
    }
    assert.ok(planted >= SEEDS.length / 4, `only ${planted} of ${SEEDS.length} histories had a place for it`);
  });
}

test("an order that is found keeps the times and gives the answers", () => {
  for (const seed of SEEDS) {
    const [operations] = Object.values(
      Object.groupBy(correctHistory({ ...mixed, infoRate: 0, failRate: 0, seed }), (one) => one.key),
    );
    const spans = operations!.map((op) => ({ op, callNs: op.call, retNs: op.ret! }));
    const { verdict, order } = findOrder(register, spans, 100_000);
    assert.equal(verdict, "ok");
    assert.equal(new Set(order).size, operations!.length);
    let state = register.init;
    let latestCall = 0;
    for (const one of order) {
      assert.ok(one.ret! >= latestCall, "one that returned before another was called stands after it");
      latestCall = Math.max(latestCall, one.call);
      const step = register.step(state, one);
      assert.ok(step.ok);
      state = step.state;
    }
  }
});

test("100,000 operations over 100 keys need about one place each", () => {
  const large = correctHistory({ ...mixed, seed: 1, perKey: 1000, registers: 80, counters: 20, infoRate: 0.002 });
  const { verdict, keys } = checkHistory(large);
  assert.equal(large.length, 100_000);
  assert.equal(verdict, "ok");
  assert.ok(keys.reduce((sum, one) => sum + one.states, 0) < 1.5 * large.length);
});

test("with one operation that lasts all the time", () => {
  const operations = correctHistory({ ...mixed, seed: 2, perKey: 20_000, registers: 1, counters: 0, infoRate: 0 });
  const end = Math.max(...operations.map((one) => one.ret!));
  const slow = history({ op: "put", in: "slow", call: 0, ret: end }, { op: "get", out: "slow", call: end, ret: end });
  const { verdict, states } = checkKey("r0", [...operations, ...slow]);
  assert.equal(verdict, "ok");
  assert.ok(states < 100_000);
});

test("touching intervals are concurrent, intervals apart are not", () => {
  const put = { op: "put", in: "a", call: 0, ret: 10 } as const;
  assert.equal(verdictOf(put, { op: "get", out: null, call: 10, ret: 20 }), "ok");
  assert.equal(verdictOf(put, { op: "get", out: "a", call: 10, ret: 20 }), "ok");
  assert.equal(verdictOf(put, { op: "get", out: null, call: 11, ret: 20 }), "illegal");
  assert.equal(verdictOf({ op: "get", out: "a", call: 0, ret: 5 }, { ...put, call: 5 }), "ok");
  assert.equal(verdictOf({ op: "get", out: "a", call: 0, ret: 4 }, { ...put, call: 5 }), "illegal");
});

test("a write without an answer may be done late, once, or never, but not before it was called", () => {
  const open = { op: "put", in: "b", call: 10, ret: 20, status: "info" } as const;
  const a = { op: "put", in: "a", call: 0, ret: 5 } as const;
  const get = (out: string, call: number) => ({ op: "get", out, call, ret: call + 1 }) as const;
  assert.equal(verdictOf(a, open, get("a", 100)), "ok");
  assert.equal(verdictOf(a, open, get("a", 100), get("b", 200)), "ok");
  assert.equal(verdictOf(a, open, get("b", 100), get("a", 200)), "illegal");
  assert.equal(verdictOf(a, get("b", 7), open), "illegal");
  // An answer that does not count asks for nothing.
  const cas = { ...open, op: "cas", in: { expect: "a", value: "b" }, out: true } as const;
  assert.equal(verdictOf(a, cas, { ...a, in: "c", call: 30, ret: 31 }, get("c", 100)), "ok");
});

test("what failed was not done, and a read without an answer says nothing", () => {
  const a = { op: "put", in: "a", call: 0, ret: 5 } as const;
  const get = { op: "get", out: "a", call: 10, ret: 11 } as const;
  assert.equal(verdictOf({ ...a, status: "fail" }, get), "illegal");
  assert.equal(verdictOf(a, { ...get, out: "never", status: "info" }), "ok");
  assert.equal(verdictOf({ ...get, status: "info" }, { ...a, status: "fail" }), "unknown");
});

test("numbers: none counts as 0, and what is none or gets too large is refused", () => {
  const add = (by: string, out: string | null, call: number) => ({ op: "add", in: by, out, call, ret: call }) as const;
  assert.equal(verdictOf(add("2", "2", 1), add("-3", "-1", 2)), "ok");
  assert.equal(verdictOf(add("2", "2", 1), add("2", "2", 2)), "illegal");
  const word = { op: "put", in: "word", call: 0, ret: 0 } as const;
  assert.equal(verdictOf(word, add("1", null, 1)), "ok");
  assert.equal(verdictOf(word, add("1", "1", 1)), "illegal");
  assert.equal(verdictOf(add("9223372036854775807", "9223372036854775807", 0), add("1", null, 1)), "ok");
  assert.equal(verdictOf(add("9223372036854775807", "9223372036854775807", 0), add("0", null, 1)), "illegal");
});

test("too many ways: unknown, at the limit that is given", () => {
  const writes = Array.from({ length: 30 }, (_, index) => ({ op: "put", in: `v${index}`, call: 0, ret: 10 }) as const);
  const reads = [0, 1].map((one) => ({ op: "get", out: `v${one}`, call: 20 + one, ret: 20 + one }) as const);
  const judged = checkHistory(history(...writes, ...reads), { statesMax: 500 });
  assert.equal(judged.verdict, "unknown");
  assert.equal(judged.keys[0]!.states, 500);
  const few = checkHistory(history(...writes.slice(0, 4), ...reads), { statesMax: 500 });
  assert.equal(few.verdict, "illegal");
});

test("what was never written is found without trying all", () => {
  const writes = Array.from({ length: 30 }, (_, index) => ({ op: "put", in: `v${index}`, call: 0, ret: 10 }) as const);
  const all = history(...writes, { op: "get", out: "never", call: 20, ret: 30 });
  const { verdict, keys } = checkHistory(all);
  assert.equal(verdict, "illegal");
  assert.deepEqual(keys[0]!.excerpt, { ordered: 0, last: [], value: null, stuck: [], needing: [all.at(-1)] });
});

test("the excerpt names what cannot follow, and who needs the value that would go", () => {
  const [a, b, stale] = history(
    { op: "put", in: "a", call: 0, ret: 1 },
    { op: "put", in: "b", call: 2, ret: 3 },
    { op: "get", out: "a", call: 4, ret: 5 },
  );
  const { verdict, keys } = checkHistory([a!, b!, stale!]);
  assert.equal(verdict, "illegal");
  const excerpt = { ordered: 1, last: [a], value: "a", stuck: [b], needing: [stale] };
  assert.deepEqual(keys[0]!.excerpt, excerpt);
});
