/**
 * Bad neighbours of the files service: caps that say absurd sizes, folders of folders without end, a member of the
 * storage server who wants all of it, a stranger who takes its places, and accounts that are no more.
 */
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { once } from "node:events";
import { request } from "node:https";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import { isFailure } from "../../src/kernel/errors.ts";
import { LYING_BODIES_MIN_BYTES, LYING_BODY_MIN_BYTES } from "../../src/services/files/storage/constants.ts";
import { UPLOADS_PER_MEMBER_MAX } from "../../src/services/files/storage/constants.ts";
import { walk } from "../../src/services/files/tree/deep.ts";
import { ENABLER, LEASE, SI, StorageBox, anna, secret } from "../grid/storage-box.ts";
import { eventually } from "../support/process.ts";
import { content, treeBox } from "./tree-box.ts";

const failsWith = (code: string) => (error: unknown) => isFailure(error, code);
const MIB = 1024 * 1024;
const chk = (bytes: number, k = 3, n = 10) => `URI:CHK:${"a".repeat(26)}:${"b".repeat(51)}a:${k}:${n}:${bytes}`;

test("caps that say absurd sizes are entries like others, and nothing stands still over them", async (t) => {
  const { files } = await treeBox(t, { quotaBytes: () => undefined });
  for (const cap of [chk(2 ** 60), chk(9, 257, 257), chk(9, 4, 3)])
    await assert.rejects(files.attach("/bad", cap), failsWith("files-bad-cap"), cap);
  for (const name of ["a", "b", "c"]) await files.attach(`/${name}`, chk(Number.MAX_SAFE_INTEGER));
  await files.remove("/c");
  await files.write("/mine", content("still written"));
  assert.equal((await files.stat("/mine"))!.bytes, 13);
  assert.equal(files.trash()[0]!.bytes, Number.MAX_SAFE_INTEGER);
});

test("a quota that others' sizes use up is a refusal, and free again when they go", async (t) => {
  const { files } = await treeBox(t, { quotaBytes: () => 1000 });
  for (const name of ["a", "b"]) await files.attach(`/${name}`, chk(Number.MAX_SAFE_INTEGER));
  assert.deepEqual(await files.room(), { usedBytes: Number.MAX_SAFE_INTEGER, freeBytes: 0 });
  await assert.rejects(files.write("/mine", content("no")), failsWith("files-no-room"));
  for (const name of ["a", "b"]) await files.remove(`/${name}`);
  files.emptyTrash();
  await files.write("/mine", content("yes"));
});

test("a walk counts what is still to come: very many folders in few end it before they are all kept", async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/wide");
  for (let n = 0; n < 12; n += 1) await files.makeFolder(`/wide/${n}`);
  const seen: string[] = [];
  const all = async () => {
    for await (const { path } of walk(files.view, "/", { entriesMax: 10 })) seen.push(path);
  };
  await assert.rejects(all(), failsWith("files-too-many"));
  assert.deepEqual(seen, ["/", "/wide"]);
});

test("an account that is no more: its devices and links end, those of others stay", async (t) => {
  const { tree, files } = await treeBox(t);
  const bert = tree.files("bert");
  await files.write("/f", content("anna's"));
  await bert.write("/f", content("bert's"));
  const wish = { path: "/f", mode: "read" } as const;
  const links = [await tree.sharing.make("anna", wish), await tree.sharing.make("bert", wish)];
  const devices = ["anna", "bert"].map((account) => tree.devices.add(account, { name: "laptop", mayWrite: true }));
  tree.endAccess("anna");
  await assert.rejects(tree.sharing.open(links[0]!.secret), failsWith("files-link-gone"));
  assert.equal((await tree.sharing.open(links[1]!.secret)).name, "f");
  const signIn = ({ device, password }: (typeof devices)[number]) => tree.devices.signIn(device.user, password);
  assert.deepEqual(
    devices.map(signIn).map((device) => device?.account),
    [undefined, "bert"],
  );
});

