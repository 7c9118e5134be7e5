/** Warnings of the mesh: flapping is one while it goes on, also beside others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Session } from "./session.ts";
import { CLOCK_OFF_MS, meshWarnings } from "./status.ts";

test("boxes that flap are a warning, and so is a clock that is off", () => {
  let flapping = false;
  let offsetMs = 0;
  const session = {
    peers: { clockOffsetMs: () => offsetMs, excluded: () => false },
    evidence: { list: () => [] },
    gossip: { contested: () => false },
    isExcluded: () => false,
    boxesHere: () => 3,
  } as unknown as Session;
  const needs = { session: () => session, selfId: "a", boxes: () => [], flapping: () => flapping };
  const codes = () => meshWarnings(needs as never).map(({ code, severity }) => `${code} ${severity}`);
  assert.deepEqual(codes(), []);
  flapping = true;
  assert.deepEqual(codes(), ["boxes-flapping warning"]);
  offsetMs = -CLOCK_OFF_MS - 1;
  assert.deepEqual(codes(), ["clock-off warning", "boxes-flapping warning"]);
});
