/** Order and recognition of local addresses. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import {
  attachedNetworks,
  hostPort,
  isForeignHost,
  isLocal,
  isSpecial,
  isWithin,
  localAddresses,
  plainAddress,
} from "./addresses.ts";

function info(address: string, internal = false) {
  const family = address.includes(":") ? ("IPv6" as const) : ("IPv4" as const);
  return { address, family, internal, netmask: "", mac: "", cidr: null, scopeid: 0 } as never;
}

test("addresses come best first, without loopback and container bridges", () => {
  const interfaces = {
    lo: [info("127.0.0.1", true), info("::1", true)],
    docker0: [info("172.17.0.1")],
    wlan0: [info("fe80::1"), info("169.254.3.4"), info("192.168.1.5"), info("100.64.0.9")],
    eth0: [info("2001:db8::1"), info("fd00::1"), info("203.0.113.7"), info("10.139.0.4")],
  };
  assert.deepEqual(
    localAddresses(interfaces).map((one) => one.address),
    ["10.139.0.4", "192.168.1.5", "203.0.113.7", "2001:db8::1", "fd00::1", "100.64.0.9", "169.254.3.4", "fe80::1"],
  );
  assert.ok(isLocal("fe80::1%wlan0", interfaces) && isLocal("172.17.0.1", interfaces));
  assert.ok(!isLocal("10.139.0.5", interfaces));
});

test("the real machine: every address found is one of its own", () => {
  for (const { address, device } of localAddresses()) {
    assert.ok(isLocal(address));
    assert.ok(networkInterfaces()[device]!.some((one) => one.address === address));
  }
  assert.ok(isLocal("127.0.0.1") && isLocal("::1") && isLocal("::ffff:127.0.0.1"));
  assert.ok(!isLocal("192.0.2.1"));
});

test("plain and combined forms", () => {
  assert.equal(plainAddress("::ffff:10.1.2.3"), "10.1.2.3");
  assert.equal(plainAddress("fd00::1"), "fd00::1");
  assert.equal(hostPort("10.1.2.3", 7), "10.1.2.3:7");
  assert.equal(hostPort("fe80::1%eth0", 7), "[fe80::1%eth0]:7");
});

test("a host for others: not this machine under any of its names, nor in an odd spelling", () => {
  const refused = ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1", "0.0.0.0", "0x7f.1", "2130706433"];
  for (const host of [...refused, "::1", "::", "::ffff:127.0.0.1", "1.2.3", "a b"])
    assert.ok(!isForeignHost(host), host);
  for (const host of ["10.1.2.3", "fd00::7", "radio.local", "box-3.barri.cat"]) assert.ok(isForeignHost(host), host);
});

test("addresses that nobody offers a service at; networks that this machine is attached to", () => {
  for (const special of [
    "0.0.0.0",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "fe80::1%eth0",
    "ff02::1",
    "::",
    "x",
  ])
    assert.ok(isSpecial(special), special);
  for (const usual of ["10.1.2.3", "127.0.0.1", "100.64.0.1", "fd00::1", "::1", "::ffff:10.1.2.3"])
    assert.ok(!isSpecial(usual), usual);
  assert.ok(isWithin("10.1.2.77", "10.1.2.3/24") && !isWithin("10.1.3.77", "10.1.2.3/24"));
  assert.ok(
    isWithin("fd00::9%eth0", "fd00::1/64") && !isWithin("10.1.2.3", "fd00::1/64") && !isWithin("x", "10.0.0.0/8"),
  );
  const net = (cidr: string, internal = false) => ({ cidr, internal }) as never;
  const interfaces = { lo: [net("127.0.0.1/8", true)], a: [net("10.1.2.3/24")], b: [net("10.1.0.1/16")] };
  assert.deepEqual(attachedNetworks("10.1.2.9", interfaces), ["10.1.2.3/24", "10.1.0.1/16"]);
  assert.deepEqual(attachedNetworks("127.0.0.9", interfaces), []);
});
