/** Each command over a store in memory: what it answers, and how it says what is wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import type { Reply } from "../../src/protocols/resp/reply.ts";
import { error } from "../../src/protocols/resp/reply.ts";
import { ReplyWriter } from "../../src/protocols/resp/writer.ts";
import { EXPIRES_MS_MAX } from "../../src/services/kv/client.ts";
import { memoryStore } from "./memory-store.ts";
import type { RespHouse, RespSession } from "../../src/services/kv/resp-command.ts";
import { failureReply } from "../../src/services/kv/resp-command.ts";
import { findCommand, keysOf, respCommands } from "../../src/services/kv/resp-commands.ts";
import { createCursors } from "../../src/services/kv/resp-keys.ts";
import * as limit from "../../src/services/kv/resp-limits.ts";

const STATS = { startedMs: 0, connections: 1, connectionsMax: 10, connectionsTaken: 1, connectionsRefused: 0 };

function front(checkPassword?: RespHouse["checkPassword"]) {
  const clock = virtualClock();
  const store = memoryStore(() => clock.wallMs());
  const session: RespSession = {
    ...{ id: 7, remote: "127.0.0.1:5", remoteAddress: "127.0.0.1", local: "127.0.0.1:6379", name: "" },
    ...{ openedMs: 0, lastMs: 0, lastCommand: "", version: 2, stale: false, trusted: !checkPassword, leaving: false },
    library: { name: "", version: "" },
    heldBytes: () => 0,
  };
  const house: RespHouse = {
    ...{ store, clock, version: "1.2.3", cursors: createCursors(100n), checkPassword },
    sessions: () => [session],
    stats: () => ({ ...STATS, commands: 3, heldBytes: 0 }),
  };
  const run = async (args: readonly Uint8Array[]): Promise<Reply> => {
    const command = findCommand(args, session);
    if (command === undefined) return "cut off";
    if (typeof command === "string") return error(command);
    try {
      return await command.run({ args, keys: keysOf(command, args), session, house });
    } catch (cause) {
      return failureReply(cause) ?? error("bug");
    }
  };
  /** Arguments between blanks. The answer with blanks for line ends. */
  const say = async (line: string) => {
    const args = line.split(" ").map((one) => Buffer.from(one, "latin1"));
    const writer = new ReplyWriter();
    writer.write(await run(args), session.version);
    return Buffer.concat(writer.take()).toString("latin1").replaceAll("\r\n", " ").trimEnd();
  };
  /** Line by line: what is said, what is to be answered. */
  const talk = async (lines: string) => {
    for (const line of lines.trim().split("\n")) {
      const [said, answer] = line.split("=>").map((one) => one.trim());
      assert.equal(await say(said!), answer, `${said}`);
    }
  };
  return { clock, store, session, house, run, say, talk };
}

const nil = "$-1";

test("values: set under conditions, read, counted, removed", async () => {
  await front().talk(`
    get k => ${nil}
    set k v xx => ${nil}
    SET k v NX => +OK
    set k w nx => ${nil}
    set k w nx get => $1 v
    set k w get => $1 v
    get k => $1 w
    set k v nx xx => -ERR syntax error
    set k v ex 5 px 5 => -ERR syntax error
    set k v ex 5 keepttl => -ERR syntax error
    set k v ex => -ERR syntax error
    set k v what => -ERR syntax error
    setnx k x => :0
    setnx l x => :1
    getset l y => $1 x
    strlen l => :1
    strlen none => :0
    append l zz => :3
    append m q => :1
    get l => $3 yzz
    mset a 1 b 2 a 3 => +OK
    mset a 1 b => -ERR wrong number of arguments for 'mset' command
    mget a none b => *3 $1 3 ${nil} $1 2
    exists a a none => :2
    del a a none => :1
    unlink b => :1
    getdel l => $3 yzz
    getdel l => ${nil}
    type m => +string
    type l => +none`);
});

