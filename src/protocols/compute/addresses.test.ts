/** Addresses follow from ids, differ where they must, and are written as the system writes them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { SocketAddress, isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { ipv6, sliverAddress, sliverAddress4, sliverDevice, tunnelDevice } from "./addresses.ts";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const place = { home: "box1", slice: "slice1", sliver: "sliver1" };
const networkOf = (address: string) => address.split(":").slice(0, 4).join(":");

test("the same ids give the same address, on every box and in every version", () => {
  assert.equal(sliverAddress(sha256, place), sliverAddress(sha256, { ...place }));
  assert.equal(sliverAddress(sha256, place), "fda0:bd0a:cd9:14c0:4be3:2229:d7dc:7b7f");
  assert.equal(sliverAddress4(sha256, "sliver1"), "100.126.168.90");
  assert.equal(sliverDevice(sha256, "sliver1"), "cs8247e04ab495");
  assert.equal(tunnelDevice(sha256, "box1"), "cw234137f57092");
});

test("slivers of a slice share a network, and no other slice does", () => {
  const network = networkOf(sliverAddress(sha256, place));
  assert.equal(networkOf(sliverAddress(sha256, { ...place, sliver: "sliver2" })), network);
  assert.notEqual(networkOf(sliverAddress(sha256, { ...place, slice: "slice2" })), network);
  assert.notEqual(networkOf(sliverAddress(sha256, { ...place, home: "box2" })), network);
  // Where one id ends and the next begins counts.
  assert.notEqual(networkOf(sliverAddress(sha256, { ...place, home: "box", slice: "1slice1" })), network);
});

test("all are in their ranges, and names are short enough for the system", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (sliver) => {
      const address = sliverAddress(sha256, { ...place, sliver });
      assert.equal(isIP(address), 6);
      assert.match(address, /^fd/);
      const [first, second] = sliverAddress4(sha256, sliver).split(".").map(Number);
      assert.ok(first === 100 && second! >= 64 && second! < 128);
      assert.ok(sliverDevice(sha256, sliver).length <= 15);
      assert.ok(tunnelDevice(sha256, sliver).length <= 15);
    }),
  );
});

test("zeros are left out as RFC 5952 says", () => {
  const few = fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(few, (bytes) => {
      const text = ipv6(Uint8Array.from(bytes));
      // The system's own form, but for addresses that hold an IPv4 address, which it writes with dots.
      if (bytes.slice(0, 10).every((one) => one === 0)) return;
      assert.equal(new SocketAddress({ address: text, family: "ipv6" }).address, text);
    }),
  );
});
