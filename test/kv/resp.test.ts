/**
 * The Redis front end against other people's programs: redis-cli, redis-benchmark and Debian's Python library talk to
 * it, and a real redis-server is asked the same questions, whose answers have to be the same bytes. The store behind
 * it is in memory: what the ring does is tested elsewhere.
 */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { hashRespPassword } from "../../src/services/kv/resp-password.ts";
import type { RespServer } from "../../src/services/kv/resp-server.ts";
import { openRespServer } from "../../src/services/kv/resp-server.ts";
import { needDebian } from "../support/debian.ts";
import type { Running } from "../support/process.ts";
import { eventually, freePort, run, runOk, start } from "../support/process.ts";
import { memoryStore } from "./memory-store.ts";

const clock = systemClock();
const PASSWORD = "open sesame";
let ours: RespServer;
let locked: RespServer;
let redis: Running;
let redisPort = 0;

before(async () => {
  await needDebian(["redis-server", "redis-tools", "python3-redis"]);
  const log = createLog({ clock, level: "error", write: (line) => console.error(line) });
  const common = { clock, log, random: systemRandom(), version: "test", port: 0 };
  ours = await openRespServer({ ...common, store: memoryStore() });
  const password = await hashRespPassword(PASSWORD, systemRandom());
  locked = await openRespServer({ ...common, store: memoryStore(), password });
  redisPort = await freePort();
  redis = start(["redis-server", "--port", String(redisPort), "--save", "", "--appendonly", "no"]);
  await eventually("redis-server answers", 30_000, async () => (await talk(redisPort, ["PING\r\n"])) === "+PONG\r\n");
});

after(() => Promise.all([ours.close(), locked.close(), redis.stop()]));

/** Sends the pieces one after another, ends, and gives back all that was heard. */
function talk(port: number, pieces: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const heard: Buffer[] = [];
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.setTimeout(10_000, () => socket.destroy(new Error("nothing was heard for 10 s")));
    socket.on("data", (chunk: Buffer) => void heard.push(chunk));
    // Who is cut off while it still sends sees a reset; what it heard before counts.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
    socket.once("close", () => resolve(Buffer.concat(heard).toString("latin1")));
    socket.once("end", () => socket.end());
    for (const piece of pieces) socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    socket.write("QUIT\r\n");
  }).then((heard) => (heard as string).replace(/\+OK\r\n$/, ""));
}

const cli = async (args: readonly string[], server = ours) =>
  (await runOk(["redis-cli", "-p", String(server.local.port), ...args])).trimEnd();

/** Lines that both servers are asked, on one connection; times are far enough apart to be rounded alike. */
const QUESTIONS = `
flushall_is_unknown here
set|k|v
get|k
set|k|w|nx|get
set|k|w|xx|get|ex|100
ttl|k
expiretime|none
set|k|v|keepttl
ttl|k
persist|k
persist|k
pttl|k
set|k|v|ex|0
set|k|v|ex|abc
set|k|v|px|9223372036854775807
set|k|v|nx|xx
set|k|v|foo
set|k
setnx|k|1
getset|k|5
incr|k
incrby|k|9223372036854775807
incrby|k|9223372036854775800
decrby|k|-9223372036854775808
decrby|k|1x
set|k|abc
incr|k
append|k|def
strlen|k
append|new|x
getdel|new
getdel|new
getex|k|ex|100
ttl|k
getex|k|persist
getex|k|persist|px|5
mset|a|1|b|2|a|3
mset|a|1|b
mget|a|nothing|b
exists|a|a|nothing
expire|a|100|gt
expire|a|100|lt
expire|a|50|gt
expire|a|100|nx
expire|a|10|nx|xx
expire|a|10|gt|lt
expire|a|10|zz
expire|a|x
expire|a|9223372036854775807
expire|a|-1
exists|a
type|b
type|nothing
del|b|b|k
unlink|nothing
setex|s|10|v
setex|s|-1|v
psetex|s|0|v
scan|0|count|100
scan|0|match|nothing*|count|100
scan|x
scan|0|count|0
scan|0|match
keys|s
keys|n*
dbsize
ping
ping|hello
ping|a|b
echo|hi
echo
select|0
select|99
select|x
client|setname|me
client|getname
client|setname|a b
client|nonsense
client|getname|x
client|no-evict|on
client|no-evict|maybe
client|reply|on
auth|x
auth|a|b|c
hello|5
hello|x
hello|2|nonsense
command|count|x
config|nonsense
nonsense
nonsense|a|b c|${"d".repeat(200)}
get
reset
`;

