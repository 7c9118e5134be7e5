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
import { systemRandom } from "../../src/kernel/random.ts";
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
  args.push("-event-handler", "user:hello=printf \"event:$SERF_USER_EVENT:\"; cat");
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

for (const sealed of [false, true]) {
  test(`joins two serf agents ${sealed ? "with" : "without"} encryption`, { timeout: 40_000 }, async (t) => {
    const key = sealed ? randomBytes(32) : undefined;
    const base = 21_000 + Math.floor(Math.random() * 20_000);
    const one = await startAgent("agent-one", "127.0.0.11", base, key);
    const two = await startAgent("agent-two", "127.0.0.12", base, key, one);

    const effects: Effect[] = [];
    const driver = new SerfDriver({
      config: {
        name: "our-box",
        advertise: { address: "127.0.0.13", port: base },
        profile: lan,
        tags: { zone: "Gràcia", kind: "box" },
        compress: sealed,
      },
      clock: systemClock(),
      random: systemRandom(),
      keys: key ? [key] : [],
      onEffect: (effect) => {
        effects.push(effect);
        if (effect.type !== "query") return;
        driver.dispatch({ type: "respond", query: effect.key, payload: Buffer.from(`box heard ${utf8(effect.payload)}`) });
      },
    });
    t.after(() => driver.close());
    await driver.start();
    const status = (name: string) => driver.core.member(name)?.status;

    driver.dispatch({ type: "join", addresses: [{ address: one.address, port: one.port }] });
    const joinMs = await until("we see both agents", 5000, () => status("agent-one") === "alive" && status("agent-two") === "alive");
    assert.ok(effects.some((effect) => effect.type === "join-result" && effect.ok));
    assert.equal(driver.core.member("agent-two")!.tags.role, "agent-two-role");
    for (const agent of [one, two]) {
      await until(`${agent.name} sees us`, 5000, async () => (await membersOf(agent)).get("our-box")?.status === "alive");
      const seen = (await membersOf(agent)).get("our-box")!;
      assert.deepEqual(seen.tags, { zone: "Gràcia", kind: "box" });
      assert.equal(seen.addr, `127.0.0.13:${base}`);
    }

    driver.dispatch({ type: "set-tags", tags: { zone: "Sants", kind: "box" } });
    const tagMs = await until("agent-two sees the new tag", 5000, async () => {
      return (await membersOf(two)).get("our-box")?.tags.zone === "Sants";
    });
    await run("serf", ["tags", "-set", "color=blau", `-rpc-addr=${two.rpc}`]);
    await until("we see the agent's new tag", 5000, () => driver.core.member("agent-two")!.tags.color === "blau");

    await run("serf", ["event", "-coalesce=false", `-rpc-addr=${two.rpc}`, "market", "opens at nine"]);
    await until("we hear the event", 5000, () => {
      return effects.some((e) => e.type === "user-event" && e.name === "market" && utf8(e.payload) === "opens at nine");
    });
    driver.dispatch({ type: "user-event", name: "hello", payload: Buffer.from("from our box") });
    for (const agent of [one, two]) {
      await until(`${agent.name} hears our event`, 5000, () => agent.output().includes("event:hello:from our box"));
    }
    assert.equal(effects.filter((e) => e.type === "user-event" && e.name === "market").length, 1);

    const asked = await run("serf", ["query", "-format=json", "-timeout=1500ms", `-rpc-addr=${one.rpc}`, "whoami", "xyz"]);
    const answer = JSON.parse(asked.stdout) as { Acks: string[]; Responses: Record<string, string> };
    assert.deepEqual(answer.Acks.sort(), ["agent-one", "agent-two", "our-box"]);
    assert.deepEqual(answer.Responses, { "agent-one": "agent", "agent-two": "agent", "our-box": "box heard xyz" });
    const byTag = ["query", "-format=json", "-timeout=700ms", "-tag", "zone=^San", "-relay-factor=1"];
    const tagged = JSON.parse((await run("serf", [...byTag, `-rpc-addr=${one.rpc}`, "whoami", "t"])).stdout);
    assert.deepEqual(tagged.Responses, { "our-box": "box heard t" });

    const query = { name: "whoami", payload: Buffer.from("abc"), wantAck: true, timeoutMs: 1500, relayFactor: 1 };
    driver.dispatch({ type: "query", key: "q1", query });
    await until("our query ends", 4000, () => effects.some((effect) => effect.type === "query-done"));
    const done = effects.find((effect) => effect.type === "query-done")!;
    assert.deepEqual(done, { type: "query-done", key: "q1", acks: 3, responses: 3 });

    await until("coordinates are known", 8000, () => driver.core.member("agent-two")?.coordinate !== undefined);
    const rttMs = estimateRttMs(driver.core.coordinate(), driver.core.member("agent-two")!.coordinate!);
    assert.ok(rttMs >= 0 && rttMs < 500, `${rttMs}`);
    // Serf knows the coordinate of whom it has probed; which is random, so we give it some rounds.
    await until("serf has a round trip to us", 8000, async () => {
      const rtt = await run("serf", ["rtt", `-rpc-addr=${one.rpc}`, "our-box", "agent-one"]).catch(() => undefined);
      return rtt !== undefined && /rtt: [\d.]+ ms/.test(rtt.stdout);
    });

    two.child.kill("SIGKILL");
    const failMs = await until("we see the killed agent failed", 15_000, () => status("agent-two") === "failed");
    await until("so does the other agent", 15_000, async () => (await membersOf(one)).get("agent-two")?.status === "failed");

    if (sealed) {
      driver.dispatch({ type: "leave" });
      const leaveMs = await until("the agent sees us left", 5000, async () => (await membersOf(one)).get("our-box")?.status === "left");
      await until("leaving ends", 5000, () => effects.some((effect) => effect.type === "left"));
      driver.close();
      t.diagnostic(`join ${joinMs} ms, tag ${tagMs} ms, failure ${failMs} ms, leave ${leaveMs} ms`);
    } else {
      await run("serf", ["leave", `-rpc-addr=${one.rpc}`]);
      const leaveMs = await until("we see the agent left", 6000, () => status("agent-one") === "left");
      t.diagnostic(`join ${joinMs} ms, tag ${tagMs} ms, failure ${failMs} ms, leave ${leaveMs} ms`);
      driver.close();
    }
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
  await until("the agent sees us failed", 15_000, async () => (await membersOf(one)).get("our-box")?.status === "failed");
  one.child.kill("SIGKILL");
});
