/** What home boxes told stands after a restart, is news only once, and goes with the last sliver of the slice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openStore } from "../../../platform/store.ts";
import { NetworkBooks } from "./network-books.ts";

const members = [{ sliver: "sliver001", host: "b", name: "web-0" }];

test("the last word of each home box counts, and stands after a restart", () => {
  const store = openStore(":memory:");
  const books = new NetworkBooks(store);
  assert.equal(books.tell({ home: "a", slice: "s1", members: [] }), true);
  assert.equal(books.tell({ home: "a", slice: "s1", members }), true);
  assert.equal(books.tell({ home: "a", slice: "s1", members }), false);
  assert.equal(books.tell({ home: "z", slice: "s1", members: [] }), true);
  assert.deepEqual(new NetworkBooks(store).all(), [
    { home: "a", slice: "s1", members },
    { home: "z", slice: "s1", members: [] },
  ]);
});

test("a slice that is not here any more is forgotten", () => {
  const books = new NetworkBooks(openStore(":memory:"));
  for (const slice of ["s1", "s2"]) books.tell({ home: "a", slice, members });
  books.keep((_home, slice) => slice === "s2");
  assert.deepEqual(
    books.all().map(({ slice }) => slice),
    ["s2"],
  );
});
