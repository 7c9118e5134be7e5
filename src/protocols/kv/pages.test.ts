/** Pages of members that differ tell together, whatever their length, what the newest version of each key says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ListedKey, Page } from "./pages.ts";
import { firstOf, isPage, mergePages, pageOf } from "./pages.ts";

type Held = ReadonlyMap<string, ListedKey>;

const key = fc.nat({ max: 30 }).map((at) => `k${at}`);
const listed = fc.record({ n: fc.nat({ max: 3 }), node: fc.nat({ max: 1 }) }).map(({ n, node }) => {
  // What a version holds is the same wherever it is.
  return { version: { round: 1, node, n }, isThere: (n + node) % 2 === 0 };
});
const member: fc.Arbitrary<Held> = fc
  .dictionary(key, listed, { maxKeys: 30, noNullPrototype: true })
  .map((held) => new Map(Object.entries(held).map(([name, one]) => [name, { key: name, ...one }])));

function after(held: Held, last: string | undefined): string[] {
  return [...held.keys()].filter((name) => last === undefined || name > last);
}

/** One by one, without pages. */
function newestOf(members: readonly Held[]): string[] {
  const newest = new Map<string, ListedKey>();
  const rank = ({ version: { node, n } }: ListedKey) => 10 * node + n;
  for (const one of members.flatMap((held) => [...held.values()]))
    if (rank(one) > rank(newest.get(one.key) ?? { ...one, version: { round: 0, node: -1, n: 0 } }))
      newest.set(one.key, one);
  return [...newest.values()].flatMap((one) => (one.isThere ? [one.key] : [])).toSorted();
}

const most = fc.record({ thereMax: fc.integer({ min: 1, max: 6 }), keysMax: fc.integer({ min: 1, max: 6 }) });

test("page after page, what is there by the newest version, once and in order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(member, most), { minLength: 1, maxLength: 3 }), (members) => {
      const found: string[] = [];
      let last: string | undefined;
      for (let page = 0; page === 0 || last !== undefined; page++) {
        assert.ok(page <= 100, "it comes to an end");
        const pages = members.map(([held, limits]) => pageOf(after(held, last), (name) => held.get(name)!, limits));
        for (const [at, one] of pages.entries()) {
          assert.ok(isPage(one, last) && one.keys.length <= members[at]![1].keysMax);
          assert.ok(one.keys.filter(({ isThere }) => isThere).length <= members[at]![1].thereMax);
        }
        const merged = mergePages(pages);
        found.push(...merged.keys);
        last = merged.upTo;
      }
      assert.deepEqual(found, newestOf(members.map(([held]) => held)));
    }),
  );
});

test("the first keys of many, without sorting all of them", () => {
  const names = fc.uniqueArray(fc.nat({ max: 5_000 }).map(String), { maxLength: 600 });
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 20 }), (some, count) =>
      assert.deepEqual(firstOf(some, count), some.toSorted().slice(0, count)),
    ),
  );
});

test("what is no page: out of order, a key twice, before the last one, or neither a key nor the end", () => {
  const page = (names: string[], isEnd = false): Page => ({
    ...{ isEnd, keys: names.map((name) => ({ key: name, version: { round: 1, node: 1, n: 1 }, isThere: true })) },
  });
  for (const [one, last] of [
    [page(["b", "a"])],
    [page(["a", "a"])],
    [page(["a"], true), "a"],
    [page([]), "a"],
  ] as const)
    assert.equal(isPage(one, last), false);
  assert.ok(isPage(page(["a", "b"]), undefined) && isPage(page([], true), "z"));
});
