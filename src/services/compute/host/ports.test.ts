/** Published ports on their host, with an engine that only remembers devices: who may, how many, where, and when. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { createLog } from "../../../kernel/log.ts";
import type { Devices } from "../../../platform/engine/instances.ts";
import { publishInput } from "../../discovery/contract.ts";
import { openStore } from "../../../platform/store.ts";
import type { Store } from "../../../platform/store.ts";
import {
  HOST_PORTS_MAX,
  HOST_PORT_FIRST,
  HOST_PORT_RANGE,
  HOST_PORT_TRIES_MAX,
  PORTS_AGAIN_MS,
  PORTS_LOOK_MS,
  PORT_SILENCES_MAX,
  SLIVER_PORTS_MAX,
} from "../constants.ts";
import { encodeMessage } from "../messages.ts";
import { PORTS_PATH, portsAnswer } from "../messages-ports.ts";
import type { PortsAnswer } from "../messages-ports.ts";
import { createPublishing } from "../use/publishing.ts";
import { Ports } from "./ports.ts";

const SELF = "self";
const FAR = "far";
const log = createLog({ clock: virtualClock(), level: "error", write: () => {} });

interface World {
  ports: Ports;
  devices: Map<string, Devices>;
  offers: Map<string, number>;
  states: Map<string, string>;
  borrowers: Map<string, string>;
  facts: {
    allowed: number;
    updates: number;
    questions: number;
    fails: boolean;
    hasPorts: boolean | undefined;
    isFull: boolean;
    named: string[];
  };
  busy: Set<number>;
  /** Ports of the host behind which nobody listens. */
  silent: Set<number>;
  clock: ReturnType<typeof virtualClock>;
  tell(sliver: string, wanted: readonly number[], peer?: string): Promise<PortsAnswer>;
}

function world(store: Store = openStore(":memory:")): World {
  const devices = new Map<string, Devices>();
  const offers = new Map<string, number>();
  const states = new Map<string, string>();
  const borrowers = new Map<string, string>();
  const facts: World["facts"] = {
    allowed: 2,
    updates: 0,
    questions: 0,
    fails: false,
    hasPorts: undefined,
    isFull: false,
    named: [],
  };
  const busy = new Set<number>();
  const silent = new Set<number>();
  const clock = virtualClock();
  const entry = (sliver: string) => ({ sliver, borrower: { box: borrowers.get(sliver) } });
  const ports = new Ports({
    ...{ clock, log, store, selfId: SELF, changed: () => {}, allowed: () => facts.allowed },
    books: {
      get: (sliver: string) => (borrowers.has(sliver) ? entry(sliver) : undefined),
      all: () => [...borrowers.keys()].map(entry),
    } as never,
    reconciler: () =>
      ({
        isReady: true,
        instanceOf: (sliver: string) =>
          states.has(sliver) && { name: sliver, state: states.get(sliver), hasPorts: facts.hasPorts },
      }) as never,
    instances: () =>
      ({
        async get(name: string) {
          facts.questions += 1;
          return { devices: devices.get(name) ?? {} };
        },
        async update(name: string, change: { devices: Devices }) {
          if (facts.fails) throw new Error("the engine is away");
          facts.updates += 1;
          facts.named = Object.keys(change.devices);
          // As the engine does: what is not named stays.
          devices.set(name, { ...devices.get(name), ...change.devices });
        },
      }) as never,
    discovery: {
      offer(key, input) {
        if (facts.isFull) throw new Error("no room for more records");
        offers.set(key, publishInput.parse(input).port);
      },
      unoffer: (key) => void offers.delete(key),
    },
    isFree: async (port) => !busy.has(port),
    isListened: async (port) => !silent.has(port),
  });
  const tell: World["tell"] = async (sliver, wanted, peer = FAR) => {
    const body = { sliver, ports: wanted.map((port) => ({ port, title: `port ${port}`, type: "_http._tcp" })) };
    const answer = portsAnswer.parse(await ports.answers[PORTS_PATH]!(peer, encodeMessage(body)));
    await applied(ports);
    return answer;
  };
  return { ports, devices, offers, states, borrowers, facts, busy, silent, clock, tell };
}

