/** A slice's plan: what is made, changed, renewed and removed; carried out, it comes to rest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HOST_LOST_MS } from "./constants.ts";
import { changeOf, planSlice } from "./slice.ts";
import type { SliceSpec, SliverFacts } from "./slice.ts";

const sliver = {
  kind: "container",
  image: "a".repeat(64),
  reach: "slice",
  cores: 1,
  memoryBytes: 2 ** 29,
  diskBytes: 2 ** 30,
  egressBytesPerS: 0,
} as const;
const LEASE_MS = 1000;
const spec: SliceSpec = { sliver, count: 2, apart: "box", wanted: "running", endMs: 1e9, recreate: true };
const fact = (id: string, index: number, change: Partial<SliverFacts> = {}): SliverFacts => ({
  ...{ id, index, host: `host of ${id}`, spec: sliver, wanted: "running", leaseEndMs: LEASE_MS, state: "running" },
  silentMs: 0,
  ...change,
});
const plan = (slivers: SliverFacts[], change: Partial<SliceSpec> = {}, nowMs = 0) =>
  planSlice({ ...spec, ...change }, slivers, { nowMs, leaseMs: LEASE_MS });
const whole = [fact("a", 0), fact("b", 1)];

test("what is missing is made, what is too many goes, what fits stays", () => {
  assert.deepEqual(plan([]), [
    { do: "create", index: 0 },
    { do: "create", index: 1 },
  ]);
  assert.deepEqual(plan(whole), []);
  assert.deepEqual(plan(whole, { count: 1 }), [{ do: "remove", id: "b", why: "unwanted" }]);
  assert.deepEqual(plan([...whole, fact("c", 1, { leaseEndMs: LEASE_MS - 1 })]), [
    { do: "remove", id: "c", why: "unwanted" },
  ]);
  assert.deepEqual(plan([fact("a", 0), fact("b", 1, { wanted: "gone" })]), [{ do: "create", index: 1 }]);
});

test("limits change in place, another image is another sliver", () => {
  assert.deepEqual(plan(whole.slice(0, 1), { count: 1, sliver: { ...sliver, cores: 2 } }), [{ do: "resize", id: "a" }]);
  assert.deepEqual(plan(whole.slice(0, 1), { count: 1, sliver: { ...sliver, image: "b".repeat(64) } }), [
    { do: "remove", id: "a", why: "changed" },
    { do: "create", index: 0 },
  ]);
  assert.equal(changeOf(sliver, { ...sliver, diskBytes: 2 ** 31 }), "resize");
  assert.equal(changeOf({ ...sliver, diskBytes: 2 ** 31 }, sliver), "replace");
  assert.equal(changeOf(sliver, { ...sliver, reach: "internet" }), "replace");
  assert.deepEqual(plan(whole.slice(0, 1), { count: 1, wanted: "stopped" }), [
    { do: "want", id: "a", wanted: "stopped" },
  ]);
});

test("leases are renewed from half of their time on, and never beyond the slice's end", () => {
  assert.deepEqual(plan(whole.slice(0, 1), { count: 1 }, LEASE_MS / 2), []);
  assert.deepEqual(plan(whole.slice(0, 1), { count: 1 }, LEASE_MS / 2 + 1), [{ do: "renew", id: "a" }]);
  assert.deepEqual(plan(whole.slice(0, 1), { count: 1, endMs: LEASE_MS }, LEASE_MS - 1), []);
  assert.deepEqual(plan(whole.slice(0, 1), { count: 1, endMs: 700 }, 700), [{ do: "remove", id: "a", why: "ended" }]);
});

test("a lost or failed sliver is made again elsewhere, if that was asked for", () => {
  const silent = (silentMs: number) => [fact("a", 0, { silentMs })];
  const lost = silent(HOST_LOST_MS + 1);
  assert.deepEqual(plan(silent(HOST_LOST_MS), { count: 1 }), []);
  assert.deepEqual(plan(lost, { count: 1 }), [
    { do: "remove", id: "a", why: "lost" },
    { do: "create", index: 0 },
  ]);
  assert.deepEqual(plan(lost, { count: 1, recreate: false }), []);
  const failed = [fact("a", 0, { state: "failed" })];
  assert.deepEqual(plan(failed, { count: 1, recreate: false }), []);
  assert.equal(plan(failed, { count: 1 }).length, 2);
});

test("a plan that is carried out leaves nothing to plan", () => {
  const some = fc.array(
    fc.record({
      index: fc.integer({ min: 0, max: 4 }),
      image: fc.constantFrom("a", "b"),
      cores: fc.integer({ min: 1, max: 2 }),
      wanted: fc.constantFrom<SliverFacts["wanted"]>("running", "stopped", "gone"),
      leaseEndMs: fc.integer({ min: 0, max: 2000 }),
      silentMs: fc.integer({ min: 0, max: 2 * HOST_LOST_MS }),
      state: fc.constantFrom(undefined, "running" as const, "failed" as const),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(some, fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 3000 }), (all, count, endMs) => {
      const now = { ...spec, count, endMs };
      let slivers = all.map(({ image, cores, ...one }, at) =>
        fact(`s${at}`, one.index, { ...one, spec: { ...sliver, cores, image: image.repeat(64) } }),
      );
      for (const action of plan(slivers, now)) {
        const change = (id: string, to: Partial<SliverFacts>) =>
          (slivers = slivers.map((one) => (one.id === id ? { ...one, ...to } : one)));
        if (action.do === "create") slivers.push(fact(`n${action.index}`, action.index, { leaseEndMs: LEASE_MS }));
        else if (action.do === "remove") change(action.id, { wanted: "gone" });
        else if (action.do === "renew") change(action.id, { leaseEndMs: LEASE_MS });
        else if (action.do === "resize") change(action.id, { spec: sliver });
        else change(action.id, { wanted: action.wanted });
      }
      assert.deepEqual(plan(slivers, now), []);
      const living = slivers.filter(({ wanted }) => wanted !== "gone");
      assert.deepEqual(
        living.map(({ index }) => index).toSorted(),
        Array.from({ length: count }, (_, at) => at),
      );
    }),
  );
});