test("numbers: 64 bits, and nothing else", async () => {
  const { talk } = front();
  await talk(`
    incr n => :1
    incrby n 9223372036854775806 => :9223372036854775807
    incr n => -ERR increment or decrement would overflow
    decr n => :9223372036854775806
    decrby n -1 => :9223372036854775807
    decrby n -9223372036854775808 => -ERR decrement would overflow
    incrby n 01 => -ERR value is not an integer or out of range
    incrby n 9223372036854775808 => -ERR value is not an integer or out of range
    set n abc => +OK
    incr n => -ERR value is not an integer or out of range`);
});

test("ends of keys: set, read, kept, taken away", async () => {
  const { talk, clock } = front();
  const nowS = clock.wallMs() / 1000;
  await talk(`
    set k v ex 10 => +OK
    ttl k => :10
    pttl k => :10000
    expiretime k => :${nowS + 10}
    pexpiretime k => :${(nowS + 10) * 1000}
    set k w keepttl => +OK
    ttl k => :10
    persist k => :1
    persist k => :0
    ttl k => :-1
    ttl none => :-2
    expire k 100 => :1
    expire none 100 => :0
    expire k 50 gt => :0
    expire k 200 GT => :1
    expire k 100 lt => :1
    expire k 100 nx => :0
    expire none 100 nx => :0
    pexpireat k ${(nowS + 3) * 1000} xx => :1
    pttl k => :3000
    expire k 1 gt lt => -ERR GT and LT options at the same time are not compatible
    expire k 1 nx xx => -ERR NX and XX, GT or LT options at the same time are not compatible
    expire k 1 zz => -ERR Unsupported option zz
    expire k x => -ERR value is not an integer or out of range
    expire k 9223372036854775807 => -ERR invalid expire time in 'expire' command
    set k v ex 0 => -ERR invalid expire time in 'set' command
    set k v px 9223372036854775807 => -ERR invalid expire time in 'set' command
    set k v exat 9223372036854775 => -ERR invalid expire time in 'set' command
    set k v ex 9007199254740993 => -ERR invalid expire time in 'set' command
    set far v pxat ${EXPIRES_MS_MAX} => +OK
    pexpiretime far => :${EXPIRES_MS_MAX}
    pexpireat far ${EXPIRES_MS_MAX + 1} => -ERR invalid expire time in 'pexpireat' command
    setex k 0 v => -ERR invalid expire time in 'setex' command
    setex k 7 v => +OK
    psetex l 700 v => +OK
    getex k persist => $1 v
    getex k px 500 => $1 v
    getex k px 500 persist => -ERR syntax error
    pttl k => :500
    expireat l 5 => :1
    exists l => :0`);
  clock.advance(501);
  await talk(`get k => ${nil}`);
});

test("SCAN goes through all keys once, page by page, with a pattern, and knows its cursors", async () => {
  const { talk, say, run, house } = front();
  for (let at = 0; at < 25; at += 1) await say(`set key:${at} v`);
  await say("set other v");
  const found: string[] = [];
  let cursor = "0";
  do {
    const reply = await run(["scan", cursor, "match", "key:*"].map((one) => Buffer.from(one)));
    assert.ok(typeof reply === "object" && reply !== null && "items" in reply);
    const [next, page] = reply.items as [string, { items: string[] }];
    assert.ok(page.items.length <= limit.RESP_PAGE_KEYS);
    found.push(...page.items);
    cursor = next;
  } while (cursor !== "0");
  assert.equal(new Set(found).size, 25);
  assert.equal(found.length, 25);
  await talk(`
    scan 0 count 100 match o* => *2 $1 0 *1 $5 other
    scan 0 count 100 type hash => *2 $1 0 *0
    scan 0 count 0 => -ERR syntax error
    scan 0 count => -ERR syntax error
    scan 5 => -ERR invalid cursor
    scan x => -ERR invalid cursor
    keys o?h* => *1 $5 other
    keys ${"*".repeat(limit.RESP_PATTERN_CHARS_MAX + 1)} => -ERR the pattern is too long
    dbsize => :26`);
  const first = house.cursors.put("first");
  assert.equal(house.cursors.put("first"), first);
  for (let at = 0; at < limit.RESP_CURSORS_MAX; at += 1) house.cursors.put(`c${at}`);
  assert.equal(house.cursors.take(first), undefined);
});

