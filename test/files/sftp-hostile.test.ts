/** What the SFTP server does with clients that mean harm: everything that they can use up has its end. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import type { ClientChannel } from "ssh2";
import { seededRandom } from "../../src/kernel/random.ts";
import { collectGarbage } from "../../src/platform/heap.fixture.ts";
import type { FileSystem } from "../../src/services/files/tree/file-system.ts";
import { memoryFiles } from "./memory-files.ts";
import { startSftp } from "./sftp-box.ts";
import type { StatusError } from "./sftp-client.ts";
import { connect, packet, rawChannel, sftpClient } from "./sftp-client.ts";

const HELLO = packet(1, 3);
/** What one who reads nothing may hold of this process, of much more that it asks for. */
const GREEDY_BYTES_MAX = 100_000_000;
const OPEN = 3;
const READ = 5;
const WRITE = 6;
const STAT = 17;
const NO_ATTRIBUTES = 0;
const failure = (error: StatusError) => error.code === 4;

/** Packets as they come; ends with the channel. */
async function* answersOf(channel: ClientChannel): AsyncGenerator<Buffer> {
  let have: Buffer = Buffer.alloc(0);
  for await (const piece of channel as AsyncIterable<Buffer>) {
    have = Buffer.concat([have, piece]);
    while (have.length >= 4 && have.length >= 4 + have.readUInt32BE()) {
      const end = 4 + have.readUInt32BE();
      yield have.subarray(4, end);
      have = have.subarray(end);
    }
  }
}

describe("logging in", () => {
  test("a key of somebody else, a key that cannot sign, a wrong password: refused, in the end cut off", async () => {
    await using box = await startSftp(memoryFiles(), { loginAttemptsMax: 3, loginFailuresMax: 8 });
    for (const login of [{ password: "guess" }, { username: "eva" }]) {
      await assert.rejects(connect(box, login), /authentication methods failed/);
    }
    let tried = 0;
    await assert.rejects(
      connect(box, {
        // Never ends by itself.
        authHandler: (_left, _partial, next) => {
          tried += 1;
          next({ type: "password", username: "ana", password: `guess ${tried}` });
        },
      }),
    );
    assert.equal(tried, 3);
    assert.equal(box.sftp.stats().connections, 0);
    // Of this address there were 5 by now.
    for (let n = 0; n < 3; n += 1) await connect(box, { password: "guess" }).catch(() => {});
    await assert.rejects(connect(box), "also with the right password, for a while");
    assert.equal(box.sftp.stats().refused, 1);
  });

  test("who does not log in does not stay, and does not keep others out for long", async () => {
    await using box = await startSftp(memoryFiles(), { loginTimeoutMs: 400, strangersMax: 3 });
    const silent = Array.from({ length: 6 }, () =>
      connectTcp(box.port, "127.0.0.1")
        .on("error", () => {})
        .resume(),
    );
    await Promise.all(silent.map((socket) => once(socket, "close")));
    assert.equal(box.sftp.stats().refused, 3);
    await using client = await sftpClient(box);
    assert.equal((await client.stat("/")).isDirectory(), true);
  });

  test("a greeting without end, and rubbish", async () => {
    await using box = await startSftp(memoryFiles(), { loginTimeoutMs: 3000 });
    for (const said of [
      Buffer.alloc(200_000, "x"),
      randomBytes(5000),
      Buffer.from(`SSH-2.0-x\r\n${"y".repeat(99_999)}`),
    ]) {
      const socket = connectTcp(box.port, "127.0.0.1").on("error", () => {});
      socket.write(said);
      socket.resume();
      await once(socket, "close");
    }
    await using client = await sftpClient(box);
    assert.equal((await client.list("/")).length, 0);
    assert.deepEqual(box.logged("error"), []);
  });

  test("connections of one address, and of all", async () => {
    await using box = await startSftp(memoryFiles(), { connectionsPerAddressMax: 2 });
    const clients = [await connect(box), await connect(box)];
    await assert.rejects(connect(box));
    clients.forEach((client) => client.end());
  });
});

