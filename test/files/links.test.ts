/** Links between boxes: what comes over the mesh, and what a box that lies, floods or says nothing can do with them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { createLog } from "../../src/kernel/log.ts";
import { settled, virtualClock } from "../../src/kernel/virtual-clock.ts";
import {
  LINK_ANSWER_BYTES_MAX,
  LINK_ENTRIES_MAX,
  LINK_READS_MAX,
  LINK_READS_PER_BOX_MAX,
  LINK_TIMEOUT_MS,
} from "../../src/services/files/constants.ts";
import { filesErrors } from "../../src/services/files/errors.ts";
import { createLinks } from "../../src/services/files/links.ts";
import type { Shared, SharedView } from "../../src/services/files/links.ts";
import type { MeshClient } from "../../src/services/mesh/client.ts";
import { MeshDouble } from "./mesh-double.ts";

const PATH = "/files/shared";
const [ONE, TWO] = ["a".repeat(52), "b".repeat(52)];
const SECRET = "c".repeat(52);
const MIB = 1024 * 1024;

function view(kind: "file" | "folder", names: readonly string[] = []): SharedView {
  const times = { modifiedAt: "2026-01-01T00:00:00.000Z", createdAt: "2026-01-01T00:00:00.000Z" };
  const entry = {
    name: "x",
    path: "/",
    kind,
    bytes: 9,
    mediaType: "",
    etag: "e",
    canWrite: false,
    versions: 1,
    ...times,
  };
  const entries = names.map((name) => ({ ...entry, name, path: `/${name}` }));
  return { name: "album", mode: "read", expiresAt: null, entry, entries };
}

function boxes(open: (secret: string, path: string) => Promise<Shared>) {
  const meshes = new MeshDouble();
  const clock = virtualClock();
  const make = (id: string) => {
    const mesh = meshes.join(id);
    const log = createLog({ clock, level: "error", write: (line) => assert.fail(line) });
    return { mesh, links: createLinks({ clock, log, mesh, openOwn: open }) };
  };
  return { meshes, clock, one: make(ONE), two: make(TWO) };
}

async function all(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("what is behind a link of another box, as far as it goes", async () => {
  let given = 0;
  const { one, two } = boxes(async (secret, path) => {
    if (secret !== SECRET) throw filesErrors.fail("files-link-gone");
    const names = Array.from({ length: LINK_ENTRIES_MAX + 1 }, (_none, n) => `f${n}`);
    return {
      view: path === "/" ? view("folder", names) : view("file"),
      async *read(at, length) {
        for (let left = length; left > 0; left -= MIB) {
          given += 1;
          yield Buffer.alloc(Math.min(MIB, left), at);
        }
      },
    };
  });
  const token = one.links.tokenOf(SECRET);
  for (const text of [token, ` http://10.0.0.1:7000/shared#${token} `, `http://x/shared#${token}/a/b%20c`])
    assert.deepEqual(two.links.parse(text), { boxId: ONE, token });
  for (const text of ["", "x", `${token}!`, `${"z".repeat(16)}-${SECRET}`, `http://x/${token.slice(2)}`])
    assert.throws(() => two.links.parse(text), /files-link-gone/, text);
  const folder = await two.links.open(token, "/");
  assert.deepEqual([folder.view.name, folder.view.entries.length], ["album", LINK_ENTRIES_MAX]);
  const file = await two.links.open(token, "/x");
  assert.deepEqual(await all(file.read(7, 3)), Buffer.from([7, 7, 7]));
  assert.equal((await all(file.read(1, 5 * MIB + 1))).length, 5 * MIB + 1);
  await assert.rejects(two.links.open(`${token.slice(0, 17)}d`, "/"), /files-link-gone/);

  given = 0;
  for await (const _piece of file.read(0, 500 * MIB)) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(given < 50, "who reads no more is sent no more");
});

test("a box that is away, lies, talks without end or not at all", async () => {
  const { meshes, clock, one, two } = boxes(async () => ({ view: view("file"), read: () => assert.fail("not asked") }));
  const token = one.links.tokenOf(SECRET);
  const says = (answer: (stream: Duplex) => void) =>
    one.mesh.serveStreams(PATH, (_peer, stream) => {
      stream.resume();
      answer(stream);
    });
  for (const line of ["", "{", "7", "null", '{"view":{}}', '{"view":{"name":7}}']) {
    says((stream) => stream.end(`${line}\n`));
    await assert.rejects(two.links.open(token, "/"), /files-unreachable/, line);
  }
  for (const code of ["files-link-gone", "made-up", 7, null]) {
    says((stream) => stream.end(`${JSON.stringify({ error: { code } })}\n`));
    await assert.rejects(two.links.open(token, "/"), /files-link-gone/);
  }
  says((stream) => {
    const more = () => stream.write(Buffer.alloc(LINK_ANSWER_BYTES_MAX / 8, "x"), (error) => error ?? more());
    more();
  });
  await assert.rejects(two.links.open(token, "/"), /files-unreachable/);
  says(() => {});
  const waiting = assert.rejects(two.links.open(token, "/"), /files-unreachable/);
  await settled();
  clock.advance(LINK_TIMEOUT_MS);
  await waiting;
  meshes.states.set(ONE, "away");
  await assert.rejects(two.links.open(token, "/"), /peer-unreachable/);
  meshes.states.set(ONE, "excluded");
  await assert.rejects(two.links.open(token, "/"), /files-link-gone/);
});

test("who asks nothing, nonsense, or too often", async () => {
  const { meshes, clock, two } = boxes(async () => ({
    view: view("file"),
    async *read() {
      yield Buffer.of(1);
      await new Promise(() => {});
    },
  }));
  const ask = async (question: string) => {
    const stream = await two.mesh.openStream(ONE, PATH);
    stream.resume();
    stream.write(question);
    return stream;
  };
  for (const question of ["{\n", "7\n", "x".repeat(40_000)]) {
    const stream = await ask(question);
    await once(stream, "close");
  }
  const refuses = async (mesh: MeshClient) => void (await once(await mesh.openStream(ONE, PATH), "close"));
  const silent: Duplex[] = [];
  for (let left = LINK_READS_MAX, mesh = two.mesh; left > 0; left -= LINK_READS_PER_BOX_MAX) {
    for (let own = 0; own < LINK_READS_PER_BOX_MAX; own += 1) silent.push(await mesh.openStream(ONE, PATH));
    await settled();
    await refuses(mesh);
    mesh = meshes.join(`${left}`.padEnd(52, "c"));
  }
  await refuses(meshes.join("d".repeat(52)));
  assert.ok(silent.every(({ destroyed }) => !destroyed));
  clock.advance(LINK_TIMEOUT_MS);
  await Promise.all(silent.map((stream) => stream.destroyed || once(stream, "close")));
  const taken = await ask(`${JSON.stringify({ secret: SECRET, path: "/" })}\n`);
  await once(taken, "end");
});
