/** The plan of a host's network: who reaches whom, what comes through the tunnel, and whose word counts for what. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { sliverAddress } from "./addresses.ts";
import { EGRESS_FLOOR_BYTES_PER_S } from "./constants.ts";
import { planNetwork } from "./network.ts";
import type { HostedSliver, PlanNetworkInput } from "./network.ts";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const address = (home: string, slice: string, sliver: string) => sliverAddress(sha256, { home, slice, sliver });
const hosted = (sliver: string, more: Partial<HostedSliver> = {}): HostedSliver => ({
  ...{ sliver, home: "home", slice: "web", reach: "slice", egressBytesPerS: 0 },
  ...more,
});
const plan = (more: Partial<PlanNetworkInput> = {}) =>
  planNetwork({
    ...{ sha256, self: "here", slivers: [hosted("a")], told: [] },
    tunnelOf: (host) => (host === "bare" ? undefined : { key: `key of ${host}`, endpoint: `${host}:7` }),
    ...more,
  });
const told = (...members: [string, string][]) => ({
  ...{ home: "home", slice: "web" },
  members: members.map(([sliver, host]) => ({ sliver, host, name: `web-${sliver}` })),
});

test("a sliver alone has an address, nobody to speak with, and little to send", () => {
  const { slivers, slices, peers } = plan();
  assert.equal(slivers[0]!.address, address("home", "web", "a"));
  assert.equal(slivers[0]!.egressBytesPerS, EGRESS_FLOOR_BYTES_PER_S);
  assert.equal(slivers[0]!.address4, undefined);
  assert.deepEqual(slices, [{ addresses: [address("home", "web", "a")], names: [] }]);
  assert.deepEqual(peers, []);
});

test("what is told of the slice gives peers with exactly these addresses, and names", () => {
  const { slices, peers } = plan({ told: [told(["a", "here"], ["b", "there"], ["c", "there"], ["d", "bare"])] });
  const [a, b, c] = ["a", "b", "c"].map((one) => address("home", "web", one));
  assert.deepEqual(peers, [{ key: "key of there", endpoint: "there:7", addresses: [b, c] }]);
  assert.deepEqual(slices[0]!.addresses, [a, b, c]);
  assert.deepEqual(
    slices[0]!.names.map(({ name }) => name),
    ["web-a", "web-b", "web-c"],
  );
});

test("a slice without a sliver here is nothing to this host, whoever speaks of it", () => {
  assert.deepEqual(plan({ told: [{ ...told(["b", "there"]), home: "liar" }] }).peers, []);
  assert.deepEqual(plan({ slivers: [], told: [told(["b", "there"])] }), { slivers: [], slices: [], peers: [] });
});

test("a sliver that is said to be here and is not gets no address", () => {
  const { slices } = plan({ told: [told(["a", "here"], ["x", "here"])] });
  assert.deepEqual(slices[0]!.addresses, [address("home", "web", "a")]);
  assert.deepEqual(slices[0]!.names.length, 1);
});

test("what is said of an own sliver cannot move it elsewhere", () => {
  assert.deepEqual(plan({ told: [told(["a", "there"])] }).peers, []);
});

test("who may speak further has an address for it, and what it was granted", () => {
  const [wide] = plan({ slivers: [hosted("a", { reach: "internet", egressBytesPerS: 5_000_000 })] }).slivers;
  assert.match(wide!.address4!, /^100\./);
  assert.equal(wide!.egressBytesPerS, 5_000_000);
});

test("no address is in two slices, or at two peers, whatever home boxes tell", () => {
  const id = fc.constantFrom("a", "b", "c", "d");
  const box = fc.constantFrom("here", "there", "yonder", "bare");
  const slice = fc.constantFrom("web", "db");
  const member = fc.record({ sliver: id, host: box, name: id });
  const tellings = fc.uniqueArray(
    fc.record({
      ...{ home: box, slice },
      members: fc.array(member),
    }),
    { selector: (one) => `${one.home} ${one.slice}` },
  );
  const slivers = fc.uniqueArray(
    fc.record({ sliver: id, home: box, slice }).map(({ sliver, ...more }) => hosted(sliver, more)),
    { selector: ({ sliver }) => sliver },
  );
  fc.assert(
    fc.property(slivers, tellings, (own, all) => {
      const { slices, peers, slivers: planned } = plan({ slivers: own, told: all });
      for (const lists of [slices, peers]) {
        const addresses = lists.flatMap((one) => one.addresses);
        assert.equal(new Set(addresses).size, addresses.length);
      }
      assert.equal(planned.length, own.length);
      const local = new Set(planned.map((one) => one.address));
      for (const one of peers.flatMap((peer) => peer.addresses)) assert.ok(!local.has(one));
    }),
  );
});