/** And looked at once. */
async function applied(ports: Ports): Promise<void> {
  await ports.apply();
  await ports.look();
}

const open = (devices: Devices | undefined) =>
  Object.values(devices ?? {}).flatMap((one) => (one["type"] === "proxy" ? [one["listen"]!] : []));
const listen = (port: number) => `tcp:0.0.0.0:${port}`;

test("only the sliver's own borrower, only what the host allows, and all of what it says of itself", async () => {
  const { tell, borrowers, states, devices, offers, facts } = world();
  borrowers.set("abcdefgh1", FAR);
  states.set("abcdefgh1", "running");
  assert.deepEqual(await tell("abcdefgh1", [80], "other"), { known: false, ports: [] });
  facts.allowed = 0;
  const refused = await tell("abcdefgh1", [80]);
  assert.deepEqual(refused.ports, [{ port: 80, hostPort: null, why: "ports-not-lent" }]);
  facts.allowed = 1;
  const { ports } = await tell("abcdefgh1", [80, 81]);
  assert.deepEqual(ports, [
    { port: 80, hostPort: HOST_PORT_FIRST },
    { port: 81, hostPort: null, why: "ports-too-many" },
  ]);
  assert.deepEqual(open(devices.get("abcdefgh1")), [listen(HOST_PORT_FIRST)]);
  assert.deepEqual([...offers], [["sliver-abcdefgh1-80", HOST_PORT_FIRST]]);
  // Of its own members' slivers a box needs no leave.
  borrowers.set("abcdefgh2", SELF);
  facts.allowed = 0;
  assert.equal((await tell("abcdefgh2", [80], SELF)).ports[0]!.why, undefined);
});

test("a sliver that never published costs the engine no question; one that did is closed for certain", async () => {
  const { ports, tell, borrowers, states, devices, facts } = world();
  borrowers.set("abcdefgh1", FAR);
  states.set("abcdefgh1", "running");
  facts.hasPorts = false;
  await applied(ports);
  assert.equal(facts.questions, 0);
  await tell("abcdefgh1", [80]);
  assert.equal(open(devices.get("abcdefgh1")).length, 1);
  await tell("abcdefgh1", []);
  assert.equal(open(devices.get("abcdefgh1")).length, 0);
});

test("what is told again changes nothing; what is told no more is closed; names may change", async () => {
  const { tell, borrowers, states, devices, offers, facts } = world();
  borrowers.set("abcdefgh1", FAR);
  states.set("abcdefgh1", "running");
  await tell("abcdefgh1", [80, 81]);
  await tell("abcdefgh1", [80, 81]);
  assert.equal(facts.updates, 1);
  await tell("abcdefgh1", [81]);
  assert.deepEqual(open(devices.get("abcdefgh1")), [listen(HOST_PORT_FIRST + 1)]);
  assert.deepEqual([...offers.keys()], ["sliver-abcdefgh1-81"]);
  // The place of the one that went is used again: a change of devices cannot take one away.
  await tell("abcdefgh1", [81, 82]);
  assert.deepEqual(Object.keys(devices.get("abcdefgh1")!).toSorted(), ["published-0", "published-1"]);
});

test("announced while it runs; what the engine could not do is tried again; a gone sliver leaves nothing", async () => {
  const { ports, tell, borrowers, states, offers, facts, devices } = world();
  borrowers.set("abcdefgh1", FAR);
  await tell("abcdefgh1", [80]);
  assert.equal(offers.size, 0);
  states.set("abcdefgh1", "running");
  facts.fails = true;
  await applied(ports);
  assert.deepEqual([offers.size, devices.size], [0, 0]);
  facts.fails = false;
  await applied(ports);
  assert.equal(offers.size, 1);
  states.set("abcdefgh1", "stopped");
  await applied(ports);
  assert.equal(offers.size, 0);
  states.set("abcdefgh1", "running");
  facts.allowed = 0;
  await applied(ports);
  assert.deepEqual([offers.size, open(devices.get("abcdefgh1"))], [0, []]);
  facts.allowed = 2;
  await applied(ports);
  assert.equal(offers.size, 1);
  borrowers.delete("abcdefgh1");
  states.delete("abcdefgh1");
  await applied(ports);
  assert.equal(offers.size, 0);
  await ports.stop();
});

