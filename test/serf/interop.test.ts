/**
 * Our membership core against real Serf agents (Debian's `serf`), on loopback: members and tags, events and queries
 * in both directions, leave and crash seen on both sides, coordinates, with and without encryption.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { lan } from "../../src/protocols/membership/constants.ts";
import type { Effect } from "../../src/protocols/membership/types.ts";
import { estimateRttMs } from "../../src/protocols/membership/vivaldi.ts";
import { SerfDriver } from "./driver.ts";

const run = promisify(execFile);
const children = new Set<ChildProcess>();
const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString();

after(() => {
  for (const child of children) child.kill("SIGKILL");
});

interface Agent {
  name: string;
  rpc: string;
  port: number;
  address: string;
  child: ChildProcess;
  output: () => string;
}

/** Starts an agent and waits until its RPC port answers. */
async function startAgent(name: string, address: string, port: number, key: Buffer | undefined, joins?: Agent) {
  const rpc = `${address}:${port + 1000}`;
  const args = ["agent", `-node=${name}`, `-bind=${address}:${port}`, `-rpc-addr=${rpc}`, "-log-level=debug"];
  args.push("-tag", `role=${name}-role`, "-event-handler", "query:whoami=printf agent");
  args.push("-event-handler", 'user:hello=printf "event:$SERF_USER_EVENT:"; cat');
  if (key) args.push(`-encrypt=${key.toString("base64")}`);
  if (joins) args.push(`-join=${joins.address}:${joins.port}`);
  const child = spawn("serf", args, { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let text = "";
  child.stdout!.on("data", (chunk: Buffer) => (text += chunk));
  child.stderr!.on("data", (chunk: Buffer) => (text += chunk));
  await until(`${name} listens`, 8000, () => reachable(address, port + 1000));
  return { name, rpc, port, address, child, output: () => text } satisfies Agent;
}

function reachable(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("close", () => socket.destroy());
    socket.on("connect", () => socket.destroy());
  });
}

async function until(what: string, limitMs: number, check: () => boolean | Promise<boolean>): Promise<number> {
  const startMs = performance.now();
  while (!(await check())) {
    if (performance.now() - startMs > limitMs) assert.fail(`not within ${limitMs} ms: ${what}`);
    await sleep(50);
  }
  return Math.round(performance.now() - startMs);
}

interface AgentView {
  name: string;
  addr: string;
  status: string;
  tags: Record<string, string>;
}

async function membersOf(agent: Agent): Promise<Map<string, AgentView>> {
  const { stdout } = await run("serf", ["members", "-format=json", `-rpc-addr=${agent.rpc}`]);
  const list = (JSON.parse(stdout) as { members: AgentView[] }).members;
  return new Map(list.map((member) => [member.name, member]));
}

interface Scene {
  one: Agent;
  two: Agent;
  driver: SerfDriver;
  effects: Effect[];
}

async function scene(key: Buffer | undefined): Promise<Scene> {
  const port = 21_000 + Math.floor(Math.random() * 20_000);
  const one = await startAgent("agent-one", "127.0.0.11", port, key);
  const two = await startAgent("agent-two", "127.0.0.12", port, key, one);
  const effects: Effect[] = [];
  const config = { name: "our-box", advertise: { address: "127.0.0.13", port }, profile: lan, compress: !!key };
  const driver = new SerfDriver({
    config: { ...config, tags: { zone: "Gràcia", kind: "box" } },
    clock: systemClock(),
    random: systemRandom(),
    keys: key ? [key] : [],
    onEffect: (effect) => {
      effects.push(effect);
      if (effect.type !== "query") return;
      const payload = Buffer.from(`box heard ${utf8(effect.payload)}`);
      driver.dispatch({ type: "respond", query: effect.key, payload });
    },
  });
  await driver.start();
  return { one, two, driver, effects };
}

const status = (driver: SerfDriver, name: string) => driver.core.member(name)?.status;

async function join({ one, two, driver, effects }: Scene): Promise<number> {
  driver.dispatch({ type: "join", addresses: [{ address: one.address, port: one.port }] });
  const bothAlive = () => status(driver, "agent-one") === "alive" && status(driver, "agent-two") === "alive";
  const joinMs = await until("we see both agents", 5000, bothAlive);
  assert.ok(effects.some((effect) => effect.type === "join-result" && effect.ok));
  assert.equal(driver.core.member("agent-two")!.tags.role, "agent-two-role");
  for (const agent of [one, two]) {
    const seesUs = async () => (await membersOf(agent)).get("our-box")?.status === "alive";
    await until(`${agent.name} sees us`, 5000, seesUs);
    const seen = (await membersOf(agent)).get("our-box")!;
    assert.deepEqual(seen.tags, { zone: "Gràcia", kind: "box" });
    assert.equal(seen.addr, `127.0.0.13:${one.port}`);
  }
  return joinMs;
}

async function changeTags({ two, driver }: Scene): Promise<number> {
  driver.dispatch({ type: "set-tags", tags: { zone: "Sants", kind: "box" } });
  const tagMs = await until("agent-two sees the new tag", 5000, async () => {
    return (await membersOf(two)).get("our-box")?.tags.zone === "Sants";
  });
  await run("serf", ["tags", "-set", "color=blau", `-rpc-addr=${two.rpc}`]);
  const seesColor = () => driver.core.member("agent-two")!.tags.color === "blau";
  await until("we see the agent's new tag", 5000, seesColor);
  return tagMs;
}

