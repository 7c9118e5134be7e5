/** What the host says to the engine about one instance, and in which order; real engines are tried elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SliverSpec } from "../../../protocols/compute/lending.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
import { fail } from "../../../platform/engine/errors.ts";
import type { Config, Devices } from "../../../platform/engine/instances.ts";
import { containerEngine } from "./container-engine.ts";

const SPEC: SliverSpec = {
  ...{ kind: "container", image: "0".repeat(64), reach: "slice", cores: 2, egressBytesPerS: 0 },
  ...{ memoryBytes: 2 ** 28, diskBytes: 2 ** 30 },
};
const MARK = { sliver: "abcdefgh", booking: "{}" };
const CABLE: Config = { type: "nic", nictype: "routed" };
const proxy = (port: number): Config => ({ type: "proxy", listen: `tcp:0.0.0.0:${port}` });

function host(devices: Devices, snapshot: Devices = {}) {
  const calls: string[] = [];
  const facts = { devices, config: {} as Config, isRunning: true, nic: CABLE as Config | undefined };
  const instances = {
    get: async () => ({ devices: facts.devices }),
    async update(_name: string, change: { devices: Devices; config?: Config }) {
      calls.push(`update ${Object.keys(change.devices).toSorted().join(" ")}`);
      // As the engine does: what is not named stays.
      facts.devices = { ...facts.devices, ...change.devices };
      facts.config = { ...facts.config, ...change.config };
    },
    async start() {
      calls.push("start");
    },
    async stop() {
      calls.push("stop");
      if (!facts.isRunning) throw fail("instance-state", { params: { said: "already stopped" } });
    },
    async restore(_name: string, which: string) {
      calls.push(`restore ${which}`);
      if (which === "broken") throw fail("engine-failed", { params: { said: "broken" } });
      facts.devices = snapshot;
      facts.config = { "limits.memory": "1TiB" };
    },
  };
  const engine = { inProject: () => ({ instances }) } as unknown as Engine;
  const nicOf = async () => facts.nic;
  const made = containerEngine({
    ...{ engine, project: "p", images: {} as never, unpackedBytesMax: () => 0 },
    nics: { deviceOf: nicOf, nicOf, attached: async () => {} },
  });
  return { made, calls, facts };
}

const signal = new AbortController().signal;
const named = (devices: Devices) =>
  Object.fromEntries(Object.entries(devices).flatMap(([name, one]) => (one["type"] === "none" ? [] : [[name, one]])));

test("a snapshot brings back the disk, and no device or limit of its day", async () => {
  const now = { root: { type: "disk", size: "1GiB" }, comu0: CABLE, "published-0": proxy(20_001) };
  const then = { root: { type: "disk", size: "9GiB" }, "published-0": proxy(20_000), "published-1": proxy(20_009) };
  const { made, calls, facts } = host(now, then);
  await made.restore("sliver-abcdefgh", "monday", MARK, SPEC);
  assert.deepEqual(calls.slice(0, 2), ["stop", "restore monday"]);
  assert.ok(!calls.includes("start"));
  assert.deepEqual(named(facts.devices), now);
  assert.equal(facts.config["limits.memory"], `${SPEC.memoryBytes}B`);
  assert.equal(facts.config["user.comu.sliver"], "abcdefgh");
});

test("one that is stopped already goes back as well; what the engine could not do is told", async () => {
  const { made, calls, facts } = host({});
  facts.isRunning = false;
  await made.restore("sliver-abcdefgh", "monday", MARK, SPEC);
  assert.deepEqual(calls.slice(0, 2), ["stop", "restore monday"]);
  await assert.rejects(made.restore("sliver-abcdefgh", "broken", MARK, SPEC), { code: "engine-failed" });
});

test("starting and limiting name the one device that they change: another may change meanwhile", async () => {
  const { made, calls, facts } = host({ root: { type: "disk" }, comu0: { type: "none" }, "published-0": proxy(1) });
  await made.start("sliver-abcdefgh", signal);
  await made.limit("sliver-abcdefgh", MARK, SPEC, signal);
  assert.deepEqual(calls, ["update comu0", "start", "update root"]);
  assert.deepEqual(facts.devices["comu0"], CABLE);
  // Of what no network stands for, the cable is taken away.
  facts.nic = undefined;
  await made.start("sliver-abcdefgh", signal);
  assert.deepEqual(facts.devices["comu0"], { type: "none" });
});