test("announced only while somebody listens behind it; a single silence is no end", async () => {
  const { ports, tell, borrowers, states, offers, silent, clock } = world();
  borrowers.set("abcdefgh1", FAR);
  states.set("abcdefgh1", "running");
  silent.add(HOST_PORT_FIRST);
  const { ports: told } = await tell("abcdefgh1", [80]);
  assert.deepEqual([told[0]!.hostPort, offers.size], [HOST_PORT_FIRST, 0]);
  ports.start();
  const later = async () => {
    clock.advance(PORTS_LOOK_MS);
    await ports.look();
  };
  silent.clear();
  await later();
  assert.equal(offers.size, 1);
  silent.add(HOST_PORT_FIRST);
  for (let silences = 1; silences < PORT_SILENCES_MAX; silences += 1) await later();
  assert.equal(offers.size, 1);
  await later();
  assert.equal(offers.size, 0);
  silent.clear();
  await later();
  assert.equal(offers.size, 1);
  // After a stop it has to be found again.
  states.set("abcdefgh1", "stopped");
  await applied(ports);
  silent.add(HOST_PORT_FIRST);
  states.set("abcdefgh1", "running");
  await applied(ports);
  assert.equal(offers.size, 0);
  await ports.stop();
});

test("what cannot be announced harms nobody: a title that is none, and records that are full", async () => {
  const store = openStore(":memory:");
  const { ports, tell, borrowers, states, offers, facts } = world(store);
  for (const sliver of ["abcdefgh1", "abcdefgh2"]) {
    borrowers.set(sliver, FAR);
    states.set(sliver, "running");
  }
  const body = { sliver: "abcdefgh1", ports: [{ port: 80, title: "a\u0007bell", type: "_http._tcp" }] };
  await assert.rejects(async () => ports.answers[PORTS_PATH]!(FAR, encodeMessage(body)), { name: "ZodError" });
  facts.isFull = true;
  await tell("abcdefgh1", [80]);
  assert.equal(offers.size, 0);
  facts.isFull = false;
  await tell("abcdefgh2", [80]);
  assert.equal(offers.size, 2);
  // What an earlier version has taken.
  store.exec(`UPDATE compute_ports SET said = '{"title":" ","type":"_http._tcp"}' WHERE sliver = 'abcdefgh1'`);
  const after = world(store);
  for (const [sliver, box] of borrowers) {
    after.borrowers.set(sliver, box);
    after.states.set(sliver, "running");
  }
  await applied(after.ports);
  assert.deepEqual([...after.offers.keys()], ["sliver-abcdefgh2-80"]);
});

test("only what changes is given to the engine: somebody else may change another device meanwhile", async () => {
  const { tell, borrowers, states, devices, facts } = world();
  borrowers.set("abcdefgh1", FAR);
  states.set("abcdefgh1", "running");
  devices.set("abcdefgh1", { comu0: { type: "nic" }, root: { type: "disk" } });
  await tell("abcdefgh1", [80]);
  assert.deepEqual(facts.named, ["published-0"]);
});

test("written down: after a restart the same ports, and devices that nobody knows are closed", async () => {
  const store = openStore(":memory:");
  const before = world(store);
  before.borrowers.set("abcdefgh1", FAR);
  before.states.set("abcdefgh1", "running");
  await before.tell("abcdefgh1", [80]);
  const after = world(store);
  after.borrowers.set("abcdefgh1", FAR);
  after.states.set("abcdefgh1", "running");
  const stale = { type: "proxy", listen: listen(25_000) };
  after.devices.set("abcdefgh1", { ...before.devices.get("abcdefgh1"), "published-5": stale, root: { type: "disk" } });
  await applied(after.ports);
  assert.deepEqual(open(after.devices.get("abcdefgh1")), [listen(HOST_PORT_FIRST)]);
  assert.deepEqual([...after.offers.values()], [HOST_PORT_FIRST]);
});

