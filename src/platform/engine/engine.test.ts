/**
 * The client against engines that do not behave: none there, deaf, mute, babbling, endless, gone in the midst. What a
 * real engine does is in test/engine.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createSocketServer } from "node:net";
import type { Server, Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import { seededRandom } from "../../kernel/random.ts";
import { passingFolder, until } from "../waiting.fixture.ts";
import { COMMAND_BYTES_MAX, ENGINE_ANSWER_BYTES_MAX } from "./constants.ts";
import { openEngine } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { limitConfig } from "./instances.ts";
import { engineSockets, findEngineSocket } from "./sockets.ts";
import type { EngineLimits } from "./transport.ts";

const PRINT = "ab".repeat(32);
const OPERATION = "01234567-89ab-cdef-0123-456789abcdef";
const SHORT: Partial<EngineLimits> = { answerTimeoutMs: 300, waitRoundMs: 50, streamIdleMs: 200 };

function open(socket: string, limits: Partial<EngineLimits> = SHORT): Engine {
  return openEngine({ clock: systemClock(), random: seededRandom(1), socket, limits });
}

async function listen(t: TestContext, server: Server): Promise<string> {
  const path = join(passingFolder(), "s");
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    open.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return path;
}

const http = (t: TestContext, answer: RequestListener) => listen(t, createHttpServer(answer));
const raw = (t: TestContext, hear: (socket: Socket) => void) => listen(t, createSocketServer(hear));
const json = (value: object) => `${JSON.stringify(value)}\n`;
const sync = (metadata: unknown) => json({ type: "sync", status_code: 200, metadata });
const begun = (metadata: unknown = {}) =>
  json({ type: "async", operation: `/1.0/operations/${OPERATION}`, status_code: 100, metadata });

async function code(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isFailure(error)) return error.code;
    throw error;
  }
  return "done";
}

test("an engine's socket is looked for where its variables say, else in the usual places, Incus first", () => {
  assert.deepEqual(engineSockets({ LXD_DIR: "/a", INCUS_DIR: "/b" }), ["/b/unix.socket"]);
  assert.deepEqual(engineSockets({ LXD_DIR: "/a" }), ["/a/unix.socket"]);
  assert.deepEqual(engineSockets({ INCUS_SOCKET: "/c", INCUS_DIR: "/b" }), ["/c"]);
  assert.equal(
    findEngineSocket({}, (path) => path.includes("/lxd/")),
    "/var/lib/lxd/unix.socket",
  );
  assert.equal(
    findEngineSocket({}, () => true),
    "/var/lib/incus/unix.socket",
  );
  assert.equal(
    findEngineSocket({}, () => false),
    undefined,
  );
});

test("no engine, and one that does not run, are told apart, and nothing was done", async (t) => {
  const folder = passingFolder();
  assert.equal(await code(open(join(folder, "none")).info()), "engine-missing");
  assert.equal(await code(open(join(folder, "none")).instances.start("c1")), "engine-missing");
  mkdirSync(join(folder, "dir"));
  assert.equal(await code(open(join(folder, "dir")).instances.start("c1")), "engine-unreachable");
  const asked = openEngine({ clock: systemClock(), random: seededRandom(1), env: { LXD_DIR: folder } });
  await assert.rejects(asked.info(), /engine-missing.*unix\.socket/);
  const forbidden = await http(t, (_asked, answer) => {
    answer.writeHead(403).end(json({ type: "error", error: "not authorized", error_code: 403 }));
  });
  assert.equal(await code(open(forbidden).info()), "engine-refused");
});

test("a socket that says nothing is given up, for answers, streams and web sockets", async (t) => {
  const mute = open(await raw(t, () => {}));
  assert.equal(await code(mute.info()), "engine-timeout");
  assert.equal(await code(mute.instances.start("c1")), "engine-timeout");
  assert.equal(await code(mute.files.read("c1", "/x")), "engine-timeout");
  assert.equal(await code(mute.files.write("c1", "/x", Readable.from([Buffer.from("x")]))), "engine-timeout");
});

test("a socket that says garbage is no engine", async (t) => {
  const answers = [
    "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}`,
    `HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"type"`,
    `HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}\r\n\r\n`,
  ];
  for (const said of answers) {
    const engine = open(await raw(t, (socket) => socket.once("data", () => socket.end(said))));
    assert.equal(await code(engine.info()), "engine-garbled", said.slice(0, 60));
  }
  const other = open(await http(t, (_asked, answer) => answer.end(sync({ auth: "trusted", environment: {} }))));
  assert.equal(await code(other.info()), "engine-garbled");
  assert.equal(await code(other.instances.list()), "engine-garbled");
  assert.equal(await code(other.instances.get("c1")), "engine-garbled");
  assert.equal(await code(other.commands.run("c1", ["true"])), "engine-garbled");
  const unknown = await http(t, (_asked, answer) => {
    const environment = { server: "docker", server_version: "1" };
    answer.end(sync({ auth: "trusted", environment }));
  });
  assert.equal(await code(open(unknown).info()), "engine-garbled");
});

test("an answer without end is cut at its limit", async (t) => {
  let sent = 0;
  const socket = await http(t, (_asked, answer) => {
    answer.on("error", () => {});
    const more = (): void => {
      while (!answer.destroyed && answer.write("x".repeat(65_536))) sent += 65_536;
      sent += 65_536;
      answer.once("drain", more);
    };
    more();
  });
  assert.equal(await code(open(socket, { answerTimeoutMs: 20_000 }).instances.list()), "engine-answer-too-large");
  assert.ok(sent < 2 * ENGINE_ANSWER_BYTES_MAX, `${sent} bytes`);
});

test("an answer that drips is given up at its deadline", async (t) => {
  const socket = await http(t, (_asked, answer) => {
    const drip = setInterval(() => answer.write(" "), 20);
    answer.once("close", () => clearInterval(drip));
  });
  assert.equal(await code(open(socket).instances.list()), "engine-timeout");
});

test("broken after asking: what changes something may have been done, what only looks has not", async (t) => {
  const engine = open(await raw(t, (socket) => socket.once("data", () => socket.destroy())));
  assert.equal(await code(engine.instances.start("c1")), "engine-interrupted");
  assert.equal(await code(engine.instances.list()), "engine-unreachable");
});

test("a task that the engine does not know any more was broken off", async (t) => {
  const socket = await http(t, (asked, answer) => {
    if (asked.method === "PUT") return void answer.end(begun());
    answer.writeHead(404).end(json({ type: "error", error: "not found", error_code: 404 }));
  });
  assert.equal(await code(open(socket).instances.start("c1")), "engine-interrupted");
});

test("a task is waited for in rounds, until its deadline, and then cancelled", async (t) => {
  const asked: string[] = [];
  let ended = false;
  const socket = await http(t, (request, answer) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.method === "PUT") return void answer.end(begun());
    setTimeout(() => answer.end(sync({ status_code: ended ? 200 : 103, metadata: { return: 0 } })), 20);
  });
  const engine = open(socket);
  assert.equal(await code(engine.instances.start("c1", { timeoutMs: 150 })), "engine-timeout");
  assert.ok(asked.filter((one) => one.includes("/wait")).length >= 3);
  await until("it is cancelled", () => asked.includes(`DELETE /1.0/operations/${OPERATION}`));
  ended = true;
  assert.equal(await code(engine.instances.start("c1", { timeoutMs: 150 })), "done");
});

test("who waits no longer gets the own reason, and the task is asked to stop", async (t) => {
  const asked: string[] = [];
  const socket = await http(t, (request, answer) => {
    asked.push(String(request.method));
    if (request.method === "PUT") answer.end(begun());
  });
  const stop = new AbortController();
  const started = open(socket, {}).instances.start("c1", { signal: stop.signal });
  await until("it waits", () => asked.includes("GET"));
  stop.abort(new Error("no longer wanted"));
  await assert.rejects(started, /no longer wanted/);
  await until("it is cancelled", () => asked.includes("DELETE"));
  await assert.rejects(open(socket, {}).instances.start("c1", { signal: stop.signal }), /no longer wanted/);
});

test("tasks that fail, are cancelled, or are in a state that nobody knows", async (t) => {
  let status: object = { status_code: 400, err: 'Instance is busy running a "stop" operation' };
  const socket = await http(t, (request, answer) => {
    answer.end(request.method === "PUT" ? begun() : sync(status));
  });
  const engine = open(socket);
  assert.equal(await code(engine.instances.start("c1")), "instance-state");
  status = { status_code: 401 };
  assert.equal(await code(engine.instances.start("c1")), "engine-cancelled");
  status = { status_code: "yes" };
  assert.equal(await code(engine.instances.start("c1")), "engine-garbled");
});

test("an instance in a state that nobody knows is shown as such, and as stopped it uses nothing", async (t) => {
  const instance = { name: "c1", status_code: 999, created_at: "2026-01-01T00:00:00Z" };
  const state = { status_code: 102, pid: 0, processes: -1, cpu: null, memory: {}, disk: null, network: null };
  const socket = await http(t, (request, answer) => {
    const url = request.url ?? "";
    answer.end(
      sync(url.includes("recursion=2") ? [{ ...instance, state }] : url.includes("state") ? state : [instance]),
    );
  });
  const engine = open(socket);
  assert.equal((await engine.instances.list())[0]!.status, "unknown");
  const [one] = await engine.instances.states();
  assert.deepEqual(one!.state, {
    ...{ status: "stopped", pid: 0, processes: 0, cpuNs: 0, memoryBytes: 0, memoryPeakBytes: 0, networks: [] },
  });
});

test("names that would be another address are refused before they are sent", async (t) => {
  const asked: string[] = [];
  const socket = await http(t, (request, answer) => {
    asked.push(request.url ?? "");
    answer.end(sync([]));
  });
  const engine = open(socket);
  for (const name of ["", "..", ".", "a/b", "a?project=x", "-a", "a-", "1a", "a".repeat(64), "a b", "ä"]) {
    await assert.rejects(async () => engine.instances.start(name), /bad-input/, name);
  }
  await assert.rejects(async () => engine.instances.snapshot("c1", "../x"), /bad-input/);
  await assert.rejects(async () => engine.images.get("x".repeat(64)), /bad-input/);
  await assert.rejects(async () => engine.networks.get(".."), /bad-input/);
  await assert.rejects(async () => engine.files.read("c1", "etc/passwd"), /bad-input/);
  await assert.rejects(async () => engine.files.read("c1", `/${"x".repeat(4096)}`), /bad-input/);
  await assert.rejects(async () => engine.commands.run("c1", []), /bad-input/);
  await assert.rejects(async () => engine.commands.run("c1", ["x".repeat(COMMAND_BYTES_MAX)]), /bad-input/);
  assert.throws(() => engine.inProject("a/b"), /bad-input/);
  assert.deepEqual(asked, []);
  await engine.inProject("p1").instances.list();
  assert.deepEqual(asked, ["/1.0/instances?recursion=1&project=p1"]);
});

test("more questions at once than the limit are refused, and places come back", async (t) => {
  const waiting: (() => void)[] = [];
  const socket = await http(t, (_asked, answer) => void waiting.push(() => answer.end(sync([]))));
  const engine = open(socket, { requestsMax: 2, socketsMax: 0 });
  const first = [engine.instances.list(), engine.inProject("p1").instances.list()];
  assert.equal(await code(engine.instances.list()), "engine-busy");
  await until("both are asked", () => waiting.length === 2);
  for (const answer of waiting) answer();
  await Promise.all(first);
  const again = engine.instances.list();
  await until("it is asked", () => waiting.length === 3);
  waiting[2]!();
  await again;
});

test("more web sockets at once than the limit are refused", async (t) => {
  const fds = { "0": "a", "1": "b", "2": "c", control: "d" };
  const socket = await http(t, (_asked, answer) => answer.end(begun({ metadata: { fds } })));
  assert.equal(await code(open(socket, { socketsMax: 0 }).commands.run("c1", ["true"])), "engine-busy");
});

test("an image that is another than the wanted one never reaches the engine whole", async (t) => {
  let received = 0;
  const socket = await http(t, (request, answer) => {
    request.on("data", (chunk: Buffer) => (received += chunk.length));
    request.on("error", () => {});
    request.on("end", () => answer.end(begun()));
  });
  const parts = [Buffer.alloc(1000), Buffer.alloc(1000)];
  const imported = open(socket).images.import(Readable.from(parts), { fingerprint: PRINT });
  assert.equal(await code(imported), "image-bad");
  await sleep(50);
  assert.ok(received < 2000);
});

test("a tarball that cannot be read is its own error", async (t) => {
  const socket = await http(t, (request) => void request.on("error", () => {}).resume());
  const broken = Readable.from(
    (async function* () {
      yield Buffer.alloc(10);
      throw new Error("the disk is gone");
    })(),
  );
  await assert.rejects(open(socket).images.import(broken), /the disk is gone/);
});

test("news are opened again when they break, with pauses, until they are stopped", async (t) => {
  let tries = 0;
  const socket = await raw(t, (one) => {
    tries += 1;
    one.once("data", () =>
      one.end(tries === 1 ? "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n" : "no\r\n\r\n"),
    );
  });
  const why: unknown[] = [];
  const watch = open(socket).watch({ event: () => {}, down: (one) => why.push(one) });
  await until("three tries", () => tries >= 3);
  watch.stop();
  const stopped = tries;
  await sleep(1_200);
  assert.equal(tries, stopped);
  assert.ok(
    why.every((one) => isFailure(one, "engine-garbled") || isFailure(one, "engine-unreachable")),
    String(why),
  );
});

test("limits become the engine's keys; none and nonsense are told apart", () => {
  assert.deepEqual(limitConfig({ cpus: 2, memoryBytes: 1024, processes: 7 }), {
    ...{ "limits.cpu.allowance": "200ms/100ms", "limits.memory": "1024B", "limits.processes": "7" },
  });
  assert.deepEqual(limitConfig({ cpus: 0.25 }), { "limits.cpu.allowance": "25ms/100ms" });
  assert.deepEqual(limitConfig({}), {});
  for (const bad of [{ memoryBytes: 0 }, { processes: -1 }, { cpus: 0 }, { memoryBytes: Number.NaN }]) {
    assert.throws(() => limitConfig(bad), /engine-bad-request/);
  }
});
