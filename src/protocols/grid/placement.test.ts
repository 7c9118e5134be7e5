/** Order, happiness and placement, against brute force where the graph is small enough. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { encodeBase32 } from "./base32.ts";
import { happiness, permutationSeed, permutedOrder, placeShares } from "./placement.ts";
import type { Holding, PlacementQuestion } from "./placement.ts";

const crypto = {
  sha1: (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest()),
  sha256: (...parts: Uint8Array[]) => new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest()),
};
const count = (length: number) => Array.from({ length }, (_, index) => index);
const names = (prefix: string, length: number) => count(length).map((index) => `${prefix}${index}`);

/** The largest number of pairs without a common server or share, by trying every choice. */
function bruteMatching(holdings: readonly Holding[]): number {
  const [first, ...rest] = holdings;
  if (!first) return 0;
  const compatible = rest.filter(({ server, share }) => server !== first.server && share !== first.share);
  return Math.max(1 + bruteMatching(compatible), bruteMatching(rest));
}

const holding = (servers: readonly string[], shares: number) =>
  fc.record({ server: fc.constantFrom(...servers), share: fc.integer({ min: 0, max: shares - 1 }) });
const allServers = [...names("w", 4), ...names("r", 3)];
const questions = fc.record({
  shares: fc.integer({ min: 1, max: 5 }),
  writable: fc.integer({ min: 0, max: 4 }).map((length) => names("w", length)),
  readOnly: fc.integer({ min: 0, max: 3 }).map((length) => names("r", length)),
  existing: fc.array(holding(allServers, 5), { maxLength: 8 }),
});

const pairs = (placed: ReadonlyMap<number, string>): Holding[] =>
  [...placed].map(([share, server]) => ({ server, share }));
const serversOf = (placed: ReadonlyMap<number, string>) => [...placed.values()];
const fresh = (shares: number, writable: readonly string[]): PlacementQuestion => {
  return { shares, writable, readOnly: [], existing: [] };
};
const tally = (items: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
};

test("the permuted order is that of the reference", () => {
  const storageIndex = Buffer.from("b1b2029e41167ff08ca1804e17405f43", "hex");
  const servers = [1, 2, 3].map((id) => ({ id, seed: new Uint8Array(32).fill(id) }));
  const order = permutedOrder(crypto, storageIndex, servers);
  assert.deepEqual(
    order.map(({ id }) => id),
    [2, 1, 3],
  );
  assert.deepEqual(permutedOrder(crypto, storageIndex, servers.toReversed()), order);
  assert.deepEqual(permutedOrder(crypto, storageIndex, []), []);
});

test("a permutation seed is what is announced, else the key in the id, else a hash of the id", () => {
  const key = Uint8Array.from(count(32));
  const id = `v0-${encodeBase32(key)}`;
  const announced = Uint8Array.from({ length: 20 }, () => 7);
  assert.deepEqual(permutationSeed(crypto, id, encodeBase32(announced)), announced);
  assert.deepEqual(permutationSeed(crypto, id), key);
  for (const other of ["cedar", `pub-${id}`, id.toUpperCase(), `${id.slice(0, -1)}7`]) {
    assert.deepEqual(permutationSeed(crypto, other), crypto.sha256(Buffer.from(other)));
  }
  for (const bad of ["A", "aaaaaaaA", "b", "ab", "aa=="]) assert.equal(permutationSeed(crypto, id, bad), undefined);
});

test("happiness is the size of the largest matching", () => {
  assert.equal(happiness([]), 0);
  const two = [
    { server: "a", share: 0 },
    { server: "b", share: 0 },
  ];
  assert.equal(happiness(two), 1);
  assert.equal(happiness([...two, { server: "b", share: 1 }, { server: "b", share: 1 }]), 2);
  // Each server has to move to another share for the last one.
  const chain = count(200).flatMap((server) => [server, server + 1].map((share) => ({ server: `s${server}`, share })));
  assert.equal(happiness([...chain, { server: "last", share: 0 }]), 201);
  fc.assert(
    fc.property(fc.array(holding(names("s", 5), 5), { maxLength: 12 }), (holdings) => {
      assert.equal(happiness(holdings), bruteMatching(holdings));
    }),
    { numRuns: 500 },
  );
});

test("a new file goes to the first servers, one share each; more shares than servers go round", () => {
  assert.deepEqual(serversOf(placeShares(fresh(4, names("w", 9)))), names("w", 4));
  assert.deepEqual(serversOf(placeShares(fresh(5, names("w", 2)))), ["w0", "w1", "w0", "w1", "w0"]);
  assert.deepEqual([...placeShares(fresh(3, []))], []);
});

