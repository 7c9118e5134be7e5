/** What the SFTP server does with the requests of honest clients, each rule by itself; files in memory. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import type { FileSystem } from "../../src/services/files/tree/file-system.ts";
import type { MemoryFilesOptions } from "./memory-files.ts";
import { memoryFiles } from "./memory-files.ts";
import { startSftp } from "./sftp-box.ts";
import type { StatusError } from "./sftp-client.ts";
import { sftpClient } from "./sftp-client.ts";

const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;
const FAILURE = 4;

async function start(options: MemoryFilesOptions = {}, files: FileSystem = memoryFiles(options)) {
  const box = await startSftp(files, { spoolMemoryBytes: 1000, spoolFileMaxBytes: 10_000_000 });
  const client = await sftpClient(box);
  return {
    files,
    box,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await box[Symbol.asyncDispose]();
    },
  };
}

const refused = (code: number) => (error: StatusError) => error.code === code;

async function contentOf(files: FileSystem, name: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await files.read(name)).content) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe("writing", () => {
  test("nothing is seen before CLOSE but by who writes; then all of it", async () => {
    await using world = await start();
    const { client, files } = world;
    const handle = await client.open("/new", "w");
    await client.write(handle, 0, Buffer.from("hello"));
    assert.equal((await client.stat("/new")).size, 5);
    assert.deepEqual(
      (await client.list("/")).map((one) => one.name),
      ["new"],
    );
    assert.equal(await files.stat("/new"), undefined);
    await client.close(handle);
    assert.equal((await contentOf(files, "/new")).toString(), "hello");
  });

  test("from front to back, it is stored while it comes, and nothing waits in memory or under a name", async () => {
    await using world = await start();
    const data = randomBytes(3_000_000);
    const handle = await world.client.open("/big", "w");
    for (let at = 0; at < data.length; at += 30_000)
      await world.client.write(handle, at, data.subarray(at, at + 30_000));
    assert.equal(world.box.sftp.stats().spoolBytes, data.length);
    assert.deepEqual(readdirSync(path.join(world.box.folder, "spool")), []);
    await world.client.close(handle);
    assert.equal(world.box.sftp.stats().spoolBytes, 0);
    assert.ok((await contentOf(world.files, "/big")).equals(data));
  });

  test("anywhere, again and again, with gaps", async () => {
    await using world = await start();
    const expected = Buffer.alloc(900_000);
    const handle = await world.client.open("/random", "w+");
    const put = async (at: number, data: Buffer) => {
      data.copy(expected, at);
      await world.client.write(handle, at, data);
    };
    await put(0, randomBytes(30_000));
    await put(30_000, randomBytes(30_000));
    await put(10, randomBytes(30_000));
    await put(870_000, randomBytes(30_000));
    for (let n = 0; n < 40; n += 1) await put((n * 7919 * 31) % 870_000, randomBytes(((n * 997) % 29_000) + 1));
    assert.ok((await world.client.read(handle, 60_000, 30_000)).equals(expected.subarray(60_000, 90_000)));
    await world.client.close(handle);
    assert.ok((await contentOf(world.files, "/random")).equals(expected));
  });

  test("a file that is opened without truncating keeps what is not written; appending goes to its end", async () => {
    await using world = await start();
    const { client, files } = world;
    await client.put("/a", Buffer.from("0123456789"));
    const inside = await client.open("/a", "r+");
    await client.write(inside, 3, Buffer.from("xyz"));
    await client.close(inside);
    assert.equal((await contentOf(files, "/a")).toString(), "012xyz6789");
    const end = await client.open("/a", "a");
    await client.write(end, 0, Buffer.from("!"));
    await client.write(end, 0, Buffer.from("?"));
    await client.close(end);
    assert.equal((await contentOf(files, "/a")).toString(), "012xyz6789!?");
    await assert.rejects(client.open("/a", "wx"), refused(FAILURE));
    await assert.rejects(client.open("/b", "r+"), refused(NO_SUCH_FILE));
    await assert.rejects(client.open("/none/b", "w"), refused(NO_SUCH_FILE));
  });

  test("what goes wrong with storing is the answer to CLOSE, and what was there stays", async () => {
    await using world = await start({ capacityBytes: 5000 });
    const { client, files } = world;
    await client.put("/small", Buffer.from("before"));
    const few = await client.open("/small", "w");
    for (let at = 0; at < 900; at += 100) await client.write(few, at, Buffer.alloc(100));
    await client.write(few, 6000, Buffer.alloc(100));
    await assert.rejects(client.close(few), /files-no-room/);
    assert.equal((await contentOf(files, "/small")).toString(), "before");
    const many = await client.open("/small", "w");
    await assert.rejects(async () => {
      for (let at = 0; at < 2_000_000; at += 30_000) await client.write(many, at, Buffer.alloc(30_000));
      await client.close(many);
    }, /files-no-room/);
    await client.close(many).catch(() => {});
    assert.equal((await contentOf(files, "/small")).toString(), "before");
    assert.equal(world.box.sftp.stats().spoolBytes, 0);
  });

  test("who wrote the same file in between is not overwritten unseen", async () => {
    await using world = await start();
    const { client, files } = world;
    await client.put("/a", Buffer.from("first"));
    const handle = await client.open("/a", "r+");
    await client.write(handle, 0, Buffer.from("mine "));
    await files.write(
      "/a",
      (async function* () {
        yield Buffer.from("theirs");
      })(),
    );
    await assert.rejects(client.close(handle), /files-changed/);
    assert.equal((await contentOf(files, "/a")).toString(), "theirs");
  });

  test("fsync stores what is there so far", async () => {
    await using world = await start();
    const { client, files } = world;
    const handle = await client.open("/log", "w");
    await client.write(handle, 0, Buffer.alloc(2000, "a"));
    await client.ask("ext_openssh_fsync", handle);
    assert.equal((await contentOf(files, "/log")).length, 2000);
    await client.write(handle, 2000, Buffer.from("b"));
    assert.equal((await contentOf(files, "/log")).length, 2000);
    await client.close(handle);
    assert.equal((await contentOf(files, "/log")).length, 2001);
  });

  test("a connection that breaks off keeps a new file as far as it came, and leaves an old one", async () => {
    await using world = await start();
    const { client, files, box } = world;
    await client.put("/old", Buffer.from("old"));
    const other = await sftpClient(box);
    await other.write(await other.open("/old", "w"), 0, Buffer.alloc(1500));
    await other.write(await other.open("/fresh", "w"), 0, Buffer.alloc(1500));
    await other.write(await other.open("/holes", "w"), 5, Buffer.alloc(1500));
    other.ssh.destroy();
    while (box.sftp.stats().connections > 1) await sleep(5);
    assert.equal((await contentOf(files, "/old")).toString(), "old");
    assert.equal((await files.stat("/fresh"))?.bytes, 1500);
    assert.equal(await files.stat("/holes"), undefined);
    const on = await client.open("/fresh", "r+");
    await client.write(on, 1500, Buffer.from("rest"));
    await client.close(on);
    assert.equal((await files.stat("/fresh"))?.bytes, 1504);
  });

  test("times and lengths, by path and by handle", async () => {
    await using world = await start();
    const { client, files } = world;
    const handle = await client.open("/a", "w");
    await client.write(handle, 0, Buffer.from("0123456789"));
    await client.ask("fsetstat", handle, { atime: 1e9, mtime: 1e9, mode: 0o644 });
    assert.equal((await client.stat("/a")).mtime, 1e9);
    await client.close(handle);
    assert.equal((await files.stat("/a"))?.modifiedMs, 1e12);
    await client.ask("setstat", "/a", { size: 4 });
    assert.equal((await contentOf(files, "/a")).toString(), "0123");
    await client.ask("setstat", "/a", { atime: 5, mtime: 5 });
    assert.equal((await client.stat("/a")).mtime, 5);
    await client.ask("setstat", "/a", { uid: 0, gid: 0, mode: 0o777 });
    assert.equal((await client.stat("/a")).mode, 0o100600);
    await assert.rejects(client.ask("setstat", "/none", { mode: 0o777 }), refused(NO_SUCH_FILE));
    const longer = await client.open("/a", "r+");
    await client.ask("fsetstat", longer, { size: 6 });
    await client.close(longer);
    assert.deepEqual([...(await contentOf(files, "/a"))], [48, 49, 50, 51, 0, 0]);
  });
});

describe("paths", () => {
  test("folders: made, listed in portions, removed only when empty", async () => {
    await using world = await start();
    const { client, files } = world;
    await client.ask("mkdir", "/d");
    await assert.rejects(client.ask("mkdir", "/d"), refused(FAILURE));
    for (let n = 0; n < 250; n += 1) await files.makeFolder(`/d/${n}`);
    const listed = await client.list("/d");
    assert.equal(new Set(listed.map((one) => one.name)).size, 250);
    assert.match(listed[0]!.longName, /^drwx------ +1 ana +ana +0 \w{3} [ \d]\d \d\d:\d\d \d+$/);
    await assert.rejects(client.ask("rmdir", "/d"), refused(FAILURE));
    await assert.rejects(client.ask("unlink", "/d"), refused(FAILURE));
    await client.ask("rmdir", "/d/7");
    assert.equal((await client.list("/d")).length, 249);
    await assert.rejects(client.list("/none"), refused(NO_SUCH_FILE));
    await assert.rejects(client.ask("symlink", "/d", "/e"), refused(8));
  });

  test("renaming spares what is there, unless it is POSIX's", async () => {
    await using world = await start();
    const { client, files } = world;
    await client.put("/a", Buffer.from("a"));
    await client.put("/b", Buffer.from("b"));
    await assert.rejects(client.ask("rename", "/a", "/b"), refused(FAILURE));
    await client.ask("ext_openssh_rename", "/a", "/b");
    assert.equal((await contentOf(files, "/b")).toString(), "a");
    await client.ask("mkdir", "/d");
    await client.ask("mkdir", "/full");
    await client.put("/full/x", Buffer.from("x"));
    await assert.rejects(client.ask("ext_openssh_rename", "/b", "/d"), refused(FAILURE));
    await assert.rejects(client.ask("ext_openssh_rename", "/d", "/b"), refused(FAILURE));
    await assert.rejects(client.ask("ext_openssh_rename", "/d", "/full"), refused(FAILURE));
    await client.ask("ext_openssh_rename", "/full", "/d");
    assert.equal((await contentOf(files, "/d/x")).toString(), "x");
    await client.ask("rename", "/d/x", "/d/x").catch((error: StatusError) => assert.equal(error.code, FAILURE));
    await assert.rejects(client.ask("rename", "/none", "/n"), refused(NO_SUCH_FILE));
  });

  test("what is open is renamed and removed with its path", async () => {
    await using world = await start();
    const { client, files } = world;
    await client.ask("mkdir", "/d");
    const handle = await client.open("/d/part", "w");
    for (let at = 0; at < 600_000; at += 30_000) await client.write(handle, at, Buffer.alloc(30_000, "x"));
    await client.ask("rename", "/d/part", "/d/whole");
    await client.ask("rename", "/d", "/e");
    assert.equal((await client.stat("/e/whole")).size, 600_000);
    await client.close(handle);
    assert.equal((await files.stat("/e/whole"))?.bytes, 600_000);
    const gone = await client.open("/e/whole", "r+");
    await client.write(gone, 0, Buffer.from("y"));
    await client.ask("unlink", "/e/whole");
    await assert.rejects(client.stat("/e/whole"), refused(NO_SUCH_FILE));
    await client.close(gone);
    assert.equal(await files.stat("/e/whole"), undefined);
  });

  test("a rename that comes before the answer to CLOSE finds the file", async () => {
    const slow = slowToStore(memoryFiles(), 200);
    await using world = await start({}, slow);
    const { client, files } = world;
    const handle = await client.open("/tmp", "w");
    await client.write(handle, 0, Buffer.from("text"));
    const closed = client.close(handle);
    const renamed = client.ask("rename", "/tmp", "/final");
    await Promise.all([closed, renamed, client.stat("/")]);
    assert.equal((await contentOf(files, "/final")).toString(), "text");
  });

  test("opening and looking in one breath", async () => {
    await using world = await start();
    const [handle, seen] = await Promise.all([world.client.open("/new", "w"), world.client.stat("/new")]);
    assert.equal(seen.size, 0);
    await world.client.close(handle);
    assert.equal((await world.files.stat("/new"))?.bytes, 0);
  });

  test("who may only read is told so, before anything is sent", async () => {
    await using world = await start({ canWrite: false });
    await assert.rejects(world.client.open("/new", "w"), refused(PERMISSION_DENIED));
    await assert.rejects(world.client.ask("mkdir", "/d"), refused(PERMISSION_DENIED));
    assert.equal((await world.client.stat("/")).mode, 0o040500);
  });

  test("a device until it is taken back", async () => {
    let isAllowed = true;
    await using box = await startSftp(memoryFiles(), {}, { isAllowed: () => isAllowed });
    const client = await sftpClient(box);
    box.sftp.forget();
    assert.equal((await client.stat("/")).isDirectory(), true);
    isAllowed = false;
    box.sftp.forget();
    await once(client.ssh, "close");
  });
});

describe("reading", () => {
  test("from front to back runs ahead, a jump fetches what is asked", async () => {
    const memory = memoryFiles({ pieceBytes: 10_000 });
    await using world = await start({}, memory);
    const data = randomBytes(3_000_000);
    await world.client.put("/big", data);
    const before = memory.piecesRead();
    const handle = await world.client.open("/big", "r");
    assert.ok((await world.client.read(handle, 0, 30_000)).equals(data.subarray(0, 30_000)));
    while (memory.piecesRead() < before + 100) await sleep(5);
    await sleep(50);
    assert.ok(memory.piecesRead() - before < 120, "a mebibyte ahead, not more");
    assert.ok((await world.client.read(handle, 2_000_000, 30_000)).equals(data.subarray(2_000_000, 2_030_000)));
    await sleep(50);
    assert.ok(memory.piecesRead() - before < 130, "not ahead after a jump");
    assert.ok((await world.client.read(handle, 2_990_000, 30_000)).equals(data.subarray(2_990_000)));
    assert.equal((await world.client.read(handle, 3_000_000, 10)).length, 0);
    for (const at of [500_000, 400_000, 2_500_000, 510_000, 30_000, 0]) {
      assert.ok((await world.client.read(handle, at, 20_000)).equals(data.subarray(at, at + 20_000)));
    }
    await assert.rejects(world.client.write(handle, 0, Buffer.from("x")), refused(PERMISSION_DENIED));
    await world.client.close(handle);
    assert.equal(world.box.sftp.stats().readAheadBytes, 0);
  });

  test("a file that changes while it is read is never mixed with what it was", async () => {
    await using world = await start();
    const { client } = world;
    await client.put("/a", Buffer.alloc(3_000_000, "a"));
    const handle = await client.open("/a", "r");
    await client.read(handle, 0, 100);
    await client.put("/a", Buffer.alloc(3_000_000, "b"));
    await assert.rejects(client.read(handle, 2_900_000, 100), /files-changed/);
  });
});

function slowToStore(files: FileSystem, delayMs: number): FileSystem {
  return new Proxy(files, {
    get(target, key: keyof FileSystem) {
      if (key !== "write") return target[key].bind(target);
      return async (...all: Parameters<FileSystem["write"]>) => {
        await sleep(delayMs);
        return await target.write(...all);
      };
    },
  });
}
