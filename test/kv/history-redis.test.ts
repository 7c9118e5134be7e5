/**
 * The recorder itself, tried on Redis: one server that is killed and stopped gives a history that is linearizable; a
 * copy that anybody may write to, and which hears of changes late, gives one that is not, and is found out.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { before, test } from "node:test";
import { checkHistory } from "../../sim/linear/check.ts";
import { readHistory, writeHistory } from "../../sim/linear/history.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import { eventually, freePort, start } from "../support/process.ts";
import type { Owner, Running } from "../support/process.ts";
import { outcomeOf } from "./history-clients.ts";
import type { Victims } from "./history-nemesis.ts";
import { NEMESES, inflict, planFaults } from "./history-nemesis.ts";
import { record } from "./history-run.ts";
import { RespConnection } from "./history-resp.ts";
import { longestGapMs, phaseTable } from "./history-summary.ts";

const LOAD = { clients: 6, keys: 6, pauseMs: 4 };

before(() => needDebian(["redis-server"]));

async function serve(port: number, owner: Owner, words: readonly string[] = []): Promise<Running> {
  const redis = start(["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "", ...words], {
    owner,
  });
  await redis.waitForPort(port);
  return redis;
}

const untouched: Victims = {
  count: 2,
  kill: async () => undefined,
  restart: async () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  leave: async () => undefined,
  join: async () => undefined,
  cut: () => undefined,
  heal: () => undefined,
};

test("one server, killed and stopped, writing each change to its disk: linearizable", async (t) => {
  const port = await freePort();
  const words = ["--dir", temporaryFolder("redis"), "--appendonly", "yes", "--appendfsync", "always"];
  let redis = await serve(port, t, words);
  const done: string[] = [];
  const victims: Victims = {
    ...untouched,
    count: 1,
    kill: async () => {
      done.push("kill");
      await redis.kill();
    },
    restart: async () => void (redis = await serve(port, t, words)),
    pause: () => {
      done.push("pause");
      redis.signal("SIGSTOP");
    },
    resume: () => redis.signal("SIGCONT"),
  };
  const plan = { ...LOAD, totalMs: 17_000, nemeses: ["kill", "pause"] as const, seed: 1 };
  const reaches = [{ name: "redis", connect: () => connect(port, "127.0.0.1") }];
  const result = await record(plan, { victims, reaches, tell: (text) => t.diagnostic(text) });
  assert.deepEqual([...new Set(done)].toSorted(), ["kill", "pause"]);
  assert.deepEqual([result.silent, [...result.odd]], [[], []]);
  const history = readHistory(writeHistory(result.history));
  for (const op of ["get", "put", "del", "putnx", "add"]) {
    assert.ok(
      history.some((one) => one.op === op && one.status === "ok"),
      `no ${op} was done`,
    );
  }
  assert.ok(
    history.some((one) => one.status === "info"),
    "a kill that interrupted nothing shows nothing",
  );
  const procs = new Map<number, (typeof history)[number]>();
  for (const one of history) {
    const before = procs.get(one.proc);
    if (before) assert.ok(before.status !== "info" && before.ret! <= one.call, "a proc does one thing after the other");
    procs.set(one.proc, one);
  }
  assert.equal(checkHistory(history).verdict, "ok");
  const killed = result.phases.find(({ name }) => name.startsWith("kill"))!;
  assert.ok(longestGapMs(killed, result.history) > 1000, "while the only server is dead, nothing is done");
  assert.match(phaseTable(result.phases, result.history), /^quiet .* 100\.0 /m);
});

test("a server, and a copy of it that takes writes: found not to be linearizable", async (t) => {
  const [port, copyPort] = [await freePort(), await freePort()];
  await serve(port, t, ["--repl-diskless-sync-delay", "0"]);
  const copy = ["--replicaof", "127.0.0.1", String(port), "--replica-read-only", "no"];
  await serve(copyPort, t, copy);
  const follower = new RespConnection(connect(copyPort, "127.0.0.1"));
  await eventually("the copy follows", 30_000, async () => {
    const answer = await follower.ask(["INFO", "replication"], 1_000);
    return answer.type === "text" && answer.text.includes("master_link_status:up");
  });
  follower.close();
  const reaches = [port, copyPort].map((to) => ({ name: String(to), connect: () => connect(to, "127.0.0.1") }));
  const plan = { ...LOAD, totalMs: 3_000, nemeses: [], seed: 1 };
  const result = await record(plan, { victims: untouched, reaches, tell: (text) => t.diagnostic(text) });
  assert.equal(checkHistory(result.history).verdict, "illegal");
});

test("an error counts as not done only when it says so", () => {
  const odd: string[] = [];
  const of = (text: string, op: "get" | "add" = "get") =>
    outcomeOf(
      op === "get" ? { op, in: null, out: null } : { op, in: "1", out: null },
      { type: "error", text },
      (said) => void odd.push(said),
    );
  assert.deepEqual(of("TRYAGAIN no majority answers; nothing was done"), { status: "fail" });
  assert.deepEqual(of("OOM no room"), { status: "fail" });
  assert.deepEqual(of("UNKNOWN it may have been done"), { status: "info" });
  assert.deepEqual(of("ERR value is not an integer or out of range", "add"), { status: "ok", out: null });
  assert.equal(odd.length, 0);
  assert.deepEqual(of("ERR something else"), { status: "info" });
  const strange = { type: "integer", text: "1" } as const;
  assert.deepEqual(
    outcomeOf({ op: "get", in: null, out: null }, strange, (said) => void odd.push(said)),
    {
      status: "info",
    },
  );
  assert.deepEqual(odd, ["ERR something else", 'get was answered with {"type":"integer","text":"1"}']);
});

test("a plan is the same for the same seed, holds every kind, and leaves the end quiet", () => {
  const plan = { totalMs: 120_000, nemeses: NEMESES, boxes: 5, seed: 7 };
  const faults = planFaults(plan);
  assert.deepEqual(planFaults(plan), faults);
  assert.notDeepEqual(planFaults({ ...plan, seed: 8 }), faults);
  assert.equal(new Set(faults.map(({ kind }) => kind)).size, 12);
  assert.ok(faults.every(({ atMs, untilMs }, at) => atMs < untilMs && untilMs < (faults[at + 1]?.atMs ?? 102_001)));
  assert.deepEqual(planFaults({ ...plan, nemeses: [] }), []);
});

test("what is done is undone: everybody runs and hears everybody afterwards", async () => {
  for (const fault of planFaults({ totalMs: 300_000, nemeses: NEMESES, boxes: 5, seed: 3 })) {
    const [down, stopped, cuts] = [new Set<number>(), new Set<number>(), new Set<string>()];
    let worst = 0;
    const victims: Victims = {
      count: 5,
      kill: async (box) => void down.add(box),
      restart: async (box) => void down.delete(box),
      leave: async (box) => void down.add(box),
      join: async (box) => void down.delete(box),
      pause: (box) => void stopped.add(box),
      resume: (box) => void stopped.delete(box),
      cut: (from, to) => void cuts.add(`${from} ${to}`),
      heal: () => cuts.clear(),
    };
    const look = async () => void (worst = Math.max(worst, down.size + stopped.size + cuts.size));
    await inflict(fault, victims, look, { float: () => 0.5, below: () => 100, bytes: () => new Uint8Array() });
    assert.ok(worst > 0, `${fault.kind} did nothing`);
    assert.deepEqual([down.size, stopped.size, cuts.size], [0, 0, 0], fault.kind);
    const cutLinks = { split: 12, isolate: 8, flap: 8, deafen: 4, mute: 4, "cut a link": 2 } as Record<string, number>;
    if (fault.kind in cutLinks) assert.equal(worst, cutLinks[fault.kind], fault.kind);
  }
});