test("a real redis-server says the same, byte for byte", async () => {
  for (const line of QUESTIONS.trim().split("\n")) {
    const args = line.split("|");
    const request = `*${args.length}\r\n${args.map((one) => `$${one.length}\r\n${one}\r\n`).join("")}`;
    const [mine, theirs] = [await talk(ours.local.port, [request]), await talk(redisPort, [request])];
    assert.equal(mine, theirs, line);
  }
});

test("a real redis-server says the same about RESP3, inline commands and what breaks the protocol", async () => {
  const said = [
    ["HELLO 3 x\r\n", "GET none\r\n", "RESET\r\n", "GET none\r\n"],
    ["SET 'a b' \"c\\x41\\n\"\r\nGET 'a b'\r\n\r\n  \r\nPING\r\n", "DEL 'a b'\r\n"],
    ["PING\r\n", "*x\r\n"],
    ["*-5\r\nPING\r\n"],
    ["*1\r\n$-1\r\n"],
    ["*1\r\n$x\r\n"],
    ["*1\r\nPING\r\n"],
    ["*1\r\n:4\r\nPING\r\n"],
    ["*2147483648\r\n"],
    ["GET 'a\r\n"],
    ['GET "a"b\r\n'],
    ["*2\r\n$4\r\nECHO\r\n$3\r\nabcXY*1\r\n$4\r\nPING\r\n"],
    ["*0\r\n*1\r\n$4\r\nPING\r\n"],
  ];
  for (const pieces of said) {
    // Redis closes with our QUIT unread, and that reset may overtake its error: then it is asked again.
    const theirs = await eventually("Redis's answer", 30_000, async () => (await talk(redisPort, pieces)) || undefined);
    assert.equal(await talk(ours.local.port, pieces), theirs, pieces.join("").slice(0, 60));
  }
});

test("redis-cli: values, conditions, numbers, listing, RESP3, and its own pipe", async () => {
  assert.equal(await cli(["set", "cli", "one", "ex", "100", "nx"]), "OK");
  assert.equal(await cli(["set", "cli", "two", "nx"]), "");
  assert.equal(await cli(["incr", "cli:n"]), "1");
  assert.equal(await cli(["mget", "cli", "none", "cli:n"]), "one\n\n1");
  for (let at = 0; at < 30; at += 1) await cli(["set", `many:${at}`, String(at)]);
  const scanned = await cli(["--scan", "--pattern", "many:*"]);
  assert.equal(new Set(scanned.split("\n")).size, 30);
  assert.match(await cli(["-3", "hello", "3"]), /proto 3\n/);
  assert.match(await cli(["-3", "config", "get", "save"]), /^save/);
  const requests = Array.from({ length: 5_000 }, (_, at) => `*3\r\n$3\r\nSET\r\n$5\r\n${10_000 + at}\r\n$1\r\nx\r\n`);
  const piped = await run(["redis-cli", "-p", String(ours.local.port), "--pipe"], { input: requests.join("") });
  assert.match(piped.stdout, /errors: 0, replies: 5000/);
});

test("redis-cli with a password, right and wrong", async () => {
  assert.match(await cli(["get", "k"], locked), /^NOAUTH Authentication required\./);
  assert.equal(await cli(["--no-auth-warning", "-a", PASSWORD, "set", "k", "v"], locked), "OK");
  assert.match(await cli(["--no-auth-warning", "-a", "wrong", "get", "k"], locked), /NOAUTH/);
  assert.match(await cli(["hello", "3", "auth", "default", PASSWORD], locked), /proto/);
});

test("redis-benchmark runs its requests, alone and in pipelines of 16, with 50 connections", async () => {
  for (const more of [[], ["-P", "16"]]) {
    const args = [
      "-p",
      String(ours.local.port),
      "-c",
      "50",
      "-n",
      "20000",
      "-r",
      "1000",
      "-d",
      "256",
      "--csv",
      ...more,
    ];
    const stdout = await runOk(["redis-benchmark", "-t", "set,get,incr,mset,ping", ...args], { timeoutMs: 60_000 });
    const rates = stdout
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(",").slice(0, 2).join(" "));
    assert.equal(rates.length, 6, stdout);
    console.log(`redis-benchmark -c 50 ${more.join(" ")}: ${rates.join("; ")}`);
    assert.ok(
      rates.every((line) => Number(/"([\d.]+)"$/.exec(line)![1]) > 1_000),
      rates.join(),
    );
  }
});

