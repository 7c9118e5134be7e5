/** Real datagrams on loopback, both families, and everything that cannot be sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { isFailure } from "../kernel/errors.ts";
import { createLog } from "../kernel/log.ts";
import { UDP_PACKET_BYTES_MAX } from "./constants.ts";
import type { UdpAddress } from "./udp.ts";
import { openUdp } from "./udp.ts";

const log = createLog({ clock: systemClock(), level: "error", write: (line) => console.error(line) });

function inbox() {
  const waiting: ((packet: [string, UdpAddress]) => void)[] = [];
  const onPacket = (bytes: Uint8Array, from: UdpAddress) => waiting.shift()?.([Buffer.from(bytes).toString(), from]);
  return { onPacket, next: () => new Promise<[string, UdpAddress]>((resolve) => waiting.push(resolve)) };
}

for (const [mine, theirs] of [
  ["127.0.0.1", "127.0.0.1"],
  ["::1", "::1"],
  ["::", "127.0.0.1"],
] as const) {
  test(`packets go both ways between ${mine} and ${theirs}, and are counted`, async () => {
    const [boxA, boxB] = [inbox(), inbox()];
    const a = await openUdp({ address: mine, port: 0, onPacket: boxA.onPacket, log });
    const b = await openUdp({ address: theirs, port: 0, onPacket: boxB.onPacket, log });
    const atB = boxB.next();
    a.send(Buffer.from("hello"), { address: theirs, port: b.local.port });
    const [text, from] = await atB;
    assert.deepEqual([text, from.port], ["hello", a.local.port]);
    const atA = boxA.next();
    b.send(Buffer.from("answer"), from);
    assert.deepEqual(await atA, ["answer", { address: theirs, port: b.local.port }]);
    assert.deepEqual(a.stats(), { packetsIn: 1, bytesIn: 6, packetsOut: 1, bytesOut: 5, errorsOut: 0 });
    await Promise.all([a.close(), b.close(), a.close()]);
  });
}

test("what cannot be sent is counted and nothing throws", async () => {
  const udp = await openUdp({ address: "127.0.0.1", port: 0, onPacket: () => {}, log });
  udp.send(new Uint8Array(UDP_PACKET_BYTES_MAX + 1), { address: "127.0.0.1", port: 9 });
  udp.send(new Uint8Array(1), { address: "example.org", port: 9 });
  udp.send(new Uint8Array(1), { address: "127.0.0.1", port: 0 });
  udp.send(new Uint8Array(1), { address: "::1", port: 9 });
  udp.send(new Uint8Array(1), { address: "255.255.255.255", port: 9 }); // the kernel refuses: not a broadcast socket
  for (const endMs = performance.now() + 30_000; udp.stats().errorsOut < 5 && performance.now() < endMs;)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([udp.stats().errorsOut, udp.stats().packetsOut], [5, 0]);
  await udp.close();
  udp.send(new Uint8Array(1), { address: "127.0.0.1", port: 9 });
  assert.equal(udp.stats().errorsOut, 6);
});

test("the largest packet passes", async () => {
  const box = inbox();
  const udp = await openUdp({ address: "127.0.0.1", port: 0, onPacket: box.onPacket, log });
  const arrived = box.next();
  udp.send(Buffer.alloc(UDP_PACKET_BYTES_MAX, "x"), udp.local);
  assert.equal((await arrived)[0].length, UDP_PACKET_BYTES_MAX);
  await udp.close();
});

test("a taken port and a foreign address are failures", async () => {
  const udp = await openUdp({ address: "127.0.0.1", port: 0, onPacket: () => {}, log });
  const again = { ...udp.local, onPacket: () => {}, log };
  await assert.rejects(openUdp(again), (error) => isFailure(error, "port-in-use"));
  await assert.rejects(openUdp({ ...again, address: "192.0.2.1" }), (error) => isFailure(error, "address-not-local"));
  await udp.close();
});