async function exchangeEvents({ one, two, driver, effects }: Scene): Promise<void> {
  await run("serf", ["event", "-coalesce=false", `-rpc-addr=${two.rpc}`, "market", "opens at nine"]);
  await until("we hear the event", 5000, () => {
    return effects.some((e) => e.type === "user-event" && e.name === "market" && utf8(e.payload) === "opens at nine");
  });
  driver.dispatch({ type: "user-event", name: "hello", payload: Buffer.from("from our box") });
  for (const agent of [one, two]) {
    await until(`${agent.name} hears our event`, 5000, () => agent.output().includes("event:hello:from our box"));
  }
  assert.equal(effects.filter((e) => e.type === "user-event" && e.name === "market").length, 1);
}

async function ask(agent: Agent, ...args: string[]) {
  const { stdout } = await run("serf", ["query", "-format=json", `-rpc-addr=${agent.rpc}`, ...args]);
  return JSON.parse(stdout) as { Acks: string[]; Responses: Record<string, string> };
}

async function exchangeQueries({ one, driver, effects }: Scene): Promise<void> {
  const answer = await ask(one, "-timeout=1500ms", "whoami", "xyz");
  assert.deepEqual(answer.Acks.sort(), ["agent-one", "agent-two", "our-box"]);
  assert.deepEqual(answer.Responses, { "agent-one": "agent", "agent-two": "agent", "our-box": "box heard xyz" });
  const tagged = await ask(one, "-timeout=700ms", "-tag", "zone=^San", "-relay-factor=1", "whoami", "t");
  assert.deepEqual(tagged.Responses, { "our-box": "box heard t" });

  const query = { name: "whoami", payload: Buffer.from("abc"), wantAck: true, timeoutMs: 1500, relayFactor: 1 };
  driver.dispatch({ type: "query", key: "q1", query });
  await until("our query ends", 4000, () => effects.some((effect) => effect.type === "query-done"));
  const done = effects.find((effect) => effect.type === "query-done")!;
  assert.deepEqual(done, { type: "query-done", key: "q1", acks: 3, responses: 3 });
}

async function compareCoordinates({ one, driver }: Scene): Promise<void> {
  const known = () => driver.core.member("agent-two")?.coordinate !== undefined;
  await until("coordinates are known", 8000, known);
  const rttMs = estimateRttMs(driver.core.coordinate(), driver.core.member("agent-two")!.coordinate!);
  assert.ok(rttMs >= 0 && rttMs < 500, `${rttMs}`);
  // Serf knows the coordinates of those that it has probed, so it takes some rounds.
  await until("serf has a round trip to us", 8000, async () => {
    const rtt = await run("serf", ["rtt", `-rpc-addr=${one.rpc}`, "our-box", "agent-one"]).catch(() => undefined);
    return rtt !== undefined && /rtt: [\d.]+ ms/.test(rtt.stdout);
  });
}

async function leaveOurs({ one, driver, effects }: Scene): Promise<number> {
  driver.dispatch({ type: "leave" });
  const seesLeft = async () => (await membersOf(one)).get("our-box")?.status === "left";
  const leaveMs = await until("the agent sees us left", 5000, seesLeft);
  await until("leaving ends", 5000, () => effects.some((effect) => effect.type === "left"));
  return leaveMs;
}

async function leaveTheirs({ one, driver }: Scene): Promise<void> {
  await run("serf", ["leave", `-rpc-addr=${one.rpc}`]);
  await until("we see the agent left", 6000, () => status(driver, "agent-one") === "left");
}

for (const sealed of [false, true]) {
  test(`with two serf agents, ${sealed ? "sealed" : "in the clear"}`, { timeout: 40_000 }, async (t) => {
    const stage = await scene(sealed ? randomBytes(32) : undefined);
    const { one, two, driver } = stage;
    t.after(() => driver.close());
    const joinMs = await join(stage);
    const tagMs = await changeTags(stage);
    await exchangeEvents(stage);
    await exchangeQueries(stage);
    await compareCoordinates(stage);
    two.child.kill("SIGKILL");
    const failMs = await until(
      "we see the killed agent failed",
      15_000,
      () => status(driver, "agent-two") === "failed",
    );
    await until("so does the other agent", 15_000, async () => {
      return (await membersOf(one)).get("agent-two")?.status === "failed";
    });
    const leaveMs = sealed ? await leaveOurs(stage) : undefined;
    if (!sealed) await leaveTheirs(stage);
    t.diagnostic(`join ${joinMs} ms, tag ${tagMs} ms, failure ${failMs} ms, leave ${leaveMs ?? "-"} ms`);
    assert.equal(driver.refused, 0);
    const { refused } = driver.core.counts();
    assert.equal(refused.malformed + refused["unknown-type"] + refused["too-large"], 0, JSON.stringify(refused));
    one.child.kill("SIGKILL");
  });
}

test("agents see a crash of ours as failure", { timeout: 30_000 }, async (t) => {
  const base = 21_000 + Math.floor(Math.random() * 20_000);
  const one = await startAgent("agent-one", "127.0.0.21", base, undefined);
  const driver = new SerfDriver({
    config: { name: "our-box", advertise: { address: "127.0.0.23", port: base }, profile: lan },
    clock: systemClock(),
    random: systemRandom(),
    onEffect: () => {},
  });
  t.after(() => driver.close());
  await driver.start();
  driver.dispatch({ type: "join", addresses: [{ address: one.address, port: one.port }] });
  await until("the agent sees us", 5000, async () => (await membersOf(one)).get("our-box")?.status === "alive");
  driver.close();
  await until(
    "the agent sees us failed",
    15_000,
    async () => (await membersOf(one)).get("our-box")?.status === "failed",
  );
  one.child.kill("SIGKILL");
});
