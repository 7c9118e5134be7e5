/** A full disk is passed over, everything else is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fail } from "../kernel/errors.ts";
import { ifRoom } from "./disk-room.ts";

test("a full disk is told, other errors come through", () => {
  let written = 0;
  assert.equal(
    ifRoom(() => void written++),
    true,
  );
  assert.equal(written, 1);
  const full = () => {
    throw fail("disk-full");
  };
  assert.equal(ifRoom(full), false);
  const broken = () => {
    throw new Error("a bug");
  };
  assert.throws(() => ifRoom(broken), /a bug/);
});
