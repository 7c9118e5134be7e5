/** Packets of strangers: read as the draft says, or refused; answers as clients expect them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PACKET_MAX_BYTES, PATH_MAX_BYTES } from "./constants.ts";
import { packetsOf } from "./packet-stream.ts";
import { attributesPacket, isHello, namePacket, readRequest, statusPacket, versionPacket } from "./packets.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const string = (bytes: Buffer) => Buffer.concat([length(bytes.length), bytes]);

function length(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

async function cut(...pieces: Buffer[]): Promise<string[]> {
  const found: string[] = [];
  const from = (async function* () {
    yield* pieces;
  })();
  for await (const packet of packetsOf(from)) found.push(packet.toString("hex"));
  return found;
}

test("requests are read", () => {
  assert.deepEqual(readRequest(hex("03 00000001 00000002 2f61 0000001a 00000005 0000000000000009 000001a4")), {
    id: 1,
    kind: "open",
    path: "/a",
    flags: 0x1a,
    attributes: { size: 9, mode: 0o644 },
  });
  assert.deepEqual(readRequest(hex("05 ffffffff 00000001 61 00000001 00000000 00008000")), {
    id: 2 ** 32 - 1,
    kind: "read",
    handle: "a",
    offset: 2 ** 32,
    length: 32_768,
  });
  const rename = Buffer.concat([hex("c8 00000007"), string(Buffer.from("posix-rename@openssh.com"))]);
  assert.deepEqual(readRequest(Buffer.concat([rename, string(Buffer.from("/a")), string(Buffer.from("/b"))])), {
    id: 7,
    kind: "posix-rename",
    path: "/a",
    to: "/b",
  });
  assert.equal(readRequest(hex("0300")), undefined);
  assert.equal(isHello(hex("01 00000003")), true);
  assert.equal(isHello(hex("01 00000006 00000000")), true);
  assert.equal(isHello(hex("01 00000002")), false);
});

test("what cannot be read is bad, and never more", () => {
  const tooLong = Buffer.concat([hex("11 00000001"), string(Buffer.alloc(PATH_MAX_BYTES + 1, "a"))]);
  assert.deepEqual(readRequest(tooLong), { id: 1, kind: "bad" });
  const most = Buffer.concat([hex("11 00000001"), string(Buffer.alloc(PATH_MAX_BYTES, "a"))]);
  assert.equal(readRequest(most)!.kind, "stat");
  // Not UTF-8: a name that nothing can have.
  assert.deepEqual(readRequest(hex("11 00000001 00000002 fffe")), { id: 1, kind: "stat", path: "\ud800" });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 5, maxLength: 100 }), (bytes) => {
      const request = readRequest(Buffer.from(bytes));
      assert.equal(request!.id, Buffer.from(bytes).readUInt32BE(1));
    }),
    { numRuns: 2000 },
  );
});

test("a stream is cut into packets wherever its pieces end", async () => {
  const whole = Buffer.concat([hex("00000002 0102"), hex("00000001 ff"), hex("00000003 aabbcc")]);
  const expected = ["0102", "ff", "aabbcc"];
  assert.deepEqual(await cut(whole), expected);
  assert.deepEqual(await cut(...[...whole].map((byte) => Buffer.from([byte]))), expected);
  assert.deepEqual(await cut(whole.subarray(0, 7), whole.subarray(7, 12), whole.subarray(12)), expected);
});

test("a length that cannot be ends the stream", async () => {
  assert.deepEqual(await cut(hex("00000001 ff"), hex("00000000"), hex("00000001 ff")), ["ff"]);
  assert.deepEqual(await cut(length(PACKET_MAX_BYTES + 1), Buffer.alloc(PACKET_MAX_BYTES + 1)), []);
  assert.equal((await cut(length(PACKET_MAX_BYTES), Buffer.alloc(PACKET_MAX_BYTES))).length, 1);
});

test("answers", () => {
  assert.equal(versionPacket().subarray(4, 9).toString("hex"), "0200000003");
  assert.match(
    versionPacket().toString("latin1"),
    /posix-rename@openssh\.com.*statvfs@openssh\.com.*fsync@openssh\.com/,
  );
  assert.equal(statusPacket(1, 0, "").toString("hex"), "00000013650000000100000000000000000000000265" + "6e");
  assert.equal(
    attributesPacket(2, { size: 5, mode: 0o100600, modifiedS: 7 }).toString("hex"),
    "0000001d69000000020000000d0000000000000005000081800000000700000007",
  );
  assert.equal(
    namePacket(3, [{ name: "a", longName: "b", attributes: {} }]).toString("hex"),
    "00000017680000000300000001000000016100000001620" + "0000000",
  );
});
