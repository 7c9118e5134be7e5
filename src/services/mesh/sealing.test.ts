/** Sealed packets and streams: round trip, wrong keys, tampering, and keys that change under way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../kernel/random.ts";
import { SEAL_OVERHEAD_BYTES } from "../../protocols/membership/constants.ts";
import { createSealing, KEYS_MAX } from "./sealing.ts";

const key = (n: number) => new Uint8Array(32).fill(n);
const sealing = (...keys: Uint8Array[]) => createSealing(() => keys, seededRandom(keys[0]?.[0] ?? 0));
const text = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString() : undefined);
const hello = Buffer.from("hello");

test("packets and streams of any length come back as they were", () => {
  const both = sealing(key(1));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (message) => {
      const [packet, stream] = [both.sealPacket(message), both.sealStream(message)];
      assert.equal(packet.length, message.length + SEAL_OVERHEAD_BYTES);
      assert.equal(stream.length, packet.length + 5);
      assert.equal(Buffer.from(stream).readUInt32BE(1), packet.length);
      assert.deepEqual(new Uint8Array(both.openPacket(packet)!), message);
      assert.deepEqual(new Uint8Array(both.openStream(stream)!), message);
    }),
  );
});

test("another key does not open it; the same message is never sealed the same", () => {
  assert.equal(sealing(key(2)).openPacket(sealing(key(1)).sealPacket(hello)), undefined);
  assert.equal(sealing(key(2)).openStream(sealing(key(1)).sealStream(hello)), undefined);
  assert.equal(sealing().openPacket(sealing(key(1)).sealPacket(hello)), undefined);
  const one = sealing(key(1));
  assert.notDeepEqual(one.sealPacket(hello), one.sealPacket(hello));
});

test("a changed bit anywhere, a cut, or garbage is not opened", () => {
  const one = sealing(key(1));
  const [packet, stream] = [one.sealPacket(hello), one.sealStream(hello)];
  for (let bit = 0; bit < packet.length * 8; bit += 1) {
    const changed = Uint8Array.from(packet);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(one.openPacket(changed), undefined, `bit ${bit} of the packet`);
  }
  // The header of a stream is sealed with it.
  for (let bit = 0; bit < stream.length * 8; bit += 1) {
    const changed = Uint8Array.from(stream);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(one.openStream(changed), undefined, `bit ${bit} of the stream`);
  }
  for (let length = 0; length < packet.length; length += 1)
    assert.equal(one.openPacket(packet.subarray(0, length)), undefined);
  for (let length = 0; length < stream.length; length += 1)
    assert.equal(one.openStream(stream.subarray(0, length)), undefined);
  assert.equal(one.openStream(packet), undefined);
  assert.equal(one.openPacket(stream), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => assert.equal(one.openPacket(garbage), undefined)),
  );
});

test("the first key seals, every key opens; KEYS_MAX are tried", () => {
  const [old, turning, turned] = [sealing(key(1)), sealing(key(1), key(2)), sealing(key(2), key(1))];
  for (const from of [old, turning, turned]) {
    for (const to of [turning, turned]) assert.equal(text(to.openPacket(from.sealPacket(hello))), "hello");
  }
  assert.equal(old.openPacket(turned.sealPacket(hello)), undefined);
  assert.equal(text(old.openStream(turning.sealStream(hello))), "hello");
  const others = Array.from({ length: KEYS_MAX }, (_none, n) => key(10 + n));
  assert.equal(text(sealing(...others.slice(1), key(1)).openPacket(old.sealPacket(hello))), "hello");
  assert.equal(sealing(...others, key(1)).openPacket(old.sealPacket(hello)), undefined);
});