describe("logged in", () => {
  test("no commands, no shell, no way to other machines, few sessions", async () => {
    await using box = await startSftp(memoryFiles(), { sessionsMax: 2 });
    const ssh = await connect(box);
    const said = await new Promise<string>((resolve, reject) => {
      ssh.exec("id", (error, channel) => {
        if (error) return reject(error);
        let text = "";
        channel.stderr.on("data", (data: Buffer) => (text += data.toString()));
        channel.on("data", () => reject(new Error("it ran")));
        channel.on("close", (code: number) => resolve(`${code} ${text}`));
      });
    });
    assert.match(said, /^1 This server does file transfer/);
    await assert.rejects(new Promise((_, reject) => ssh.forwardOut("127.0.0.1", 1, "127.0.0.1", 22, reject)));
    await assert.rejects(new Promise((_, reject) => ssh.forwardIn("127.0.0.1", 0, reject)));
    await rawChannel(ssh);
    await rawChannel(ssh);
    await assert.rejects(rawChannel(ssh));
    ssh.end();
  });

  test("10,000 handles", async () => {
    const memory = memoryFiles();
    await using box = await startSftp(memory, { handlesMax: 100 });
    await using client = await sftpClient(box);
    await client.put("/a", Buffer.from("a"));
    const opened = await Promise.allSettled(Array.from({ length: 10_000 }, () => client.open("/a", "r")));
    const handles = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    assert.equal(handles.length, 100);
    await assert.rejects(client.open("/b", "w"), /files-too-many/);
    await Promise.all(handles.map((handle) => client.close(handle)));
    await assert.rejects(client.close(handles[0]!), failure);
    assert.equal((await client.get("/a")).toString(), "a");
  });

  test("names that lead out, cannot be, or are endless", async () => {
    await using box = await startSftp(memoryFiles());
    await using client = await sftpClient(box);
    await client.put("/secret", Buffer.from("mine"));
    assert.equal((await client.get("/../../../secret")).toString(), "mine");
    assert.equal((await client.get("secret")).toString(), "mine");
    await assert.rejects(client.stat("/../etc/passwd"), (error: StatusError) => error.code === 2);
    for (const name of ["/a\0b", "/a\nb", `/${"x".repeat(256)}`, `/a${"/b".repeat(80)}`, "/\x7f"]) {
      await assert.rejects(client.put(name, Buffer.from("x")), failure, JSON.stringify(name).slice(0, 20));
      await assert.rejects(client.ask("rename", "/secret", name), failure);
      await assert.rejects(client.ask("mkdir", name), failure);
    }
    await assert.rejects(client.ask("mkdir", "x".repeat(20_000)), (error: StatusError) => error.code === 5);
  });

  test("packets that are cut, too long, of no kind, before the greeting", async () => {
    await using box = await startSftp(memoryFiles());
    const ssh = await connect(box);
    const long = Buffer.alloc(8);
    long.writeUInt32BE(300_000);
    const endings = [
      [packet(STAT, 1, "/")],
      [HELLO, long],
      [HELLO, Buffer.alloc(4)],
      [HELLO, packet(STAT)],
      [packet(1, 2)],
    ];
    for (const said of endings) {
      const channel = await rawChannel(ssh);
      channel.write(Buffer.concat(said));
      channel.resume();
      await once(channel, "close");
    }
    const channel = await rawChannel(ssh);
    const answers = answersOf(channel);
    channel.write(HELLO);
    assert.equal((await answers.next()).value?.[0], 2);
    const odd = [
      [packet(STAT, 7, 99), 5],
      [packet(STAT, 7, Buffer.from("00ffffff", "hex")), 5],
      [packet(99, 7), 8],
      [packet(200, 7, "rm-rf@example.org"), 8],
      [packet(20, 7, "/a", "/b"), 8],
      [packet(READ, 7, "nothing", 0n, 10), 4],
      [packet(WRITE, 7, "nothing", 2n ** 64n - 1n, "data"), 4],
      [packet(STAT, 7, Buffer.from("00000002fffe", "hex")), 4],
      [packet(OPEN, 7, "/a", 0x1a, 0x80000000, 0xffffffff), 5],
    ] as const;
    for (const [bytes, code] of odd) {
      channel.write(bytes);
      const { value } = await answers.next();
      assert.deepEqual([value?.[0], value?.readUInt32BE(1), value?.readUInt32BE(5)], [101, 7, code]);
    }
    ssh.end();
    assert.deepEqual(box.logged("error"), []);
  });

  test("200 sessions of random packets leave the server as it was", async () => {
    await using box = await startSftp(memoryFiles());
    const random = seededRandom(7);
    const ssh = await connect(box);
    for (let n = 0; n < 200; n += 1) {
      const channel = await rawChannel(ssh);
      channel.on("error", () => {});
      channel.resume();
      const noise = Array.from({ length: 1 + random.below(20) }, () =>
        packet(random.below(4) === 0 ? random.below(256) : 3 + random.below(18), random.bytes(random.below(60))),
      );
      channel.end(Buffer.concat([HELLO, ...noise]));
      await once(channel, "close");
    }
    ssh.end();
    assert.deepEqual(box.logged("error"), []);
    assert.equal(box.sftp.stats().spoolBytes, 0);
  });

  test("a write at the end of the world, and more than the spool may hold", async () => {
    await using box = await startSftp(memoryFiles(), { spoolFileMaxBytes: 100_000, spoolTotalMaxBytes: 150_000 });
    await using client = await sftpClient(box);
    const one = await client.open("/one", "w");
    await assert.rejects(client.write(one, 2 ** 52, Buffer.from("x")), /files-too-large/);
    await assert.rejects(client.ask("fsetstat", one, { size: 2 ** 50 }), /files-too-large/);
    await client.write(one, 99_000, Buffer.alloc(1000));
    const two = await client.open("/two", "w");
    await assert.rejects(client.write(two, 99_000, Buffer.alloc(1000)), /files-spool-full/);
    await client.close(one);
    await client.write(two, 99_000, Buffer.alloc(1000));
    await client.close(two);
    assert.equal(box.sftp.stats().spoolBytes, 0);
  });

  test("many files at once: some in memory, some in the folder, no more", async () => {
    const files = memoryFiles();
    await using box = await startSftp(files, { spoolMemoryTotalBytes: 10_000, spoolFilesMax: 3 });
    await using client = await sftpClient(box);
    // Two buffers of 4 KiB fit.
    const good = await Promise.all([1, 2, 3, 4, 5].map((n) => client.open(`/${n}`, "w")));
    for (const handle of good) await client.write(handle, 0, Buffer.alloc(1000, "x"));
    const late = await client.open("/6", "w");
    await assert.rejects(client.write(late, 0, Buffer.alloc(1000)), /files-too-many/);
    await client.close(good[4]!);
    await client.write(late, 0, Buffer.alloc(1000));
    for (const handle of [...good.slice(0, 4), late]) await client.close(handle);
    for (const { bytes } of await files.list("/")) assert.equal(bytes, 1000);
    assert.equal(box.sftp.stats().spoolBytes, 0);
  });

  test("who asks for more than they read makes nothing but themselves wait", async () => {
    const memory = memoryFiles();
    await using box = await startSftp(memory);
    await using client = await sftpClient(box);
    const data = randomBytes(4_000_000);
    await client.put("/big", data);
    const held = () => {
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const before = held();
    const greedy = await connect(box);
    const channel = await rawChannel(greedy);
    channel.write(HELLO);
    channel.write(packet(OPEN, 1, "/big", 1, NO_ATTRIBUTES));
    // 3,000 reads of 255 KiB: 780 MB, of which nothing is taken.
    for (let n = 0; n < 3000; n += 1) channel.write(packet(READ, n, "1", BigInt((n % 15) * 261_120), 261_120));
    await sleep(1000);
    assert.ok(held() - before < GREEDY_BYTES_MAX, `${held() - before} bytes more`);
    assert.ok((await client.get("/big")).equals(data));
    greedy.destroy();
  });

  test("who sends beyond what they were allowed to is cut off; stopping waits for nobody for ever", async () => {
    const never = new Promise<undefined>(() => {});
    const files: FileSystem = new Proxy<FileSystem>(memoryFiles(), { get: (): unknown => () => never });
    await using box = await startSftp(files, { requestsMax: 1, unreadMaxBytes: 3_000_000, stopGraceMs: 100 });
    const greedy = await connect(box);
    const closed = new Promise<void>((resolve) => greedy.once("close", () => resolve()));
    const channel = await rawChannel(greedy);
    channel.on("error", () => {});
    channel.write(HELLO);
    // The first is never answered, so no more are taken; the window that the server gave is passed over.
    (channel as unknown as { outgoing: { window: number } }).outgoing.window = 1e12;
    for (let n = 0; n < 1000; n += 1) channel.write(packet(STAT, n, "/a", Buffer.alloc(9000)));
    await closed;
  });

  test("a file system that hangs holds up only what asks it, and ends with the connection", async () => {
    const memory = memoryFiles();
    const hanging: FileSystem = new Proxy(memory, {
      get(target, key: keyof FileSystem) {
        if (key !== "read") return target[key].bind(target);
        return (_path: string, { signal }: { signal: AbortSignal }) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      },
    });
    await using box = await startSftp(hanging);
    await using client = await sftpClient(box);
    const other = await sftpClient(box);
    await client.put("/a", Buffer.from("text"));
    const handle = await other.open("/a", "r");
    const reading = other.read(handle, 0, 4).catch(() => "gone");
    assert.equal((await other.stat("/a")).size, 4);
    await other[Symbol.asyncDispose]();
    assert.equal(await reading, "gone");
    while (box.sftp.stats().connections > 1) await sleep(5);
  });

  test("more requests at once than are worked on are answered all the same, in time", async () => {
    await using box = await startSftp(memoryFiles(), { requestsMax: 2, requestBytesMax: 1000 });
    await using client = await sftpClient(box);
    const handle = await client.open("/a", "w");
    const writes = Array.from({ length: 300 }, (_, n) => client.write(handle, n * 5000, Buffer.alloc(5000, n)));
    await Promise.all([...writes, ...Array.from({ length: 300 }, () => client.stat("/a"))]);
    await client.close(handle);
    assert.equal((await client.stat("/a")).size, 1_500_000);
  });
});
