/** Who waits for a connection, and who no longer does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../../../kernel/virtual-clock.ts";
import { Gate } from "./storage-client-gate.ts";

test("so many at once, in order, and who gives up leaves no trace", async () => {
  const gate = new Gate(2);
  const said: string[] = [];
  const { signal } = new AbortController();
  const impatient = new AbortController();
  const enter = (name: string, as = signal) =>
    gate.enter(as).then(
      () => said.push(name),
      (reason: unknown) => said.push(`${name} ${String(reason)}`),
    );
  for (const name of ["a", "b"]) void enter(name);
  void enter("c", impatient.signal);
  void enter("d");
  await settled();
  assert.deepEqual([said.join(), gate.waiting], ["a,b", 2]);
  impatient.abort("left");
  await settled();
  gate.leave();
  await settled();
  assert.deepEqual([said.join(), gate.waiting], ["a,b,c left,d", 0]);
  gate.leave();
  gate.leave();
  await Promise.all([enter("e"), enter("f")]);
  await assert.rejects(gate.enter(AbortSignal.abort(new Error("too late"))), /too late/);
});
