/** Tests of what counts as new nearby. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freshThings } from "./fresh.ts";

const service = (id: string, since: string, own = false, state = "up") => ({
  id,
  title: id,
  box: "b",
  own,
  state,
  since,
});
const box = (id: string, since: string | null, self = false) => ({ id, name: id, zone: "z", self, state: "up", since });

test("the newest of others come first, own and broken things are no news", () => {
  const things = freshThings(
    [
      service("old", "2026-01-01"),
      service("new", "2026-03-01"),
      service("mine", "2026-04-01", true),
      service("broken", "2026-04-02", false, "failing"),
    ],
    [box("here", "2026-05-01", true), box("there", "2026-02-01"), box("unknown", null)],
    2,
  );
  assert.deepEqual(
    things.map((thing) => thing.id),
    ["new", "there"],
  );
});
