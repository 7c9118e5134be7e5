/** What a host grants and refuses: each reason by itself, the last core once, and never more than is lent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HOST_SLIVERS_MAX, LEASE_MAX_MS } from "./constants.ts";
import { LENDS_NOTHING, judge } from "./lending.ts";
import type { Booking, LendPolicy, Refusal, Wish } from "./lending.ts";
import { RESOURCE_NAMES, sumOf } from "./resources.ts";

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const LENT = { cores: 4, memoryBytes: 4096 * MIB, diskBytes: 40_960 * MIB, egressBytesPerS: 1_000_000 };
const policy: LendPolicy = {
  ...LENDS_NOTHING,
  lent: LENT,
  slivers: 8,
  to: "community",
  reach: "community",
  leaseMaxMs: 48 * HOUR_MS,
  priority: "arrival",
  priceAcrossZones: 2,
};
const spec = {
  kind: "container",
  image: "a".repeat(64),
  reach: "slice",
  cores: 1,
  memoryBytes: 512 * MIB,
  diskBytes: 1024 * MIB,
  egressBytesPerS: 100_000,
} as const;
const borrower = { box: "b1", owner: "Aina", zone: "hill", effort: 0 };
const wish: Wish = { sliver: "s1", borrower, spec, nowMs: 0, leaseEndMs: 24 * HOUR_MS, zone: "valley" };
const books = (...wishes: Wish[]) => new Map<string, Booking>(wishes.map((one) => [one.sliver, one]));

function why(change: Partial<Wish>, rules: Partial<LendPolicy> = {}, booked = books()): Refusal | undefined {
  const verdict = judge({ ...policy, ...rules }, booked, { ...wish, ...change });
  return verdict.state === "refused" ? verdict.why : undefined;
}

test("each reason to refuse, and the same wish without it", () => {
  assert.equal(why({}), undefined);
  assert.equal(why({}, LENDS_NOTHING), "lends-nothing");
  assert.equal(why({}, { slivers: 0 }), "lends-nothing");
  assert.equal(why({}, { to: "zone" }), "not-for-you");
  assert.equal(why({ zone: "hill" }, { to: "zone" }), undefined);
  assert.equal(why({ zone: "", borrower: { ...borrower, zone: "" } }, { to: "zone" }), "not-for-you");
  assert.equal(why({}, { to: "named", named: ["Biel"] }), "not-for-you");
  assert.equal(why({}, { to: "named", named: ["Biel", "Aina"] }), undefined);
  assert.equal(why({ spec: { ...spec, kind: "vm" } }), "no-vms");
  assert.equal(why({ spec: { ...spec, kind: "vm" } }, { vms: true }), undefined);
  assert.equal(why({ spec: { ...spec, reach: "community" } }), undefined);
  assert.equal(why({ spec: { ...spec, reach: "internet" } }), "reach-too-wide");
  assert.equal(why({ leaseEndMs: 49 * HOUR_MS }), "lease-too-long");
  assert.equal(why({ leaseEndMs: LEASE_MAX_MS + 1 }, { leaseMaxMs: Infinity }), "lease-too-long");
  assert.equal(why({ spec: { ...spec, cores: 5 } }), "no-room");
  assert.equal(why({}, { perBorrower: 0.2 }), "share-used-up");
  assert.equal(why({}, { perBorrower: 0.25 }), undefined);
});

test("wishes that make no sense, as a stranger may send them", () => {
  for (const cores of [0, -1, 0.5, Number.NaN, Infinity, 257, 2 ** 60]) {
    assert.equal(why({ spec: { ...spec, cores } }), "bad-wish", `${cores} cores`);
  }
  for (const name of RESOURCE_NAMES) {
    assert.equal(why({ spec: { ...spec, [name]: -1 } }), "bad-wish", name);
    assert.equal(why({ spec: { ...spec, [name]: 2 ** 51 } }), "bad-wish", name);
  }
  assert.equal(why({ spec: { ...spec, memoryBytes: 16 * MIB - 1 } }), "bad-wish");
  assert.equal(why({ spec: { ...spec, diskBytes: 16 * MIB - 1 } }), "bad-wish");
  assert.equal(why({ spec: { ...spec, image: "../etc" } }), "bad-wish");
  assert.equal(why({ leaseEndMs: 0 }), "bad-wish");
  assert.equal(why({ leaseEndMs: Number.NaN }), "bad-wish");
});

test("asked again it is granted again; another one's id is not", () => {
  const booked = books(wish);
  assert.equal(why({}, { slivers: 1 }, booked), undefined);
  assert.equal(why({ leaseEndMs: 30 * HOUR_MS }, { slivers: 1 }, booked), undefined);
  assert.equal(why({ spec: { ...spec, cores: 2 } }, {}, booked), "id-taken");
  assert.equal(why({ borrower: { ...borrower, box: "b2" } }, {}, booked), "id-taken");
  assert.equal(why({ sliver: "s2" }, { slivers: 1 }, booked), "too-many-slivers");
});

test("the limit of slivers holds whatever the host says", () => {
  const tiny = { ...spec, memoryBytes: 16 * MIB, diskBytes: 16 * MIB, egressBytesPerS: 0 };
  const many = Array.from({ length: HOST_SLIVERS_MAX }, (_, at) => ({ ...wish, spec: tiny, sliver: `x${at}` }));
  const lent = { ...LENT, cores: 1000, diskBytes: 2 ** 45, memoryBytes: 2 ** 40 };
  const rules = { slivers: Infinity, lent };
  assert.equal(why({ spec: tiny }, rules, books(...many.slice(1))), undefined);
  assert.equal(why({ spec: tiny }, rules, books(...many)), "too-many-slivers");
});

test("who lends more of what it has comes further", () => {
  const three = [1, 2, 3].map((at) => ({ ...wish, sliver: `x${at}`, borrower: { ...borrower, box: `c${at}` } }));
  const rules = { priority: "effort" } as const;
  const of = (effort: number) => why({ borrower: { ...borrower, effort } }, rules, books(...three));
  assert.equal(of(0), "kept-for-lenders");
  assert.equal(of(0.99), "kept-for-lenders");
  assert.equal(of(1), undefined);
  assert.equal(of(7), undefined);
  assert.equal(of(-7), "kept-for-lenders");
  assert.equal(why({ borrower: { ...borrower, effort: 0 } }, rules, books(...three.slice(1))), undefined);
});

test("within a zone nothing is paid; across zones by core and hour", () => {
  const price = (change: Partial<Wish>) => {
    const verdict = judge(policy, books(), { ...wish, ...change });
    return verdict.state === "granted" ? verdict.price : undefined;
  };
  assert.equal(price({}), 48);
  assert.equal(price({ zone: "hill" }), 0);
  assert.equal(price({ zone: "", borrower: { ...borrower, zone: "" } }), 48);
});

test("whatever is asked in whatever order, no more is booked than is lent", () => {
  const step = fc.record({
    sliver: fc.integer({ min: 0, max: 12 }).map((n) => `s${n}`),
    box: fc.integer({ min: 0, max: 3 }).map((n) => `b${n}`),
    cores: fc.integer({ min: 1, max: 3 }),
    memoryMiB: fc.integer({ min: 16, max: 2048 }),
    effort: fc.double({ min: 0, max: 1, noNaN: true }),
    isEnd: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom("arrival", "effort"), (steps, priority) => {
      const booked = books();
      for (const { sliver, box, cores, memoryMiB, effort, isEnd } of steps) {
        if (isEnd) booked.delete(sliver);
        const one = {
          ...wish,
          sliver,
          borrower: { ...borrower, box, effort },
          spec: { ...spec, cores, memoryBytes: memoryMiB * MIB },
        };
        const before = booked.get(sliver);
        const { state } = judge({ ...policy, priority, perBorrower: 0.5 }, booked, one);
        if (state === "granted" && before) assert.equal(before.borrower.box, box);
        if (state === "granted" && !isEnd) booked.set(sliver, one);
        const used = sumOf([...booked.values()].map((booking) => booking.spec));
        for (const name of RESOURCE_NAMES) assert.ok(used[name] <= LENT[name], name);
        for (const owner of ["b0", "b1", "b2", "b3"]) {
          const own = [...booked.values()].filter((booking) => booking.borrower.box === owner);
          assert.ok(sumOf(own.map((booking) => booking.spec)).cores <= 2);
        }
        assert.ok(booked.size <= 8);
      }
    }),
  );
});