const PYTHON = `
import redis, sys
r = redis.Redis(port=int(sys.argv[1]), password=sys.argv[2], client_name="py")
assert r.ping() and r.client_getname() == "py"
assert r.set("py", b"\\x00\\xff", px=5000, nx=True) and r.get("py") == b"\\x00\\xff"
assert r.set("py", "x", nx=True) is None and 0 < r.pttl("py") <= 5000
pipe = r.pipeline(transaction=False)
for n in range(1000): pipe.incr("py:n"); pipe.get("py:n")
answers = pipe.execute()
assert answers[0::2] == list(range(1, 1001)) and answers[1::2] == [b"%d" % n for n in range(1, 1001)]
r.mset({"py:%d" % n: n for n in range(200)})
assert len(set(r.scan_iter("py:*", count=17))) == 201
assert r.mget("py:1", "none") == [b"1", None] and r.delete(*r.keys("py*")) == 202
assert r.info()["redis_mode"] == "standalone" and len(r.client_list()) == 1 and r.command_count() > 30
try: r.lpush("l", 1)
except redis.ResponseError as error: assert str(error).startswith("unknown command"), error
print("done")
`;

test("Debian's Python library works unchanged, with a password and pipelines", async () => {
  const stdout = await runOk(["/usr/bin/python3", "-c", PYTHON, String(locked.local.port), PASSWORD]);
  assert.equal(stdout.trim(), "done");
});

test("garbage gets an error or is cut off, and others go on", async () => {
  const random = seededRandom(99);
  for (let round = 0; round < 300; round += 1) {
    const garbage = [
      random.bytes(1 + random.below(2_000)),
      "*3\r\n$3\r\nSET\r\n$1\r\n",
      random.bytes(random.below(50)),
    ];
    const heard = await talk(ours.local.port, [...garbage.slice(random.below(3)), "\r\n", "x".repeat(70_000)]);
    assert.ok(heard === "" || /^[-+$:*]/.test(heard), heard.slice(0, 80));
  }
  assert.equal(await cli(["ping"]), "PONG");
});

const HALF_OPEN = 10_000;
/** Sockets that are opened at one time: the kernel's queue of those that are not accepted yet is short. */
const OPENED_AT_ONCE = 250;
const HALF_A_REQUEST = `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n${"v".repeat(1_000)}`;
/** Of the whole server process, bare Node included, for all of them. */
const MEMORY_BYTES_MAX = 400 * 1024 * 1024;

test("10,000 connections with half a request: bounded memory, and the next hears that there is no place", async (t) => {
  const server = start([process.execPath, new URL("half-open-server.ts", import.meta.url).pathname], { owner: t });
  const port = Number((await server.waitForLine(/^port (\d+)/))[1]);
  const sockets: Socket[] = [];
  t.after(() => {
    for (const one of sockets) one.destroy();
  });
  for (let at = 0; at < HALF_OPEN; at += OPENED_AT_ONCE) {
    const some = Array.from({ length: OPENED_AT_ONCE }, () => connect(port, "127.0.0.1").on("error", () => {}));
    sockets.push(...some);
    await Promise.all(some.map((one) => new Promise((resolve) => one.once("connect", resolve))));
    for (const one of some) one.write(HALF_A_REQUEST);
  }
  const told = await server.waitForLine(/^10000 open, 0 refused, (1\d{7}) held, (\d+) rss/, 120_000);
  console.log(told[0]);
  assert.ok(Number(told[2]) < MEMORY_BYTES_MAX, told[0]);
  assert.equal(await talk(port, ["PING\r\n"]), "-ERR max number of clients reached\r\n");
  for (const one of sockets.splice(0)) one.destroy();
  await server.waitForLine(/^0 open, 1 refused, 0 held/, 120_000);
  assert.equal(await talk(port, ["PING\r\n"]), "+PONG\r\n");
});
