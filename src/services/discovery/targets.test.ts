/** Where another box's record may lead this box: never to its own doors, nor to those of its house. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mayMeasureAt } from "./targets.ts";

const info = (address: string, bits: number, internal = false) =>
  ({ address, cidr: `${address}/${bits}`, internal, family: address.includes(":") ? "IPv6" : "IPv4" }) as never;
const interfaces = {
  lo: [info("127.0.0.1", 8, true), info("::1", 128, true)],
  eth0: [info("10.139.4.10", 27), info("fd00:4::10", 64)],
  wlan0: [info("192.168.1.10", 24)],
};
const SELF = "10.139.4.10";
const FAR = "10.139.9.9";
const may = (address: string, box: string | null = FAR, self: string | null = SELF) =>
  mayMeasureAt(address, { box, self }, interfaces);

test("a service at its box's own address, and on another machine elsewhere", () => {
  assert.ok(may(FAR));
  assert.ok(may("10.139.9.50"));
  assert.ok(may("203.0.113.7", null));
  assert.ok(may("2001:db8::7"));
});

test("never: link-local, multicast, broadcast, unspecified, clouds' metadata, what is no address", () => {
  for (const address of ["169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "224.0.0.251", "255.255.255.255"])
    assert.ok(!may(address, address, address), address);
  for (const address of ["0.0.0.0", "::", "ff02::fb", "fd00:ec2::254", "100.100.100.200", "radio.example", ""])
    assert.ok(!may(address, address, address), address);
});

test("this machine: only where boxes share it", () => {
  for (const own of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", SELF, "192.168.1.10"]) {
    assert.ok(!may(own), own);
    assert.ok(!may(own, own, "203.0.113.1"), `${own}: a box that claims it`);
  }
  assert.ok(may("127.0.0.1", "127.0.0.1", "127.0.0.1"), "several boxes on one machine");
});

test("the own house: only what is its box's own, or of a neighbour in the same network", () => {
  assert.ok(!may("192.168.1.1"), "the router at home, named by a box elsewhere");
  assert.ok(!may("192.168.1.1", null));
  assert.ok(!may("fd00:4::1", "fd00:5::1"));
  assert.ok(may("192.168.1.77", "192.168.1.77"));
  assert.ok(may("192.168.1.1", "192.168.1.77"), "a neighbour's other machine");
  assert.ok(may("10.139.4.12", "10.139.4.11"));
});
