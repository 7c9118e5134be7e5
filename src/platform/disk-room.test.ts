/** A full disk and one that fails are passed over, everything else is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fail } from "../kernel/errors.ts";
import { diskFailure, ifRoom } from "./disk-room.ts";

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
  const failing = () => {
    throw fail("storage-failed");
  };
  assert.equal(ifRoom(failing), false);
  assert.equal(diskFailure(failing)?.code, "storage-failed");
  const broken = () => {
    throw new Error("a bug");
  };
  assert.throws(() => ifRoom(broken), /a bug/);
});
