/** The supervisor: order, a start that fails, restarts with growing pauses, parts that hang, the host's switch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineErrors } from "./errors.ts";
import type { Part } from "./lifecycle.ts";
import { createSupervisor, RESTARTS_MAX, RESTART_PAUSE_MS, RESTART_WINDOW_MS, STOP_TIMEOUT_MS } from "./lifecycle.ts";
import { createLog } from "./log.ts";
import { settled, virtualClock } from "./virtual-clock.ts";

function world() {
  const clock = virtualClock();
  const lines: string[] = [];
  const log = createLog({ clock, level: "debug", write: (line) => lines.push(line) });
  const supervisor = createSupervisor(clock, log);
  const calls: string[] = [];
  const part = (name: string, own: Partial<Part> = {}): Part => ({
    name,
    start: async () => {
      calls.push(`start ${name}`);
      await own.start?.();
    },
    stop: async () => {
      calls.push(`stop ${name}`);
      await own.stop?.();
    },
  });
  const add = (name: string, own?: Partial<Part>) => supervisor.add(part(name, own));
  const state = (name: string) => supervisor.status().find((one) => one.name === name)?.state;
  return { clock, lines, supervisor, calls, add, state };
}

test("parts start in order and stop in reverse", async () => {
  const { supervisor, calls, add, state } = world();
  add("a");
  add("b");
  assert.equal(state("a"), "idle");
  await supervisor.startAll();
  assert.deepEqual(supervisor.status(), [
    { name: "a", state: "running", crashes: 0 },
    { name: "b", state: "running", crashes: 0 },
  ]);
  await supervisor.stopAll();
  assert.deepEqual(calls, ["start a", "start b", "stop b", "stop a"]);
  assert.equal(state("b"), "stopped");
});

test("a start that fails stops what ran, and says why; a bug is logged, an expected failure is not", async () => {
  const failure = defineErrors({ "no-luck": 500 }).fail("no-luck");
  for (const [thrown, logged] of [
    [failure, 0],
    [new Error("a bug"), 1],
  ] as const) {
    const { supervisor, calls, add, lines } = world();
    add("a");
    add("b", { start: () => Promise.reject(thrown) });
    add("c");
    await assert.rejects(supervisor.startAll(), thrown);
    assert.deepEqual(calls, ["start a", "start b", "stop a"]);
    assert.equal(lines.filter((line) => line.includes("could not start")).length, logged);
  }
});

test("a crash restarts the part alone, after a pause that doubles", async () => {
  const { clock, supervisor, calls, add, state } = world();
  add("a");
  add("b");
  await supervisor.startAll();
  for (let crash = 0; crash < 3; crash += 1) {
    calls.length = 0;
    supervisor.crash("b", new Error("a bug"));
    supervisor.crash("b", new Error("the same bug, heard twice"));
    await settled();
    assert.equal(state("b"), "restarting");
    await clock.advanceSettled(RESTART_PAUSE_MS * 2 ** crash - 1);
    assert.deepEqual(calls, ["stop b"]);
    await clock.advanceSettled(1);
    assert.deepEqual([calls, state("b"), state("a")], [["stop b", "start b"], "running", "running"]);
  }
  supervisor.crash("nobody", new Error("unknown parts are ignored"));
  assert.equal(supervisor.status()[1]!.crashes, 3);
});

test("more than RESTARTS_MAX crashes within the window leave it failed; the host can switch it on again", async () => {
  const { clock, supervisor, add, state, lines } = world();
  add("a");
  await supervisor.startAll();
  for (let crash = 1; crash <= RESTARTS_MAX; crash += 1) {
    supervisor.crash("a", new Error("a bug"));
    await clock.advanceSettled(RESTART_PAUSE_MS * 2 ** (crash - 1));
    assert.equal(state("a"), "running", `after crash ${crash}`);
  }
  supervisor.crash("a", new Error("once too often"));
  await clock.advanceSettled(RESTART_WINDOW_MS);
  assert.equal(state("a"), "failed");
  assert.equal(lines.filter((line) => line.includes("stays down")).length, 1);
  await supervisor.setOn("a", true);
  assert.deepEqual(supervisor.status(), [{ name: "a", state: "running", crashes: 0 }]);
});

test("crashes that lie further apart than the window do not add up", async () => {
  const { clock, supervisor, add, state } = world();
  add("a");
  await supervisor.startAll();
  for (let crash = 0; crash < 3 * RESTARTS_MAX; crash += 1) {
    supervisor.crash("a", new Error("a bug"));
    await clock.advanceSettled(RESTART_WINDOW_MS / RESTARTS_MAX + RESTART_PAUSE_MS);
    assert.equal(state("a"), "running");
  }
});

test("a restart that fails counts as a crash", async () => {
  const { clock, supervisor, add, state } = world();
  let starts = 0;
  add("a", {
    start: async () => {
      if ((starts += 1) > 1) throw new Error("never again");
    },
  });
  await supervisor.startAll();
  supervisor.crash("a", new Error("a bug"));
  await clock.advanceSettled(RESTART_PAUSE_MS * 2 ** (RESTARTS_MAX + 1), RESTART_PAUSE_MS);
  assert.deepEqual([state("a"), starts], ["failed", 1 + RESTARTS_MAX]);
});

test("a part that does not stop is left behind after STOP_TIMEOUT_MS; one that fails to is logged", async () => {
  const { clock, supervisor, calls, add, lines } = world();
  add("a");
  add("hangs", { stop: () => new Promise(() => {}) });
  add("breaks", { stop: () => Promise.reject(new Error("no")) });
  await supervisor.startAll();
  const done = supervisor.stopAll();
  await clock.advanceSettled(STOP_TIMEOUT_MS - 1);
  assert.ok(!calls.includes("stop a"));
  await clock.advanceSettled(1);
  await done;
  assert.ok(calls.includes("stop a"));
  assert.ok(lines.some((line) => line.includes("did not stop in time")));
  assert.ok(lines.some((line) => line.includes("failed while stopping")));
  assert.equal(clock.waiting(), 0);
});

test("a start that hangs does not keep the daemon from ending", async () => {
  const { clock, supervisor, add, lines, state } = world();
  add("a", { start: () => new Promise(() => {}) });
  void supervisor.startAll();
  await settled();
  const done = supervisor.stopAll();
  await clock.advanceSettled(2 * STOP_TIMEOUT_MS);
  await done;
  assert.equal(state("a"), "stopped");
  assert.ok(lines.some((line) => line.includes("a part hangs")));
});

test("the host's switch: off before the start, off and on while it runs, and on again", async () => {
  const { supervisor, calls, add, state } = world();
  add("a");
  add("b");
  await supervisor.setOn("a", false);
  await supervisor.setOn("b", true);
  await supervisor.startAll();
  assert.deepEqual([calls, state("a")], [["start b"], "off"]);
  await supervisor.setOn("a", true);
  await supervisor.setOn("a", true);
  await supervisor.setOn("b", false);
  await supervisor.setOn("b", false);
  await supervisor.setOn("nobody", false);
  assert.deepEqual(calls, ["start b", "start a", "stop b"]);
  await supervisor.stopAll();
  assert.deepEqual([state("a"), state("b")], ["stopped", "off"]);
  await supervisor.setOn("b", true);
  assert.deepEqual(calls, ["start b", "start a", "stop b", "stop a"]);
});

test("starts and stops of one part never overlap, whoever asks for them", async () => {
  const { clock, supervisor, calls, add, state } = world();
  let finish = () => {};
  add("slow", { start: () => (calls.length === 1 ? Promise.resolve() : new Promise((resolve) => (finish = resolve))) });
  await supervisor.startAll();
  supervisor.crash("slow", new Error("a bug"));
  await clock.advanceSettled(RESTART_PAUSE_MS);
  const on = supervisor.setOn("slow", true);
  const off = supervisor.setOn("slow", false);
  await settled();
  assert.deepEqual(calls, ["start slow", "stop slow", "start slow"]);
  finish();
  await Promise.all([on, off]);
  assert.deepEqual(calls, ["start slow", "stop slow", "start slow", "stop slow"]);
  assert.equal(state("slow"), "off");
});

test("what crashes while all stops is not started again", async () => {
  const { clock, supervisor, calls, add } = world();
  add("a");
  await supervisor.startAll();
  supervisor.crash("a", new Error("a bug"));
  await supervisor.stopAll();
  supervisor.crash("a", new Error("another"));
  await clock.advanceSettled(RESTART_WINDOW_MS);
  assert.deepEqual(calls, ["start a", "stop a"]);
});
