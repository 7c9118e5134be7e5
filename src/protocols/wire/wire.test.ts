/** Tests of the wire folder: UTF-8, CRC, LZW, MessagePack and addresses, against Node's own and against garbage. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import { seededRandom } from "../../kernel/random.ts";
import { addressFromBytes, addressToBytes } from "./address.ts";
import { crc32 } from "./crc32.ts";
import { WireError } from "./errors.ts";
import { lzwDecode, lzwEncode } from "./lzw.ts";
import { MSGPACK_DEPTH_MAX, MsgpackReader } from "./msgpack.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import { fromUtf8, utf8, utf8Length } from "./utf8.ts";

const fault = (name: string) => (error: unknown) => error instanceof WireError && error.fault === name;

test("UTF-8 agrees with Node, both ways", () => {
  for (const text of [
    "",
    "abc",
    "Comú",
    "l·l",
    "日本",
    "🐚🐚 x",
    "\ud800",
    "a\udc00b",
    "\u07ff\u0800\uffff\u{10ffff}",
  ]) {
    const bytes = utf8(text);
    assert.deepEqual(Buffer.from(bytes), Buffer.from(text));
    assert.equal(utf8Length(text), bytes.length);
    assert.equal(fromUtf8(bytes), Buffer.from(text).toString());
  }
});

test("UTF-8 that is not well formed is refused", () => {
  for (const hex of [
    "80",
    "c0af",
    "c1bf",
    "e08080",
    "eda080",
    "f08080af",
    "f4908080",
    "f5808080",
    "e282",
    "ff",
    "c3",
  ]) {
    assert.throws(() => fromUtf8(Buffer.from(hex, "hex")), fault("bad-utf8"), hex);
  }
});

test("CRC-32 agrees with zlib", () => {
  const random = seededRandom(1);
  for (let length = 0; length < 70; length++) {
    const bytes = random.bytes(length);
    assert.equal(crc32(bytes), zlibCrc32(bytes));
  }
  assert.equal(crc32(utf8("123456789")), 0xcbf43926);
});

test("LZW returns what went in, over full tables too", () => {
  const random = seededRandom(2);
  for (const length of [0, 1, 2, 3, 255, 256, 3836, 3837, 3838, 3839, 3840, 5000, 100_000]) {
    for (const alphabet of [1, 2, 16, 256]) {
      const bytes = Uint8Array.from({ length }, () => random.below(alphabet));
      assert.deepEqual(lzwDecode(lzwEncode(bytes), length + 1), bytes, `${length} of ${alphabet}`);
    }
  }
});

test("LZW reads what Go's compress/lzw writes", () => {
  const known = Buffer.from("54 9e 08 29 f2 44 8a 93 27 54 04 12 34 b8 b0 e0 c1 84 01 01".replaceAll(" ", ""), "hex");
  assert.equal(fromUtf8(lzwDecode(known, 100)), "TOBEORNOTTOBEORTOBEORNOT");
});

test("LZW stops at the output limit and at garbage", () => {
  const bomb = lzwEncode(new Uint8Array(1_000_000));
  assert.ok(bomb.length < 3000);
  assert.throws(() => lzwDecode(bomb, 65_536), fault("too-large"));
  const random = seededRandom(3);
  for (let i = 0; i < 20_000; i++) {
    try {
      assert.ok(lzwDecode(random.bytes(random.below(60)), 4096).length <= 4096);
    } catch (error) {
      assert.ok(error instanceof WireError);
    }
  }
});

test("MessagePack writes the old raw family and shortest integers", () => {
  const hex = (write: (w: MsgpackWriter) => void) => {
    const writer = new MsgpackWriter(1);
    write(writer);
    return Buffer.from(writer.finish()).toString("hex");
  };
  assert.equal(hex((w) => w.text("a".repeat(31))).slice(0, 2), "bf");
  assert.equal(hex((w) => w.text("a".repeat(32))).slice(0, 6), "da0020");
  assert.equal(hex((w) => w.raw(new Uint8Array(200))).slice(0, 6), "da00c8");
  assert.equal(hex((w) => w.raw(new Uint8Array(65_536))).slice(0, 10), "db00010000");
  assert.equal(
    hex((w) => w.int(127).int(128).int(256).int(65_536)),
    "7fcc80cd0100ce00010000",
  );
  assert.equal(
    hex((w) => w.int(15_000_000_000)),
    "cf000000037e11d600",
  );
  assert.equal(
    hex((w) => w.int(-1).int(-33)),
    "ffd3ffffffffffffffdf",
  );
  assert.equal(
    hex((w) => w.float(0)),
    "cb0000000000000000",
  );
  assert.equal(
    hex((w) => w.map(15).map(16).array(15).array(16).array(70_000)),
    "8fde00109fdc0010dd00011170",
  );
});

test("MessagePack reads every form of the present specification", () => {
  const read = (hex: string) => new MsgpackReader(Buffer.from(hex.replaceAll(" ", ""), "hex")).value();
  assert.deepEqual(read("d9 02 6162"), Uint8Array.of(0x61, 0x62));
  assert.deepEqual(read("c4 02 6162"), Uint8Array.of(0x61, 0x62));
  assert.deepEqual(read("c5 0001 07"), Uint8Array.of(7));
  assert.deepEqual(read("c6 00000001 07"), Uint8Array.of(7));
  assert.deepEqual(read("d4 01 09"), Uint8Array.of(9));
  assert.deepEqual(read("c7 03 01 010203"), Uint8Array.of(1, 2, 3));
  assert.deepEqual(read("c8 0001 01 05"), Uint8Array.of(5));
  assert.deepEqual(read("c9 00000001 01 05"), Uint8Array.of(5));
  assert.deepEqual(read("d8 01 00000000000000000000000000000000"), new Uint8Array(16));
  assert.equal(read("ca 3f800000"), 1);
  assert.equal(read("d0 ff"), -1);
  assert.equal(read("d1 ff00"), -256);
  assert.equal(read("d2 ffffffff"), -1);
  assert.equal(read("d3 ffffffff00000000"), -4_294_967_296);
  assert.equal(read("cf 001fffffffffffff"), Number.MAX_SAFE_INTEGER);
  assert.deepEqual(
    read("82 a161 c0 a162 93c2c3e0"),
    new Map<string, unknown>([
      ["a", null],
      ["b", [false, true, -32]],
    ]),
  );
});

test("MessagePack refuses what goes beyond a limit", () => {
  const read = (bytes: Uint8Array) => new MsgpackReader(bytes).value();
  assert.throws(() => read(new Uint8Array(MSGPACK_DEPTH_MAX + 5).fill(0x91)), fault("too-deep"));
  assert.throws(() => read(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)), fault("too-large"));
  assert.throws(() => read(Uint8Array.of(0xdc, 0xff, 0xff, 0)), fault("truncated"));
  assert.throws(() => read(Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff, 0)), fault("truncated"));
  assert.throws(() => read(Uint8Array.of(0xc1)), fault("bad-type"));
  assert.throws(() => read(new Uint8Array(0)), fault("truncated"));
  assert.throws(() => new MsgpackReader(Uint8Array.of(0xff)).uint(), fault("bad-value"));
});

test("MessagePack returns what went in, and random bytes throw nothing but WireError", () => {
  const writer = new MsgpackWriter(8);
  const numbers = [0, 1, -1, 31, -32, -33, 255, 65_535, 65_536, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1), -(2 ** 31)];
  for (const n of numbers) assert.equal(new MsgpackReader(writer.reset().int(n).finish()).number(), n);
  const random = seededRandom(4);
  for (let i = 0; i < 50_000; i++) {
    const reader = new MsgpackReader(random.bytes(random.below(50)));
    try {
      while (!reader.done) {
        if (i % 2) reader.value();
        else reader.skip();
      }
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
    }
  }
});

test("addresses have one text", () => {
  const same = (text: string, canonical = text) => assert.equal(addressFromBytes(addressToBytes(text)!), canonical);
  same("127.0.0.1");
  same("::1");
  same("::");
  same("fe80::1:0:0:1");
  same("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
  same("::ffff:10.1.2.3", "10.1.2.3");
  same("1:2:3:4:5:6:7:8");
  same("64:ff9b::1.2.3.4", "64:ff9b::102:304");
  for (const bad of [
    "",
    "1.2.3",
    "1.2.3.256",
    "1:2",
    "1::2::3",
    "g::",
    "1:2:3:4:5:6:7:8:9",
    "host",
    "1.2.3.4.5",
    ":::",
  ]) {
    assert.equal(addressToBytes(bad), undefined, bad);
  }
  assert.equal(addressFromBytes(new Uint8Array(5)), undefined);
});