test("what looks at all keys stops at its limit", async () => {
  const { say, house } = front();
  const keys = Array.from({ length: limit.RESP_PAGE_KEYS_MAX }, (_, at) => `k${at}`);
  house.store.list = async () => ({ keys, cursor: "more" });
  for (const line of ["dbsize", "keys *"]) assert.match(await say(line), /^-ERR more than 100000 keys; use SCAN/);
});

test("commands that are unknown, or called in the wrong way", async () => {
  const { talk, run, say } = front();
  await talk(`
    foo bar baz => -ERR unknown command 'foo', with args beginning with: 'bar' 'baz'
    get => -ERR wrong number of arguments for 'get' command
    get a b => -ERR wrong number of arguments for 'get' command
    client what => -ERR unknown subcommand 'what'. Try CLIENT HELP.
    client setname => -ERR wrong number of arguments for 'client|setname' command
    config set a b => -ERR unknown subcommand 'set'. Try CONFIG HELP.
    select 0 => +OK
    select 1 => -ERR DB index is out of range
    post / => $7 cut off`);
  const many = (name: string, count: number) =>
    [name, ...Array.from({ length: count }, () => "k")].map((one) => Buffer.from(one));
  assert.equal(await run(many("del", limit.RESP_KEYS_MAX)), 0);
  assert.match(JSON.stringify(await run(many("del", limit.RESP_KEYS_MAX + 1))), /too many arguments/);
  assert.match(JSON.stringify(await run(many("set", limit.RESP_ARGUMENTS_MAX))), /too many arguments/);
  assert.ok((await say(`x${"y".repeat(200)} ${"z".repeat(300)}`)).length < 400);
});

