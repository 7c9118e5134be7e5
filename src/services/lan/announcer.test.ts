/**
 * Boxes of one community on one network, in virtual time, with the shipped mDNS over a virtual cable: each service is
 * announced by one of them, by the right one, and goes on being announced when that one leaves or falls silent.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../kernel/log.ts";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { Mdns, MdnsLink } from "../../platform/mdns.ts";
import { createMdnsLink } from "../../platform/mdns-link.ts";
import { readPacket } from "../../platform/mdns-wire.ts";
import type { ServiceView } from "../discovery/client.ts";
import type { BoxView, MeshClient } from "../mesh/client.ts";
import { LISTEN_FIRST_MS, LOOK_PAUSE_MS, createAnnouncer } from "./announcer.ts";
import { hostName, isHostName } from "./announcing.ts";
import type { AnnounceChoice } from "./contract.ts";

const [A, B, C] = ["a", "b", "c"].map((letter) => letter.repeat(52)) as [string, string, string];

interface World {
  clock: VirtualClock;
  community: ServiceView[];
  states: Map<string, BoxView["state"]>;
}

/** One cable; who is pulled out hears and says nothing. */
function lan(world: World = { clock: virtualClock(), community: [], states: new Map() }) {
  const { clock, community, states } = world;
  const stations = new Map<string, (bytes: Uint8Array, from: string) => void>();
  let seed = 1;

  const station = (id: string, name: string) => {
    const address = `10.0.0.${id.charCodeAt(0) - 96}`;
    const found: string[] = [];
    const core = createMdnsLink({
      clock,
      random: seededRandom(seed++),
      log: createLog({ clock, level: "error", write: () => {} }),
      port: 5353,
      hostName: name,
      about: { device: "eth0", addresses: [address] },
      isSpeaker: isHostName,
      send: async (bytes) => {
        const copy = Uint8Array.from(bytes);
        if (!stations.has(id)) return;
        for (const [other, hear] of stations) if (other !== id) clock.after(1, () => hear(copy, address));
      },
      onFound: (service) => found.push(service.name),
    });
    stations.set(id, (bytes, from) => stations.has(id) && core.hear(readPacket(bytes)!, { address: from, port: 5353 }));
    core.begin();
    clock.every(5000, () => core.sweep());
    return { core, address };
  };

  const linkOf = (id: string, device = "eth0") => {
    const { core, address } = station(id, hostName(id));
    const link: MdnsLink = { device, addresses: [address], services: core.services, announce: core.announce };
    return { core, link };
  };
  const box = (id: string, what: AnnounceChoice = "community", beside: MdnsLink[] = []) => {
    const { core, link } = linkOf(id);
    states.set(id, "up");
    let choice = what;
    const announcer = createAnnouncer({
      clock,
      mesh: meshOf(id, states) as MeshClient,
      discovery: { list: () => community.map((one) => ({ ...one, own: one.boxId === id })) } as never,
      mdns: { links: () => [link, ...beside] } as unknown as Mdns,
      hosts: { addressOf: () => undefined },
      choice: () => ({ what: choice, categories: [] }),
      onChange: () => {},
    });
    announcer.look();
    clock.every(5000, announcer.look);
    const told = () =>
      announcer
        .list()
        .filter((one) => one.state === "announced")
        .map((one) => one.service.id);
    const choose = (next: AnnounceChoice) => {
      choice = next;
      announcer.look();
    };
    return { told, choose, core, announcer, leave: () => core.leave(), unplug: () => void stations.delete(id) };
  };
  const phone = station("z".repeat(52), "phone.local").core;
  /** What an ordinary phone has found, by its name. */
  const seen = () =>
    phone
      .services()
      .map((one) => one.name)
      .sort();
  return { clock, community, states, box, linkOf, phone, seen };
}

function meshOf(selfId: string, states: ReadonlyMap<string, BoxView["state"]>): Partial<MeshClient> {
  const boxes = () =>
    [...states].map(([id, state]) => ({ id, state, name: id[0], zone: "", address: "10.9.0.1" }) as BoxView);
  return { selfId, boxes, box: (id) => boxes().find((one) => one.id === id) };
}

function radio(boxId: string, n = 0): ServiceView {
  const quality = { score: null } as ServiceView["quality"];
  return {
    id: `${boxId.slice(0, 16)}-key${n}`,
    title: `Radio ${n}`,
    description: "",
    type: "_http._tcp",
    category: "radio",
    scope: "community",
    open: false,
    box: boxId[0]!,
    boxId,
    zone: "",
    owner: "",
    own: false,
    state: "up",
    reason: null,
    host: `10.2.0.${boxId.charCodeAt(0)}`,
    port: 8000,
    path: "/",
    url: "",
    action: "open",
    since: "",
    version: "",
    quality,
  };
}
const idOf = (boxId: string, n = 0) => radio(boxId, n).id;
const SETTLE_MS = LISTEN_FIRST_MS + 5000;

test("two boxes start at once: each announces its own, and one of them the rest", () => {
  const { clock, community, box, seen } = lan();
  community.push(radio(A), radio(B), radio(C));
  const [a, b] = [box(A), box(B)];
  clock.advance(SETTLE_MS);
  assert.deepEqual([a.told(), b.told()], [[idOf(A), idOf(C)], [idOf(B)]]);
  assert.deepEqual(seen(), ["Radio 0 (a)", "Radio 0 (b)", "Radio 0 (c)"]);
  const [left] = b.announcer.list().filter((one) => one.state === "left");
  assert.deepEqual(left!.leftTo, { to: "box", boxId: A });
});

