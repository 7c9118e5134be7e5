/** Names in a sliver's own list: ours in their place, everything else as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fail } from "../../../platform/engine/errors.ts";
import type { InsideFiles } from "../../../platform/engine/inside-files.ts";
import type { InsideTree } from "../../../platform/engine/inside-tree.ts";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { GUEST_HOSTS_BYTES_MAX } from "../constants.ts";
import { NameWriter, withNames } from "./guest-names.ts";

const PIPE = "a pipe";
const names = [
  { name: "web-0", address: "fd00::1" },
  { name: "web-1", address: "fd00::2" },
];

test("lines come, change and go, and the rest stays", () => {
  const own = "127.0.0.1 localhost\n10.0.0.9 mine\n";
  const with2 = withNames(own, names);
  assert.equal(with2, `${own}# comu: slivers of this slice\nfd00::1 web-0\nfd00::2 web-1\n# comu: end\n`);
  assert.equal(withNames(with2, names), with2);
  assert.equal(withNames(withNames(with2, names.slice(1)), []), own);
  assert.equal(withNames(`${with2}10.0.0.8 later\n`, []), `${own}10.0.0.8 later\n`);
});

test("a mark without its end takes nothing away", () => {
  const broken = "# comu: slivers of this slice\nfd00::1 old\n";
  assert.ok(withNames(broken, names).startsWith(broken));
});

type Guests = ConstructorParameters<typeof NameWriter>[0]["engine"];

/** The files of one sliver, as the engine gives them. Of "waits" it never does. */
function guest(files: Map<string, string>): { engine: Guests; asked: string[] } {
  const asked: string[] = [];
  const missing = (path: string) => fail("engine-has-no", { params: { kind: "file", name: path } });
  const inside: Partial<InsideFiles> = {
    async read(name, path, bytesMax = 0) {
      if (name === "waits") await new Promise(() => {});
      asked.push(`open ${path}`);
      const text = files.get(path);
      if (text === undefined) throw missing(path);
      if (text.length > bytesMax) throw fail("engine-answer-too-large", { params: { limit: bytesMax } });
      return Buffer.from(text);
    },
    async write(_name, path, content) {
      files.set(path, Buffer.from(content as Uint8Array).toString());
    },
  };
  const tree: Partial<InsideTree> = {
    async facts(_name, path) {
      asked.push(path);
      const text = files.get(path);
      if (text === undefined) throw missing(path);
      return { kind: text === PIPE ? "other" : "file", bytes: text.length, mode: 0o644, modifiedS: 0 };
    },
  };
  return { engine: () => ({ files: inside as InsideFiles, tree: tree as InsideTree }), asked };
}

const log = createLog({ clock: virtualClock(), level: "error", write: () => {} });
const one = { instance: "sliver-1", names, nameServers: [] as string[] };

test("what was written is not read again until it changes", async () => {
  const files = new Map<string, string>();
  const { engine, asked } = guest(files);
  const writer = new NameWriter({ engine, log });
  await writer.write([one]);
  await writer.write([one]);
  assert.equal(asked.length, 1);
  assert.match(files.get("/etc/hosts")!, /localhost\n.*slice\nfd00::1 web-0/s);
  await writer.write([]);
  await writer.write([one]);
  assert.equal(asked.filter((path) => path === "/etc/hosts").length, 2);
});

test("a longer list is left alone", async () => {
  const long = "1.2.3.4 x\n".repeat(GUEST_HOSTS_BYTES_MAX / 10 + 1);
  const files = new Map([["/etc/hosts", long]]);
  await new NameWriter({ engine: guest(files).engine, log }).write([one]);
  assert.equal(files.get("/etc/hosts"), long);
});

test("name servers are written where there are none", async () => {
  for (const [before, after] of [
    [undefined, "nameserver 192.0.2.1\n"],
    ["\n", "nameserver 192.0.2.1\n"],
    ["nameserver 9.9.9.9\n", "nameserver 9.9.9.9\n"],
  ] as const) {
    const files = new Map(before === undefined ? [] : [["/etc/resolv.conf", before]]);
    const writer = new NameWriter({ engine: guest(files).engine, log });
    await writer.write([{ ...one, nameServers: ["192.0.2.1"] }]);
    assert.equal(files.get("/etc/resolv.conf"), after);
  }
});

test("a pipe in the place of the file is not opened", async () => {
  const files = new Map([["/etc/hosts", PIPE]]);
  const { engine, asked } = guest(files);
  await new NameWriter({ engine, log }).write([one]);
  assert.deepEqual([files.get("/etc/hosts"), asked], [PIPE, ["/etc/hosts"]]);
});

test("a guest that keeps it waiting keeps no other waiting, now or the next time", async () => {
  const files = new Map([["/etc/hosts", ""]]);
  const writer = new NameWriter({ engine: guest(files).engine, log });
  void writer.write([{ ...one, instance: "waits" }, one]);
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.match(files.get("/etc/hosts")!, /web-1/);
  await writer.write([
    { ...one, instance: "waits" },
    { ...one, names: names.slice(0, 1) },
  ]);
  assert.doesNotMatch(files.get("/etc/hosts")!, /web-1/);
});

test("what changes while it is written comes afterwards, at once", async () => {
  const files = new Map([["/etc/hosts", ""]]);
  const writer = new NameWriter({ engine: guest(files).engine, log });
  const first = writer.write([{ ...one, names: names.slice(0, 1) }]);
  await Promise.all([first, writer.write([one])]);
  assert.match(files.get("/etc/hosts")!, /web-1/);
});