test("connection: names, versions, what libraries ask for", async () => {
  const { talk, say, session } = front();
  await talk(`
    ping => +PONG
    ping x => $1 x
    ping x y => -ERR wrong number of arguments for 'ping' command
    echo hi => $2 hi
    client id => :7
    client getname => ${nil}
    client setname me => +OK
    client getname => $2 me
    client setname a\xe9 => -ERR Client names cannot contain spaces, newlines or special characters.
    client setinfo lib-name lib => +OK
    client no-evict on => +OK
    client no-touch maybe => -ERR syntax error
    client reply on => +OK
    client reply off => -ERR syntax error
    hello 4 => -NOPROTO unsupported protocol version
    hello x => -ERR Protocol version is not an integer or out of range
    hello 3 foo => -ERR Syntax error in HELLO option 'foo'
    auth p x => -WRONGPASS invalid username-password pair or user is disabled.
    command count => :${respCommands.size}
    config get save => *2 $4 save $0
    config get none => *0`);
  assert.match(await say("auth p"), /^-ERR AUTH <password> called without any password configured/);
  assert.equal((await say(`client setname ${"n".repeat(limit.RESP_NAME_CHARS_MAX + 1)}`)).slice(0, 4), "-ERR");
  assert.match(await say("client list"), / id=7 |^\$\d+ id=7 .*name=me .*lib-name=lib/);
  assert.match(await say("hello 3 setname you"), /^%8 \$6 server \$5 redis .*\$5 proto :3 /);
  assert.equal(session.name, "you");
  await talk(`
    get none => _
    config get append* => %2 $10 appendonly $3 yes $11 appendfsync $6 always
    reset => +RESET
    get none => ${nil}`);
  assert.match(await say("info server"), /# Server redis_version:7.0.0 .*comu_version:1.2.3/);
  assert.match(await say("command info get nothing"), /^\*2 \*10 \$3 get :2 \*2 \+readonly \+fast :1 :1 :1 .*\*-1$/);
  assert.match(await say("command docs get"), /^\*2 \$3 get \*6 \$7 summary /);
  assert.match(await say("time"), /^\*2 \$10 \d{10} \$\d \d+$/);
  assert.equal(await say("quit"), "+OK");
  assert.equal(session.leaving, true);
});

test("COMMAND describes every command as the table has it", async () => {
  for (const [name, command] of respCommands) {
    assert.equal(name, name.toLowerCase());
    assert.ok(command.summary.endsWith("."), name);
    assert.equal(command.order === "keys", command.keys !== undefined, name);
    assert.match(command.since, /^\d\.\d\.\d+$/);
  }
});

test("a password: asked for first, by AUTH or HELLO", async () => {
  const { talk, session } = front(async (password) => (password === "sesame" ? "right" : "wrong"));
  const wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
  await talk(`
    get k => -NOAUTH Authentication required.
    ping => -NOAUTH Authentication required.
    foo => -ERR unknown command 'foo', with args beginning with:
    auth no => ${wrong}
    auth other sesame => ${wrong}
    auth ${"x".repeat(limit.RESP_PASSWORD_BYTES_MAX + 1)} => ${wrong}
    hello 3 auth default no => ${wrong}
    auth sesame => +OK
    get k => ${nil}
    reset => +RESET
    get k => -NOAUTH Authentication required.`);
  assert.match((await front(async () => "wrong").say("hello 3")) ?? "", /^-NOAUTH HELLO must be called/);
  assert.equal(session.trusted, false);
});

test("what fails in the store has a stable first word", async () => {
  const { store, say } = front();
  const first = { unknown: "UNKNOWN", "no-majority": "TRYAGAIN", "too-many": "TRYAGAIN", full: "OOM" } as const;
  for (const [code, word] of Object.entries(first)) {
    store.before = () => code as keyof typeof first;
    for (const line of ["get k", "set k v", "mget a b", "del a", "incr k", "append k v"])
      assert.ok((await say(line)).startsWith(`-${word} `), `${code} ${line}`);
  }
  store.before = () => "value-too-large";
  assert.match(await say("set k v"), /^-ERR the value is too large.*do not belong here/);
  const { say: sayAgain, house } = front();
  house.store.run = async () => ({ status: "repeated", after: undefined });
  assert.match(await sayAgain("getset k v"), /^-UNKNOWN /);
});

test("APPEND is one change although it takes two: it sees what others do in between, and may give up", async () => {
  const { store, say, talk } = front();
  let others = 3;
  store.before = (key, command) => {
    if (command.type !== "put" || command.when === undefined || others <= 0) return undefined;
    others -= 1;
    return store.run(key, { type: "put", value: Buffer.from("o"), expiry: { type: "never" } }).then(() => undefined);
  };
  await talk("append k v => :2");
  await talk("get k => $2 ov");
  others = Infinity;
  assert.match(await say("append k v"), /^-TRYAGAIN /);
  assert.equal(store.asked.get, 4 + 1 + limit.RESP_ROUNDS_MAX);
});

test("MGET stops before its answer is too large", async () => {
  const { house, say } = front();
  const value = new Uint8Array(limit.RESP_ANSWER_BYTES_MAX / 16);
  let asked = 0;
  house.store.run = async () => {
    asked += 1;
    const found = { value, version: { round: 1, node: 1, n: 1 }, expiresMs: null };
    return { status: "done", before: found, after: found };
  };
  const keys = Array.from({ length: 3 * limit.RESP_KEYS_AT_ONCE }, () => "k").join(" ");
  assert.match(await say(`mget ${keys}`), /^-ERR the answer would be too large/);
  assert.ok(asked <= 24, `${asked} values of ${value.length} bytes were read`);
});

test("after READONLY reads may be behind, until READWRITE or RESET; changes and what they rest on never", async () => {
  const { store, talk } = front();
  let [stale, fresh] = [0, 0];
  store.before = (_key, command) => {
    if (command.type === "get" && command.stale === true) stale++;
    else fresh++;
    return undefined;
  };
  const counts = () => [stale, fresh, (stale = fresh = 0)].slice(0, 2);
  const reads = "get k => $1 v\nmget k none => *2 $1 v $-1\nexists k => :1\nstrlen k => :1\ntype k => +string";
  await talk(`set k v => +OK\nreadonly => +OK\n${reads}`);
  assert.deepEqual(counts(), [6, 1]);
  await talk("append k w => :2\nset k v => +OK\nincr n => :1\nexpire k 10 nx => :1\nttl k => :10\npersist k => :1");
  assert.equal(counts()[0], 0);
  await talk(`readwrite => +OK\n${reads}\nreadonly => +OK\nreset => +RESET\n${reads}`);
  assert.deepEqual(counts(), [0, 12]);
});