test("who was first goes on, until it takes leave: then the other does, and nobody misses it", async () => {
  const { clock, community, box, seen, phone } = lan();
  community.push(radio(C));
  const b = box(B);
  clock.advance(SETTLE_MS);
  const a = box(A);
  clock.advance(SETTLE_MS);
  assert.deepEqual([b.told(), a.told()], [[idOf(C)], []], "although A's id is smaller");
  b.choose("off");
  clock.advance(LOOK_PAUSE_MS + 5500);
  assert.deepEqual([b.told(), a.told()], [[], [idOf(C)]]);
  assert.deepEqual(seen(), ["Radio 0 (c)"]);
  assert.equal(phone.services()[0]!.speakers.length, 1);
});

test("a box that falls silent is replaced as soon as the community misses it, else when its word has ended", () => {
  for (const missed of [true, false]) {
    const { clock, community, box, states, seen } = lan();
    community.push(radio(C));
    const b = box(B);
    clock.advance(SETTLE_MS);
    const a = box(A);
    clock.advance(SETTLE_MS);
    b.unplug();
    if (missed) {
      states.set(B, "away");
      clock.advance(8000);
    } else {
      clock.advance(20_000);
      assert.deepEqual(a.told(), []);
      clock.advance(120_000);
    }
    assert.deepEqual(a.told(), [idOf(C)], `missed: ${missed}`);
    assert.deepEqual(seen(), ["Radio 0 (c)"]);
  }
});

test("the box that a service belongs to takes over its announcement, under the same name", () => {
  const { clock, community, box, seen, phone } = lan();
  community.push(radio(C));
  const a = box(A);
  clock.advance(SETTLE_MS);
  assert.deepEqual(a.told(), [idOf(C)]);
  const c = box(C, "own");
  clock.advance(SETTLE_MS);
  assert.deepEqual([a.told(), c.told()], [[], [idOf(C)]]);
  assert.deepEqual(seen(), ["Radio 0 (c)"], "one, and not (2)");
  assert.ok(phone.services()[0]!.speakers.includes(hostName(C)));
});

test("on two networks: left to another on the one where that is heard, announced on the other", () => {
  const world: World = { clock: virtualClock(), community: [radio(C)], states: new Map() };
  const [wire, air] = [lan(world), lan(world)];
  const b = wire.box(B);
  world.clock.advance(SETTLE_MS);
  const a = wire.box(A, "community", [air.linkOf(A, "wlan0").link]);
  world.clock.advance(SETTLE_MS);
  assert.deepEqual(b.told(), [idOf(C)]);
  assert.deepEqual(a.announcer.list()[0]!.devices, ["wlan0"]);
  assert.deepEqual([wire.seen(), air.seen()], [["Radio 0 (c)"], ["Radio 0 (c)"]]);
});

test("a service that goes grey or is withdrawn is gone from the network within seconds", () => {
  const { clock, community, box, seen } = lan();
  community.push(radio(A), radio(C));
  const a = box(A);
  clock.advance(SETTLE_MS);
  assert.equal(seen().length, 2);
  community[1] = { ...radio(C), state: "away" };
  a.announcer.look();
  clock.advance(LOOK_PAUSE_MS + 1200);
  assert.deepEqual(seen(), ["Radio 0 (a)"]);
  community.length = 0;
  a.announcer.look();
  clock.advance(LOOK_PAUSE_MS + 1200);
  assert.deepEqual(seen(), []);
});

test("a service that changes keeps its name where it can; one that is renamed gets a new one", () => {
  const { clock, community, box, phone, seen } = lan();
  community.push(radio(C));
  const a = box(A);
  clock.advance(SETTLE_MS);
  community[0] = { ...radio(C), port: 9000, path: "/new", host: "10.2.0.77" };
  a.announcer.look();
  clock.advance(LOOK_PAUSE_MS + 2000);
  const [now] = phone.services();
  assert.deepEqual([now!.port, now!.txt["path"], now!.addresses], [9000, "/new", ["10.2.0.77"]]);
  community[0] = { ...radio(C), title: "Chat" };
  a.announcer.look();
  clock.advance(LOOK_PAUSE_MS + 3000);
  assert.deepEqual(seen(), ["Chat (c)"]);
});

test("what announces itself is not announced again, nor by a second box that heard the first", () => {
  const { clock, community, box, phone, seen } = lan();
  phone.announce({ name: "Library", type: "_http._tcp", port: 80 });
  community.push({ ...radio(A), host: "10.0.0.26", port: 80 });
  const a = box(A);
  clock.advance(SETTLE_MS);
  assert.deepEqual(a.told(), []);
  assert.deepEqual(a.announcer.list()[0]!.leftTo, { to: "machine" });
  assert.deepEqual(seen(), []);
});

test("a stranger that says our service is its does not silence us", () => {
  const { clock, community, box, phone } = lan();
  community.push(radio(C));
  const [told] = [radio(C)];
  phone.announce({ name: "Radio 0 (c)", type: "_http._tcp", port: 8000, txt: { comu: told.id } });
  clock.advance(3000);
  const a = box(A);
  clock.advance(SETTLE_MS);
  assert.deepEqual(a.told(), [idOf(C)]);
  assert.equal(a.announcer.list()[0]!.name, "Radio 0 (c) (2)");
});
