/** A server that is killed in the middle: uploads go on, and writes to several mutable shares are whole or absent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { REPLACED_MAX_BYTES, UPLOAD_CHECKPOINT_BYTES } from "../../src/services/files/storage/constants.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { start } from "../support/process.ts";
import type { Owner, Running } from "../support/process.ts";
import { ENABLER, LEASE, SI, UPLOAD, askAt, cbor, contentOf, fromCbor, secret, wholeShares } from "./storage-box.ts";

const PROGRAM = fileURLToPath(new URL("./storage-process.ts", import.meta.url));
const MIB = 2 ** 20;

async function startServer(
  owner: Owner,
  folder: string,
  filedEveryMs = 0,
): Promise<{ port: number; running: Running }> {
  const running = start([process.execPath, PROGRAM, folder, String(filedEveryMs)], { name: "storage", owner });
  const line = await running.waitForLine(/^port \d+/);
  return { port: Number(/\d+/.exec(String(line))![0]), running };
}

async function patchAt(port: number, first: number, bytes: Uint8Array) {
  const headers = { "content-range": `bytes ${first}-${first + bytes.length - 1}/*` };
  const answer = await askAt(port, "PATCH", `immutable/${SI}/1`, { secrets: UPLOAD, headers, body: bytes });
  const list = (fromCbor(answer.body) as Map<string, Map<string, number>[]>).get("required")!;
  return { status: answer.status, missing: list.map((one) => [one.get("begin")!, one.get("end")!] as const) };
}

test("an upload goes on after kill -9", { timeout: 180_000 }, async (t) => {
  const folder = temporaryFolder("storage");
  const bytes = contentOf(16 * MIB + 5);
  const body = cbor({ "share-numbers": new Set([1]), "allocated-size": bytes.length });
  const secrets = { ...LEASE, ...UPLOAD };
  let server = await startServer(t, folder);
  assert.equal((await askAt(server.port, "POST", `immutable/${SI}`, { secrets, body })).status, 200);
  for (let at = 0; at < 12 * MIB; at += MIB) await patchAt(server.port, at, bytes.subarray(at, at + MIB));
  await server.running.kill();

  server = await startServer(t, folder);
  const again = await askAt(server.port, "POST", `immutable/${SI}`, { secrets, body });
  assert.deepEqual((fromCbor(again.body) as Map<string, Set<number>>).get("allocated"), new Set([1]));
  const { status, missing } = await patchAt(server.port, 0, bytes.subarray(0, 100));
  assert.equal(status, 200);
  assert.equal(missing.length, 1);
  assert.ok(missing[0]![0] >= 12 * MIB - UPLOAD_CHECKPOINT_BYTES, "at most the last part is sent again");
  assert.ok(missing[0]![0] <= 12 * MIB);
  const rest = await patchAt(server.port, missing[0]![0], bytes.subarray(missing[0]![0]));
  assert.deepEqual(rest, { status: 201, missing: [] });
  await server.running.kill();
  server = await startServer(t, folder);
  const answer = await askAt(server.port, "GET", `immutable/${SI}/1`, {});
  assert.ok(answer.body.equals(bytes));
});

for (const bytes of [200_000, 300_000]) {
  assert.equal(bytes > REPLACED_MAX_BYTES, bytes === 300_000);
  const name = `mutable shares of ${bytes} bytes of one storage index change together, also at kill -9`;
  test(name, { timeout: 180_000 }, (t) => changeTogether(t, bytes));
}

async function changeTogether(t: Owner, bytes: number): Promise<void> {
  const folder = temporaryFolder("storage");
  const numbers = [0, 1, 2, 3];
  const bodyOf = (version: number) => {
    const data = Buffer.alloc(bytes + version, version);
    const wish = { test: [], write: [{ offset: 0, data }], "new-length": data.length };
    return cbor({ "test-write-vectors": new Map(numbers.map((one) => [one, wish])), "read-vector": [] });
  };
  let version = 1;
  /** The last version that was answered, and those that were sent after it: any of them may stand. */
  let possible = [0];
  for (const afterMs of [40, 55, 75, 100]) {
    const { port, running } = await startServer(t, folder, 25);
    const kill = setTimeout(() => void running.kill(), afterMs);
    for (let alive = true; alive; version = (version % 250) + 1) {
      const body = bodyOf(version);
      possible.push(version);
      const secrets = { ...LEASE, ...ENABLER };
      const answer = await askAt(port, "POST", `mutable/${SI}/read-test-write`, { secrets, body }).catch(
        () => undefined,
      );
      if (answer?.status === 200) possible = [version];
      alive = answer !== undefined;
    }
    clearTimeout(kill);
    const after = await startServer(t, folder);
    const shares = await Promise.all(numbers.map((one) => askAt(after.port, "GET", `mutable/${SI}/${one}`, {})));
    const found = new Set(shares.map(({ status, body }) => (status === 200 ? body[0]! : 0)));
    assert.equal(found.size, 1, `one version everywhere: ${[...found].join(" ")}`);
    const [now] = found as Set<number>;
    assert.ok(shares.every(({ body }) => now === 0 || body.equals(Buffer.alloc(bytes + now!, now))));
    assert.ok(possible.includes(now!), "what was answered stays");
    await after.running.kill();
  }
}