test("one member cannot have all uploads of a storage server", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const numbers = Array.from({ length: 256 }, (_none, number) => number);
  const secrets = { renewSecret: secret("r"), cancelSecret: secret("c") };
  const wish = { numbers, bytes: 1, uploadSecret: secret("u"), secrets };
  for (let index = 0; index <= UPLOADS_PER_MEMBER_MAX / 256; index += 1) {
    await box.store.allocate(anna(), `${"bcdefghijk"[index]}${SI.slice(1)}`, wish);
  }
  assert.equal(box.store.uploads.size, UPLOADS_PER_MEMBER_MAX);
  const bert = await box.store.allocate(anna({ member: "bert" }), `z${SI.slice(1)}`, wish);
  assert.equal(bert.allocated.length, 256);
  const mine = box.store.uploads.find(`b${SI.slice(1)}`, 0)!;
  await box.store.uploads.abort(mine);
  const again = await box.store.allocate(anna(), `y${SI.slice(1)}`, wish);
  assert.equal(again.allocated.length, 1, "what was given up leaves its place");
});

test("bodies on their way fill no disk: all together only what there is room for", { timeout: 180_000 }, async (t) => {
  let capacity = 0;
  const box = await StorageBox.start({ owner: t, capacity: () => capacity });
  /** Sends so much of a body that says it is longer, and waits for a refusal or until it is there. */
  const send = (bytes: number) => {
    const lines = Object.entries({ ...LEASE, ...ENABLER }).map(([kind, one]) => `${kind} ${one.toString("base64")}`);
    const headers = { authorization: authorization(), "content-length": String(bytes + 1) };
    const path = `/storage/v1/mutable/${SI}/read-test-write`;
    const outgoing = request({
      ...{ host: "127.0.0.1", port: box.port, method: "POST", path, rejectUnauthorized: false, agent: false },
      headers: { ...headers, "x-tahoe-authorization": lines },
    });
    outgoing.on("error", () => {});
    const status = new Promise<number>((resolve) => outgoing.on("response", ({ statusCode }) => resolve(statusCode!)));
    outgoing.write(Buffer.alloc(bytes));
    t.after(() => outgoing.destroy());
    return { status, outgoing };
  };
  const folder = join(box.folder, "writes");
  const lying = () => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  const large = send(LYING_BODIES_MIN_BYTES + MIB);
  assert.equal(await large.status, 507, "more than is always possible, and no room");
  await eventually("its body is gone", 30_000, async () => lying() === 0);

  capacity = LYING_BODIES_MIN_BYTES + 4 * MIB;
  const firstBytes = LYING_BODIES_MIN_BYTES + 2 * MIB;
  const first = send(firstBytes);
  await eventually("a large one lies there", 60_000, async () => lying() === firstBytes);
  const second = send(4 * MIB);
  assert.equal(await second.status, 507, "together they are too much");
  const small = send(LYING_BODY_MIN_BYTES);
  const bothBytes = firstBytes + LYING_BODY_MIN_BYTES;
  await eventually("a small one is taken all the same", 30_000, async () => lying() === bothBytes);
  for (const { outgoing } of [first, small]) outgoing.destroy();
  await eventually("nothing is left of them", 30_000, async () => lying() === 0);
  const after = send(4 * MIB);
  await eventually("what broke off is not counted any more", 30_000, async () => lying() === 4 * MIB);
  after.outgoing.destroy();
});

test("a stranger's connections leave places for others", { timeout: 180_000 }, async (t) => {
  const box = await StorageBox.start({ owner: t, limits: { connectionsPerAddressMax: 5 } });
  const open = (localAddress: string) =>
    new Promise<TLSSocket | undefined>((resolve) => {
      const place = { host: "127.0.0.1", port: box.port, localAddress };
      const socket = connect({ ...place, rejectUnauthorized: false });
      t.after(() => socket.destroy());
      socket.on("error", () => {});
      socket.on("close", () => resolve(undefined));
      socket.on("secureConnect", () => resolve(socket));
    });
  const taken = [];
  for (let n = 0; n < 7; n += 1) taken.push(await open("127.0.0.2"));
  assert.equal(taken.filter((socket) => socket !== undefined).length, 5);
  assert.equal((await box.ask("GET", "version")).status, 200, "from another address");
  taken[0]!.destroy();
  const again = async () => (await open("127.0.0.2")) !== undefined;
  await eventually("a place is free again", 30_000, again);
});

test("a handshake that a stranger drags out holds up no stop", { timeout: 60_000 }, async (t) => {
  const box = await StorageBox.start({ owner: t });
  const socket = connectPlain({ host: "127.0.0.1", port: box.port });
  socket.on("error", () => {});
  await once(socket, "connect");
  await box.ask("GET", "version");
  await box.server.close();
});

function authorization(): string {
  return `Tahoe-LAFS ${Buffer.from(anna().swissnum).toString("base64")}`;
}