test("a port that others have is passed over, also when they took it while the sliver was stopped", async () => {
  const { ports, tell, borrowers, states, devices, busy } = world();
  busy.add(HOST_PORT_FIRST);
  borrowers.set("abcdefgh1", FAR);
  states.set("abcdefgh1", "stopped");
  assert.equal((await tell("abcdefgh1", [80])).ports[0]!.hostPort, HOST_PORT_FIRST + 1);
  busy.add(HOST_PORT_FIRST + 1);
  await applied(ports);
  assert.deepEqual(open(devices.get("abcdefgh1")), [listen(HOST_PORT_FIRST + 2)]);
  // It is its own listening that makes it busy.
  states.set("abcdefgh1", "running");
  busy.add(HOST_PORT_FIRST + 2);
  await applied(ports);
  assert.deepEqual(open(devices.get("abcdefgh1")), [listen(HOST_PORT_FIRST + 2)]);
});

test("limits: of a sliver, of a host, and of the looking for a port", async () => {
  assert.ok(HOST_PORT_TRIES_MAX <= HOST_PORT_RANGE && HOST_PORT_FIRST + HOST_PORT_RANGE < 32_768);
  const { tell, borrowers, facts, busy } = world();
  facts.allowed = SLIVER_PORTS_MAX;
  const all = Array.from({ length: SLIVER_PORTS_MAX }, (_, at) => 100 + at);
  let given = 0;
  for (let at = 0; at * SLIVER_PORTS_MAX <= HOST_PORTS_MAX; at += 1) {
    borrowers.set(`abcdefgh${at}`, FAR);
    const { ports } = await tell(`abcdefgh${at}`, all);
    given += ports.filter(({ hostPort }) => hostPort !== null).length;
    if (given === HOST_PORTS_MAX && at * SLIVER_PORTS_MAX === HOST_PORTS_MAX) {
      assert.ok(ports.every(({ why }) => why === "ports-used-up"));
    }
  }
  assert.equal(given, HOST_PORTS_MAX);
  await assert.rejects(tell("abcdefgh0", [...all, 99]));
  const other = world();
  other.borrowers.set("abcdefgh1", FAR);
  for (let at = 0; at < HOST_PORT_TRIES_MAX; at += 1) other.busy.add(HOST_PORT_FIRST + at);
  assert.equal((await other.tell("abcdefgh1", [80])).ports[0]!.why, "ports-used-up");
  other.busy.delete(HOST_PORT_FIRST + HOST_PORT_TRIES_MAX - 1);
  assert.equal((await other.tell("abcdefgh1", [80])).ports[0]!.hostPort, HOST_PORT_FIRST + HOST_PORT_TRIES_MAX - 1);
  assert.equal(busy.size, 0);
});

test("a home box tells when something is new, and now and then; of what is not published it says nothing", async () => {
  const clock = virtualClock();
  const asked: unknown[] = [];
  const hosts = {
    async ask(_box: string, _path: string, _shape: unknown, question: { ports: { port: number }[] }) {
      asked.push(question);
      return { known: true, ports: question.ports.map(({ port }) => ({ port, hostPort: 20_000 })) };
    },
  };
  const publishing = createPublishing({ clock, log, store: openStore(":memory:"), hosts: hosts as never });
  const sliver = { id: "abcdefgh1", slice: "s", index: 0, host: FAR, wanted: "running", state: "running" } as never;
  const slice = { id: "s", isGone: false } as never;
  const keep = (gone = false) =>
    publishing.keep(
      gone ? ({ id: "s", isGone: true } as never) : slice,
      gone ? [] : [sliver],
      new AbortController().signal,
    );
  await keep();
  assert.equal(asked.length, 0);
  const one = { slice: "s", number: 0, port: 80, title: "x", type: "_http._tcp" };
  publishing.put(one);
  await keep();
  await keep();
  assert.equal(asked.length, 1);
  assert.equal(publishing.placeOf("abcdefgh1", 80)?.hostPort, 20_000);
  clock.advance(PORTS_AGAIN_MS);
  await keep();
  assert.equal(asked.length, 2);
  // Who publishes asks now, whatever was said before.
  await publishing.tell(sliver, new AbortController().signal);
  assert.equal(asked.length, 3);
  assert.equal(publishing.drop(one), true);
  assert.equal(publishing.drop(one), false);
  await keep();
  await keep();
  assert.equal(asked.length, 4);
  publishing.put(one);
  await keep(true);
  assert.deepEqual(publishing.of("s"), []);
});
