/** What the host answers borrowers: how slivers are booked, and how many commands run at once, of a box and of all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { EXECS_MAX, EXECS_PER_BOX_MAX } from "../constants.ts";
import { EXEC_PATH, LOOK_PATH, decodeMessage, encodeMessage, lookAnswer } from "../messages.ts";
import type { Ran } from "../messages.ts";
import { serveHosting } from "./hosting.ts";

const RAN: Ran = { exitCode: 0, stdout: "", stderr: "" };

function host() {
  const ends: (() => void)[] = [];
  // Each box has one, which is called like it.
  const { answer } = serveHosting({
    ...{ clock: virtualClock(), log: {} as never, effortOf: () => 0, hasImage: () => false },
    mesh: { selfId: "self", box: () => undefined, serve: () => {} } as never,
    books: { get: (sliver: string) => ({ sliver, borrower: { box: sliver } }) } as never,
    reconciler: { isReady: true, instanceOf: (name: string) => ({ name, state: "running" }) } as never,
    run: () => new Promise((resolve) => ends.push(() => resolve(RAN))),
  });
  const exec = (box: string) => answer(EXEC_PATH, box, encodeMessage({ sliver: box, command: "true" }));
  return { exec, ends };
}

test("a look tells limits and wish as the books have them, and neither of what has to go", async () => {
  const limits = { cores: 2, memoryBytes: 2 ** 28, diskBytes: 2 ** 29, egressBytesPerS: 0 };
  const spec = { kind: "container", image: "a".repeat(64), reach: "slice", ...limits };
  const entry = { borrower: { box: "home" }, leaseEndMs: 0, spec };
  const wanted = new Map([
    ["abcdefgh1", "stopped"],
    ["abcdefgh2", "gone"],
  ]);
  const { answer } = serveHosting({
    ...{ clock: virtualClock(), log: {} as never, effortOf: () => 0, hasImage: () => false, run: async () => RAN },
    mesh: { selfId: "self", box: () => undefined, serve: () => {} } as never,
    books: { get: (sliver: string) => ({ ...entry, sliver, wanted: wanted.get(sliver) }) } as never,
    reconciler: {
      ...{ isReady: true, stateOf: () => "stopping", instanceOf: () => undefined, troubleOf: () => undefined },
    } as never,
  });
  const said = await answer(LOOK_PATH, "home", encodeMessage({ slivers: [...wanted.keys()] }));
  const { slivers } = decodeMessage(lookAnswer, encodeMessage(said));
  assert.deepEqual(
    slivers.map(({ booked }) => booked),
    [{ wanted: "stopped", limits }, undefined],
  );
});

test("one box has so many commands at once, all have so many, and one that ends makes room", async () => {
  const { exec, ends } = host();
  const box = (at: number) => `abcdefgh${Math.floor(at / EXECS_PER_BOX_MAX)}`;
  const running = Array.from({ length: EXECS_PER_BOX_MAX }, (_, at) => exec(box(at)));
  assert.deepEqual(await exec(box(0)), { why: "compute-busy" });
  for (let at = running.length; at < EXECS_MAX; at += 1) running.push(exec(box(at)));
  assert.deepEqual(await exec(box(EXECS_MAX)), { why: "compute-busy" });
  assert.equal(ends.length, EXECS_MAX);
  ends.shift()!();
  assert.deepEqual(await running[0], { ran: RAN });
  const next = exec(box(EXECS_MAX));
  for (const end of ends) end();
  assert.deepEqual(await next, { ran: RAN });
  await Promise.all(running);
});
