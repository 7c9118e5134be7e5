/** The firewall of slivers: what it lets through, line by line. That it holds is tried on real boxes elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkPlan, PlannedSliver } from "../../../protocols/compute/network.ts";
import { EGRESS_BURST_BYTES_MIN, EGRESS_BYTES_PER_S_MAX } from "../constants.ts";
import { rulesOf } from "./network-rules.ts";

const around = {
  tunnel: "cw0",
  boxes: ["192.0.2.7", "2001:db8::7"],
  nameServers: ["192.168.1.1"],
  attached: ["198.51.100.9/24"],
};
const sliver = (more: Partial<PlannedSliver> = {}): PlannedSliver => ({
  ...{ sliver: "a", device: "cs0", address: "fd00::1", address4: undefined, reach: "slice", slice: 0 },
  egressBytesPerS: 50_000,
  ...more,
});
const planOf = (...slivers: PlannedSliver[]): NetworkPlan => ({
  ...{ slivers, peers: [] },
  slices: [{ addresses: ["fd00::1", "fd00::2"], names: [] }],
});
const chainOf = (rules: string, name: string) =>
  new RegExp(`chain ${name} \\{\\n([^}]*(?:\\{[^}]*\\}[^}]*)*?)\\n\\}`).exec(rules)![1]!;

test("a sliver speaks with its slice, from its own address, at its rate, and that is all", () => {
  const rules = rulesOf(planOf(sliver()), around);
  assert.deepEqual(chainOf(rules, "from0").split("\n"), [
    `limit rate over 50000 bytes/second burst ${EGRESS_BURST_BYTES_MIN} bytes drop`,
    'ip6 saddr fd00::1 ip6 daddr @slice0 oifname { "cw0", "cs0" } accept',
    "drop",
  ]);
  assert.doesNotMatch(rules, /masquerade|boxes|house|ip saddr/);
});

test("everything else of our interfaces is dropped, and nothing of others is looked at", () => {
  const rules = rulesOf(planOf(sliver()), around);
  for (const name of ["from0", "tunnel", "host", "elsewhere"]) assert.match(chainOf(rules, name), /\n?drop$/);
  for (const name of ["input", "forward"]) {
    const [hook, ...jumps] = chainOf(rules, name).split("\n");
    assert.match(hook!, /policy accept;$/);
    for (const jump of jumps) assert.match(jump, /^[io]ifname (?:vmap )?\{ [^}]*"cw0"/);
  }
});

test("the community is where boxes answer; the internet is what is nobody's house", () => {
  const community = rulesOf(planOf(sliver({ reach: "community", address4: "100.64.0.1" })), around);
  assert.match(chainOf(community, "from0"), /ip saddr 100\.64\.0\.1 ip daddr @boxes4 accept/);
  assert.doesNotMatch(chainOf(community, "from0"), /house|names/);
  const internet = rulesOf(planOf(sliver({ reach: "internet", address4: "100.64.0.1" })), around);
  assert.match(chainOf(internet, "from0"), /ip daddr @names4 udp dport 53 accept/);
  assert.match(internet, /set house4 \{[^}]*192\.168\.0\.0\/16[^}]*198\.51\.100\.9\/24/);
  assert.match(chainOf(internet, "leaving"), /ip saddr \{ 100\.64\.0\.1 \} oifname != \{ "cw0", "cs0" \} masquerade/);
});

test("a large rate may send a part of a second at once", () => {
  const rules = rulesOf(planOf(sliver({ egressBytesPerS: 100_000_000 })), around);
  assert.match(rules, /limit rate over 100000000 bytes\/second burst 25000000 bytes drop/);
});

test("what nftables does not take is not said to it: one such line would cost all slivers their network", () => {
  const boxes = [...around.boxes, "fe80::1%eth0"];
  const wide = rulesOf(planOf(sliver({ reach: "community", address4: "100.64.0.1" })), { ...around, boxes });
  assert.match(wide, /set boxes6 \{[^}]*2001:db8::7/);
  assert.doesNotMatch(wide, /fe80/);
  const fast = rulesOf(planOf(sliver({ egressBytesPerS: 2 ** 50 })), around);
  assert.match(fast, new RegExp(`limit rate over ${EGRESS_BYTES_PER_S_MAX} bytes/second burst 2500000000 bytes drop`));
});
