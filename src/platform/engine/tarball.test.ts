/** What passes as an image, and what is stopped before its last bytes: way out, bombs, templates, no image at all. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { isFailure } from "../../kernel/errors.ts";
import { IMAGE_METADATA_BYTES_MAX, TAR_NAME_BYTES_MAX } from "./constants.ts";
import { checkTarball } from "./tarball.ts";

const MIB = 2 ** 20;
const BLOCK = 512;

interface Part {
  name: string;
  flag?: string;
  target?: string;
  content?: Buffer | string;
  /** Said in the header, instead of the content's. */
  size?: number;
  device?: readonly [major: number, minor: number];
}

function header({ name, flag = "0", target = "", content = "", size, device = [0, 0] }: Part): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, "latin1");
  block.write("0000644\0" + "0000000\0".repeat(2), 100);
  block.write(`${(size ?? Buffer.byteLength(content)).toString(8).padStart(11, "0")}\0`, 124);
  block.write("00000000000\0", 136);
  block.write("        ", 148);
  block.write(flag, 156);
  block.write(target, 157, 100);
  block.write("ustar\0" + "00", 257);
  block.write(device.map((one) => `${one.toString(8).padStart(7, "0")}\0`).join(""), 329);
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function tar(parts: readonly Part[], end = 2): Buffer {
  const blocks = parts.flatMap((part) => {
    const content = Buffer.from(part.content ?? "");
    return [header(part), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(BLOCK * end)]);
}

const METADATA = "architecture: x86_64\ntemplates: { /etc/hostname: { when: [create], template: hostname.tpl } }\n";
const GOOD: readonly Part[] = [
  { name: "metadata.yaml", content: METADATA },
  { name: "templates/", flag: "5" },
  { name: "templates/hostname.tpl", content: "{{ container.name }}" },
  { name: "rootfs/", flag: "5" },
  { name: "rootfs/etc/", flag: "5" },
  { name: "rootfs/bin", flag: "2", target: "usr/bin" },
  { name: "rootfs/etc/hosts", content: "127.0.0.1 localhost\n" },
  { name: "rootfs/etc/other", flag: "1", target: "rootfs/etc/hosts" },
];

/** What is wrong, or the bytes that came out. */
async function pass(
  bytes: Buffer,
  { pieces = 1000, limit = 64 * MIB, entriesMax = 100 } = {},
): Promise<string | Buffer> {
  const out: Buffer[] = [];
  const chunks = Array.from({ length: Math.ceil(bytes.length / pieces) }, (_, at) =>
    bytes.subarray(at * pieces, (at + 1) * pieces),
  );
  try {
    const check = checkTarball({ unpackedBytesMax: limit, entriesMax });
    await pipeline(Readable.from(chunks), check, async (source: AsyncIterable<Buffer>) => {
      for await (const piece of source) out.push(piece);
    });
    return Buffer.concat(out);
  } catch (error) {
    if (!isFailure(error, "image-bad")) throw error;
    assert.ok(Buffer.concat(out).length < bytes.length || bytes.length === 0, "the whole of it came out");
    return String(error.params["said"]);
  }
}

const withPart = (...parts: Part[]) => tar([...GOOD, ...parts]);
const withMetadata = (content: string) => tar([{ name: "metadata.yaml", content }, ...GOOD.slice(1)]);

test("an image passes as it is: plain, gzip, zstd, in pieces of any size", async () => {
  const image = tar(GOOD);
  for (const bytes of [image, gzipSync(image), zstdCompressSync(image)]) {
    for (const pieces of [1, 7, 512, 100_000]) {
      const passed = await pass(bytes, { pieces });
      assert.ok(Buffer.isBuffer(passed) && passed.equals(bytes), `${pieces}: ${String(passed).slice(0, 100)}`);
    }
  }
});

test("no name and no link leads out", async () => {
  assert.match(String(await pass(withPart({ name: "rootfs/../../etc/cron.d/x" }))), /leads out/);
  assert.match(String(await pass(withPart({ name: "/etc/passwd" }))), /leads out/);
  assert.match(String(await pass(withPart({ name: "rootfs/x", flag: "1", target: "/etc/shadow" }))), /leads out/);
  assert.match(String(await pass(withPart({ name: "rootfs/x", flag: "1", target: "../etc/shadow" }))), /leads out/);
  const through = [
    { name: "rootfs/far", flag: "2", target: "/etc" },
    { name: "rootfs/far/cron.d/x", content: "x" },
  ];
  assert.match(String(await pass(withPart(...through))), /through the link/);
  const long = { name: "././@LongLink", flag: "L", content: `rootfs/${"../".repeat(9)}etc/passwd\0` };
  assert.match(String(await pass(withPart(long, { name: "harmless" }))), /leads out/);
  const path = "path=../../etc/passwd\n";
  const pax = { name: "pax", flag: "x", content: `${path.length + 3} ${path}` };
  assert.match(String(await pass(withPart(pax, { name: "harmless" }))), /leads out/);
  assert.match(String(await pass(withPart({ name: "elsewhere/x" }))), /does not belong/);
  assert.match(String(await pass(tar([...GOOD.slice(0, 3), { name: "rootfs", flag: "2", target: "/" }]))), /no folder/);
});

test("templates, which the engine writes as root of the host, stay in the image", async () => {
  const template = (path: string, more = "when: [create], template: hostname.tpl") =>
    withMetadata(`architecture: x86_64\ntemplates: { "${path}": { ${more} } }\n`);
  assert.ok(Buffer.isBuffer(await pass(template("/etc/hostname"))));
  assert.match(String(await pass(template("/../../etc/cron.d/x"))), /leads out/);
  assert.match(String(await pass(template("/bin/x"))), /through a link/);
  assert.match(String(await pass(template("/etc/x", "when: [start], template: hostname.tpl"))), /each start/);
  assert.match(String(await pass(template("/etc/x", "when: [create], template: ../../etc/shadow"))), /no file's name/);
  const link = { name: "templates/x.tpl", flag: "2", target: "/etc/shadow" };
  assert.match(String(await pass(withPart(link))), /no plain file/);
});

/** A header of pax about the entry that follows it. */
function pax(text: string, flag = "x"): Part {
  const line = (length: number) => `${length} ${text}\n`;
  let length = text.length + 3;
  while (line(length).length !== length) length += 1;
  return { name: "pax", flag, content: Buffer.from(line(length), "latin1") };
}

test("a link is seen by whatever name programs that unpack would read", async () => {
  const far = (name: string): Part => ({ name, flag: "2", target: "/etc" });
  const metadata = (path: string): Part => ({
    name: "metadata.yaml",
    content: `architecture: x86_64\ntemplates: { "${path}": { when: [create], template: hostname.tpl } }\n`,
  });
  const said = async (path: string, ...parts: Part[]) =>
    String(await pass(tar([metadata(path), ...GOOD.slice(1), ...parts])));
  assert.match(await said("/far/x", far("rootfs/far")), /through a link/);
  // Another name for the same link.
  const other = { name: "rootfs/other", flag: "1", target: "rootfs/far" };
  assert.match(await said("/other/x", far("rootfs/far"), other), /through a link/);
  assert.match(await said("/x", far("rootfs/far"), { ...other, target: "rootfs/far/shadow" }), /leads out/);
  // Programs end a name at a zero byte, take X for x, and of two names one or the other.
  assert.match(await said("/far/x", pax("path=rootfs/far\0x"), far("rootfs/decoy")), /usual/);
  assert.match(await said("/far/x", pax("linkpath=/etc\0x"), far("rootfs/far")), /usual/);
  assert.match(await said("/far/x", pax("path="), far("rootfs/far")), /usual/);
  assert.match(await said("/far/x", pax("path=rootfs/far", "X"), far("rootfs/decoy")), /usual/);
  assert.match(await said("/far/x", pax("path=rootfs/decoy"), pax("mtime=1"), far("rootfs/far")), /usual/);
  const long = { name: "././@LongLink", flag: "L", content: "rootfs/decoy\0" };
  assert.match(await said("/far/x", pax("path=rootfs/far"), long, far("rootfs/decoy")), /usual/);
  assert.match(await said("/far/x", long, pax("path=rootfs/far"), far("rootfs/decoy")), /usual/);
  // A size is the next entry's, not that of the headers about it.
  assert.match(await said("/far/x", pax("size=0"), pax("path=rootfs/far"), far("rootfs/decoy")), /usual/);
  assert.match(await said("/x", { name: "pax", flag: "x", content: "0x12 path=rootfs/x\n" }), /no tarball/);
  // Names are bytes: what is no UTF-8 is not one and the same name.
  const [sign, broken] = [Buffer.from("rootfs/\ufffd").toString("latin1"), "rootfs/\xff"];
  assert.match(await said("/\ufffd/x", far(sign), { name: broken }), /through a link/);
  // One block of zeros is no end to all programs.
  assert.match(String(await pass(tar(GOOD, 1))), /too early/);
});

test("what an engine's reader of YAML would read otherwise than ours is refused", async () => {
  const odd = [
    "<<: { templates: { /far/x: { when: [start], template: x.tpl } } }",
    "!!binary dGVtcGxhdGVz: { /far/x: { when: [start], template: x.tpl } }",
    "templates: { /x: { <<: { when: [start] }, template: x.tpl } }",
    "templates: { __proto__: { when: [create], template: x.tpl } }",
    "templates: { /x: { when: [!!binary c3RhcnQ=], template: x.tpl } }",
    "# \u0085templates: { /far/x: { when: [start], template: x.tpl } }",
    "# \u2028templates: { /far/x: { when: [start], template: x.tpl } }",
    "# \rtemplates: { /far/x: { when: [start], template: x.tpl } }",
    "name: &anchor x",
    "? [templates]\n: x",
  ];
  for (const line of odd) {
    assert.match(String(await pass(withMetadata(`architecture: x86_64\n${line}\n`))), /cannot be understood/, line);
  }
  const twice = tar([GOOD[0]!, ...GOOD]);
  assert.match(String(await pass(twice)), /two files/);
  const link = { name: "rootfs/017", flag: "2", target: "/etc/cron.d/x" };
  const number = "architecture: x86_64\ntemplates: { 017: { when: [create], template: hostname.tpl } }\n";
  const parts = [{ name: "metadata.yaml", content: number }, ...GOOD.slice(1), link];
  assert.match(String(await pass(tar(parts))), /through a link/);
  for (const fine of ["templates:", "templates: ~", "templates: {}", "expiry_date: 0", "properties: { os: Debian }"]) {
    assert.ok(Buffer.isBuffer(await pass(withMetadata(`---\narchitecture: "x86_64"\r\n${fine}\n`))), fine);
  }
});

test("devices of the machine are not for guests; those that every system has are", async () => {
  const node = (flag: string, ...device: [number, number]) =>
    pass(withPart({ name: "rootfs/dev-of-mine", flag, device }));
  assert.match(String(await node("4", 8, 0)), /device of the machine/);
  assert.match(String(await node("3", 1, 1)), /device of the machine/);
  assert.ok(Buffer.isBuffer(await node("3", 1, 3)));
  assert.ok(Buffer.isBuffer(await pass(withPart({ name: "rootfs/pipe", flag: "6" }))));
});

test("what is no image says so", async () => {
  assert.equal(await pass(Buffer.alloc(0)), "it is empty");
  assert.equal(await pass(Buffer.from("just words, more than one block of them. ".repeat(40))), "it is no tarball");
  assert.equal(await pass(gzipSync(Buffer.alloc(3000, 7))), "it is no tarball");
  assert.match(String(await pass(tar(GOOD.slice(1)))), /no metadata/);
  assert.match(String(await pass(tar(GOOD.slice(0, 3)))), /no rootfs/);
  assert.match(String(await pass(withMetadata("architecture: [x86_64\n"))), /cannot be understood/);
  assert.match(String(await pass(withMetadata("a: &a [1, 2]\narchitecture: x\nb: *a\n"))), /cannot be understood/);
  assert.match(String(await pass(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]))), /packed with xz/);
  assert.match(String(await pass(gzipSync(tar(GOOD)).subarray(0, -20))), /cannot be unpacked/);
  assert.match(String(await pass(tar(GOOD, 0))), /too early/);
  assert.match(String(await pass(Buffer.concat([tar(GOOD), tar(GOOD)]))), /follows its end/);
  const long = `architecture: x86_64\n#${"x".repeat(IMAGE_METADATA_BYTES_MAX)}\n`;
  assert.match(String(await pass(withMetadata(long))), /too long/);
  const name = { name: "././@LongLink", flag: "L", content: `rootfs/${"x".repeat(TAR_NAME_BYTES_MAX)}` };
  assert.match(String(await pass(withPart(name, { name: "x" }))), /too long/);
});

test("a bomb ends as soon as it is larger than there is room for, and so do too many files", async () => {
  const bomb = gzipSync(withPart({ name: "rootfs/zeros", content: Buffer.alloc(40 * MIB) }));
  assert.ok(bomb.length < 100_000);
  assert.ok(Buffer.isBuffer(await pass(bomb)));
  assert.equal(await pass(bomb, { limit: 8 * MIB }), "unpacked it is more than 8 MiB");
  // Said in the header alone it is enough.
  assert.equal(
    await pass(withPart({ name: "rootfs/zeros", size: 60 * MIB }), { limit: 8 * MIB }),
    "unpacked it is more than 8 MiB",
  );
  const many = Array.from({ length: 20 }, (_, at) => ({ name: `rootfs/${at}` }));
  assert.equal(await pass(withPart(...many), { entriesMax: 20 }), "it has more than 20 files");
});