test("small shares that were answered are there after kill -9", { timeout: 180_000 }, async (t) => {
  const folder = temporaryFolder("storage");
  const answered: { path: string; bytes: Buffer }[] = [];
  let next = 0;
  for (const [round, killAfter] of [3, 40, 15].entries()) {
    const { port, running } = await startServer(t, folder, round % 2 === 0 ? 20 : 0);
    const before = answered.length;
    const work = async () => {
      for (;;) {
        const n = next++;
        const index = encodeBase32(secret(`index ${n}`).subarray(0, 16));
        const bytes = contentOf(900 + n);
        const one = await store(port, index, bytes, n).catch(() => undefined);
        if (!one) return;
        answered.push(...one);
        // In the middle of what the others ask for.
        if (answered.length >= before + killAfter) void running.kill();
      }
    };
    await Promise.all([work(), work(), work()]);
    const after = await startServer(t, folder);
    for (const { path, bytes } of answered.slice(-60)) {
      const answer = await askAt(after.port, "GET", path, {});
      assert.ok(answer.status === 200 && answer.body.equals(bytes), `round ${round}: ${path} ${answer.status}`);
    }
    await after.running.kill();
  }
  assert.ok(answered.length >= 58, `${answered.length} were answered`);
});

/** One share after the other by Tahoe's requests, several at once by ours, or mutable ones. Undefined when not all. */
async function store(port: number, index: string, bytes: Buffer, n: number) {
  const secrets = { ...LEASE, ...UPLOAD };
  const headers = { "content-range": `bytes 0-${bytes.length - 1}/*` };
  const done = (kind: string, numbers: number[]) => numbers.map((one) => ({ path: `${kind}/${index}/${one}`, bytes }));
  if (n % 3 === 0) {
    const body = cbor({ "share-numbers": new Set([1]), "allocated-size": bytes.length });
    await askAt(port, "POST", `immutable/${index}`, { secrets, body });
    const { status } = await askAt(port, "PATCH", `immutable/${index}/1`, { secrets: UPLOAD, headers, body: bytes });
    return status === 201 ? done("immutable", [1]) : undefined;
  }
  if (n % 3 === 1) {
    const ask = wholeShares(new Map([0, 5].map((one) => [one, bytes])));
    const { status } = await askAt(port, "POST", `immutable/${index}`, ask);
    return status === 201 ? done("immutable", [0, 5]) : undefined;
  }
  const wish = { test: [], write: [{ offset: 0, data: bytes }], "new-length": null };
  const body = cbor({ "test-write-vectors": new Map([0, 5].map((one) => [one, wish])), "read-vector": [] });
  const { status } = await askAt(port, "POST", `mutable/${index}/read-test-write`, {
    secrets: { ...LEASE, ...ENABLER },
    body,
  });
  return status === 200 ? done("mutable", [0, 5]) : undefined;
}
