/** The number under which a member's shares are counted is the same each time, however many there are. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { OWNER_NUMBERS_KEPT } from "./constants.ts";
import { ownerNumber } from "./room.ts";

test("members have their numbers, also those that are not remembered any more", () => {
  const members = Array.from({ length: 2 * OWNER_NUMBERS_KEPT + 1 }, (_, at) => `member ${at}`);
  for (const member of [...members, ...members.slice(0, 3), ...members.slice(-3)]) {
    assert.equal(ownerNumber(member), createHash("sha256").update(member).digest().readUInt32BE(0));
  }
});