test("shares stay where they are, and a read-only server counts with what it has", () => {
  const placed = placeShares({
    shares: 4,
    writable: ["w0", "w1", "w2"],
    readOnly: ["r0"],
    existing: [
      { server: "r0", share: 3 },
      { server: "w2", share: 0 },
      { server: "w2", share: 3 },
      { server: "gone", share: 1 },
      { server: "w0", share: 9 },
      { server: "w0", share: -1 },
      { server: "w0", share: 0.5 },
    ],
  });
  assert.deepEqual(
    [...placed],
    [
      [0, "w2"],
      [1, "w0"],
      [2, "w1"],
      [3, "r0"],
    ],
  );
});

test("what is left over goes to a writable server that holds it", () => {
  const existing = [0, 1, 2].map((share) => ({ server: "w0", share }));
  const placed = placeShares({ shares: 4, writable: ["w0", "w1"], readOnly: [], existing });
  assert.deepEqual(serversOf(placed), ["w0", "w1", "w0", "w1"]);
});

test("where few shares are on many servers, the earlier ones keep theirs", () => {
  const existing = names("w", 3).map((server) => ({ server, share: 0 }));
  const question = { shares: 1, writable: names("w", 3), readOnly: [], existing };
  assert.deepEqual(serversOf(placeShares(question)), ["w0"]);
  assert.deepEqual(serversOf(placeShares({ ...question, writable: ["w2", "w1", "w0"] })), ["w2"]);
});

test("any question: every share is placed, only where it may be, and no placement has more happiness", () => {
  fc.assert(
    fc.property(questions, fc.option(fc.constantFrom(1, 2)), (question, domains) => {
      const domainOf = domains === null ? undefined : (server: string) => `${Number(server[1]) % domains}`;
      const placed = placeShares({ ...question, domainOf });
      const { shares, writable, readOnly, existing } = question;
      const kept = existing.filter(({ server, share }) => readOnly.includes(server) && share < shares);
      const held = (share: number, server: string) => kept.some((one) => one.share === share && one.server === server);
      for (const [share, server] of placed) {
        assert.ok(share < shares && (writable.includes(server) || held(share, server)), `${share} on ${server}`);
      }
      if (writable.length > 0) assert.deepEqual([...placed.keys()], count(shares));
      const anywhere = writable.flatMap((server) => count(shares).map((share) => ({ server, share })));
      assert.equal(
        happiness(pairs(placed)),
        bruteMatching([...new Map(kept.map((k) => [`${k.server} ${k.share}`, k])).values(), ...anywhere]),
      );
      assert.deepEqual(placeShares({ ...question, existing: existing.toReversed(), domainOf }), placed);
    }),
    { numRuns: 300 },
  );
});

test("shares spread over domains: new files, what is there already, and what is left over", () => {
  const domainOf = (server: string) => server[0]!;
  const writable = ["a0", "a1", "a2", "a3", "b0", "b1", "c0"];
  const spread = (question: PlacementQuestion) => {
    const placed = serversOf(placeShares({ ...question, domainOf }));
    return { domains: tally(placed.map(domainOf)), servers: new Set(placed).size, placed };
  };
  const three = spread(fresh(3, writable));
  assert.deepEqual(three.placed, ["a0", "b0", "c0"]);
  // Happiness first: every server is used before one is used twice.
  const seven = spread(fresh(7, writable));
  assert.deepEqual([seven.domains, seven.servers], [{ a: 4, b: 2, c: 1 }, 7]);
  // The rest goes to the domains that have the least.
  const ten = spread(fresh(10, writable));
  assert.deepEqual([ten.domains, ten.servers], [{ a: 4, b: 3, c: 3 }, 7]);
  const existing = [0, 1].map((share) => ({ server: `a${share}`, share }));
  assert.deepEqual(spread({ ...fresh(4, writable), existing }).placed, ["a0", "a1", "b0", "c0"]);
  const readOnly = [{ server: "b9", share: 2 }];
  assert.deepEqual(spread({ ...fresh(3, writable), readOnly: ["b9"], existing: readOnly }).placed, ["a0", "c0", "b9"]);
  // Without domains the first ones are taken.
  assert.deepEqual(serversOf(placeShares(fresh(3, writable))), ["a0", "a1", "a2"]);
});

test("the largest grid that an upload asks: 512 servers that all say they hold all 256 shares", () => {
  const writable = names("w", 512);
  const existing = writable.flatMap((server) => count(256).map((share) => ({ server, share })));
  const placed = placeShares({ shares: 256, writable, readOnly: [], existing });
  assert.deepEqual(serversOf(placed), names("w", 256));
});
