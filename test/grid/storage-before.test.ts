/** Writes with what must be there before them: one request, and no write where anything before it is missing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import * as clientLimits from "../../src/services/files/grid/storage-client-constants.ts";
import {
  BEFORE_BODY_MAX_BYTES,
  BEFORE_WRITES_MAX,
  MEMORY_BODY_MAX_BYTES,
  REPLACED_MAX_BYTES,
} from "../../src/services/files/storage/constants.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { start } from "../support/process.ts";
import { ENABLER, LEASE, SI, StorageBox, UPLOAD, anna, askAt, cbor, fromCbor, secret } from "./storage-box.ts";
import type { Ask } from "./storage-box.ts";
import { writing } from "./storage-writing.ts";

const bytes = (text: string) => Buffer.from(text);
const index = (name: string) => encodeBase32(secret(name).subarray(0, 16));
const ABSENT = { offset: 0, size: 1, specimen: new Uint8Array(0) };
const secretsOf = (more: Record<string, Uint8Array>) => new Map(Object.entries({ ...LEASE, ...more }));

function shares(name: string, content: ReadonlyMap<number, Uint8Array>): Map<string, unknown> {
  return new Map<string, unknown>([
    ["storage-index", index(name)],
    ["secrets", secretsOf(UPLOAD)],
    ["shares", content],
  ]);
}

function newFile(name: string, text: string, enabler = "child"): Map<string, unknown> {
  const write = { test: [ABSENT], write: [{ offset: 0, data: bytes(text) }] };
  return new Map<string, unknown>([
    ["storage-index", index(name)],
    ["secrets", secretsOf({ "write-enabler": secret(enabler) })],
    ["write", writing({ 1: write, 6: write })],
  ]);
}

function asking(before: unknown, write: Uint8Array): Ask {
  const body = cbor(new Map<string, unknown>(Object.entries({ before, write })));
  return { root: "/comu/v1/", secrets: { ...LEASE, ...ENABLER }, body };
}

const PATH = `mutable/${SI}/read-test-write`;
const folder = (text: string) => writing({ 1: { write: [{ offset: 0, data: bytes(text) }] } }, [[0, 100]]);
const two = (text: string) => new Map([1, 6].map((number) => [number, bytes(text)]));

async function stored(box: StorageBox, path: string): Promise<string | number> {
  const { status, body } = await box.ask("GET", path);
  return status === 200 ? body.toString() : status;
}

test("shares of a file and the first version of a folder are there before what links to them", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const before = [shares("file", two("content")), newFile("child", "empty")];
  const answer = await box.ask("POST", PATH, asking(before, folder("links")));
  assert.equal(answer.status, 200);
  assert.equal((fromCbor(answer.body) as Map<string, unknown>).get("success"), true);
  assert.equal(await stored(box, `immutable/${index("file")}/6`), "content");
  assert.equal(await stored(box, `mutable/${index("child")}/1`), "empty");
  assert.equal(await stored(box, `mutable/${SI}/1`), "links");
  // The same shares once more are no fault; a file that is new no longer is one.
  assert.equal((await box.ask("POST", PATH, asking([before[0]], folder("again")))).status, 200);
  assert.equal((await box.ask("POST", PATH, asking(before, folder("third")))).status, 409);
  assert.equal(await stored(box, `mutable/${SI}/1`), "again");
});

test("a large folder, which is changed where it lies, goes like a small one", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const large = Buffer.alloc(REPLACED_MAX_BYTES + MEMORY_BODY_MAX_BYTES, "x");
  const write = writing({ 1: { write: [{ offset: 0, data: large }] } });
  assert.equal((await box.ask("POST", PATH, asking([shares("file", two("content"))], write))).status, 200);
  assert.equal(await stored(box, `mutable/${SI}/1`), large.toString());
  assert.equal(await stored(box, `immutable/${index("file")}/1`), "content");
});

test("without room for all that comes before nothing is written, and a failed test tells what is there", async (t) => {
  const quotaBytes = 3 * 4096 + 100;
  const box = await StorageBox.start({ owner: t, members: [anna({ quotaBytes })] });
  assert.equal((await box.ask("POST", PATH, asking([], folder("first")))).status, 200);
  const many = new Map([1, 2, 3].map((number) => [number, bytes("content")]));
  assert.equal((await box.ask("POST", PATH, asking([shares("file", many)], folder("links")))).status, 507);
  assert.equal(await stored(box, `mutable/${SI}/1`), "first");

  const unlike = { offset: 0, size: 5, specimen: bytes("other") };
  const write = writing({ 1: { test: [unlike], write: [{ offset: 0, data: bytes("links") }] } }, [[0, 5]]);
  const answer = fromCbor(
    (await box.ask("POST", PATH, asking([shares("file", new Map([...many].slice(0, 2)))], write))).body,
  );
  const { success, data } = Object.fromEntries(answer as Map<string, unknown>) as {
    success: boolean;
    data: Map<number, Uint8Array[]>;
  };
  assert.deepEqual([success, Buffer.from(data.get(1)![0]!).toString()], [false, "first"]);
  assert.equal(await stored(box, `immutable/${index("file")}/1`), "content", "what came before stays");
});

test("another write enabler, and what is no such request", async (t) => {
  const box = await StorageBox.start({ owner: t });
  assert.equal((await box.ask("POST", PATH, asking([newFile("child", "mine")], folder("links")))).status, 200);
  const other = asking([newFile("child", "yours", "another")], folder("stolen"));
  assert.equal((await box.ask("POST", PATH, other)).status, 401);
  assert.equal(await stored(box, `mutable/${SI}/1`), "links");
  const good = shares("file", two("x"));
  const without = (key: string) => new Map([...good].filter(([one]) => one !== key));
  const bent = [
    { ...{} },
    [1],
    [without("secrets")],
    [without("shares")],
    [new Map(good).set("storage-index", "../../x")],
    [new Map(good).set("secrets", secretsOf({ "upload-secret": new Uint8Array(0) }))],
    [new Map(good).set("secrets", secretsOf({}))],
    [new Map(good).set("shares", new Map([[256, bytes("x")]]))],
    [new Map(newFile("child", "x")).set("write", "text")],
    [new Map(good).set("more", 1)],
  ];
  for (const [at, before] of bent.entries()) {
    assert.equal((await box.ask("POST", PATH, asking(before, folder("bent")))).status, 400, `${at}`);
  }
  assert.equal((await box.ask("POST", PATH, { ...asking([], folder("x")), body: cbor([1]) })).status, 400);
  assert.equal((await box.ask("POST", PATH, asking([], cbor(7)))).status, 400);
  assert.equal(await stored(box, `mutable/${SI}/1`), "links");
});

test("the limits, which clients know", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const { BEFORE_BODY_MAX_BYTES: bodyBytes, BEFORE_WRITES_MAX: writes, BEFORE_WRITE_MARK: mark } = clientLimits;
  assert.deepEqual([bodyBytes, writes], [BEFORE_BODY_MAX_BYTES, BEFORE_WRITES_MAX]);
  assert.ok((await box.ask("GET", "version")).body.toString("latin1").includes(` ${mark}`));
  const files = (count: number) => Array.from({ length: count }, (_, at) => shares(`file ${at}`, two("x")));
  assert.equal((await box.ask("POST", PATH, asking(files(BEFORE_WRITES_MAX), folder("all")))).status, 200);
  assert.equal((await box.ask("POST", PATH, asking(files(BEFORE_WRITES_MAX + 1), folder("more")))).status, 400);
  const ask = (chars: number) => asking([], folder("x".repeat(chars)));
  const most = 1_000_000 + BEFORE_BODY_MAX_BYTES - ask(1_000_000).body!.length;
  assert.equal((await box.ask("POST", PATH, ask(most))).status, 200);
  assert.equal((await box.ask("POST", PATH, ask(most + 1))).status, 413);
});

test("after kill -9 no folder leads to what is not there", { timeout: 180_000 }, async (t) => {
  const data = temporaryFolder("storage");
  const program = fileURLToPath(new URL("./storage-process.ts", import.meta.url));
  const up = async (filedEveryMs: number) => {
    const running = start([process.execPath, program, data, String(filedEveryMs)], { name: "storage", owner: t });
    return { running, port: Number(/\d+/.exec(String(await running.waitForLine(/^port \d+/)))![0]) };
  };
  let sent = 0;
  for (const [round, count] of [5, 30, 70].entries()) {
    const { port, running } = await up(round === 1 ? 20 : 0);
    const end = sent + count;
    let answered = -1;
    const work = async () => {
      for (;;) {
        const n = sent++;
        const before = [shares(`file ${n}`, two(`content ${n}`)), newFile(`child ${n}`, `child ${n}`)];
        const ask = asking(before, folder(`links ${String(n).padStart(6, "0")}`));
        const answer = await askAt(port, "POST", PATH, ask).catch(() => undefined);
        if (!answer) return;
        assert.equal(answer.status, 200);
        answered = Math.max(answered, n);
        if (n >= end) void running.kill();
      }
    };
    await Promise.all([work(), work(), work()]);
    const after = await up(0);
    const get = async (path: string) => (await askAt(after.port, "GET", path, {})).body.toString();
    const n = Number((await get(`mutable/${SI}/1`)).slice("links ".length));
    assert.ok(answered >= 0 && Number.isInteger(n));
    for (const number of [1, 6]) {
      assert.equal(await get(`immutable/${index(`file ${n}`)}/${number}`), `content ${n}`, `round ${round}`);
      assert.equal(await get(`mutable/${index(`child ${n}`)}/${number}`), `child ${n}`, `round ${round}`);
    }
    await after.running.kill();
  }
});
