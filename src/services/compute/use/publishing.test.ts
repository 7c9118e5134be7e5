/** Ports that are taken back are told to their host, whatever happened in between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { openStore } from "../../../platform/store.ts";
import { createPublishing } from "./publishing.ts";

const slice = { id: "s", isGone: false } as never;
const sliver = { id: "abcdefgh1", slice: "s", index: 0, host: "far", wanted: "running", state: "running" } as never;
const one = { slice: "s", number: 0, port: 80, title: "x", type: "_http._tcp" };
const never = new AbortController().signal;

test("taken back while the host is away, and the box starts again: the host hears of it when it is back", async () => {
  const clock = virtualClock();
  const store = openStore(":memory:");
  const log = createLog({ clock, level: "error", write: (line) => assert.fail(line) });
  const heard: number[][] = [];
  let isAway = false;
  const hosts = {
    async ask(_box: string, _path: string, _shape: unknown, { ports }: { ports: { port: number }[] }) {
      if (isAway) throw new Error("away");
      heard.push(ports.map(({ port }) => port));
      return { known: true, ports: ports.map(({ port }) => ({ port, hostPort: 20_000 })) };
    },
  };
  const open = () => createPublishing({ clock, log, store, hosts: hosts as never });
  const before = open();
  before.put(one);
  await before.keep(slice, [sliver], never);
  assert.deepEqual(heard, [[80]]);
  isAway = true;
  assert.equal(before.drop(one), true);
  assert.deepEqual(before.of("s"), []);
  await assert.rejects(before.tell(sliver, never));
  const after = open();
  await after.keep(slice, [sliver], never);
  isAway = false;
  await after.keep(slice, [sliver], never);
  assert.deepEqual(heard, [[80], []]);
  // Once: then it is forgotten here, too.
  await after.keep(slice, [sliver], never);
  assert.equal(heard.length, 2);
  // Published anew, it is as any other.
  after.put(one);
  await after.tell(sliver, never);
  assert.deepEqual(heard.at(-1), [80]);
  assert.deepEqual(after.of("s"), [one]);
});

test("where the sliver is gone, nobody is asked about what was taken back", async () => {
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: (line) => assert.fail(line) });
  const asked: unknown[] = [];
  const hosts = { ask: async (...all: unknown[]) => (asked.push(all), { known: true, ports: [] }) };
  const publishing = createPublishing({ clock, log, store: openStore(":memory:"), hosts: hosts as never });
  publishing.put(one);
  publishing.drop(one);
  await publishing.keep(slice, [], never);
  await publishing.keep(slice, [sliver], never);
  assert.deepEqual(asked, []);
});
