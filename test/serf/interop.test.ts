/**
 * Our membership core against real Serf agents, on loopback: members and tags, events, leave and crash seen on both
 * sides, coordinates, coalescing, with and without encryption. Queries, keys, names that two have, and what happens
 * over time have files of their own beside this one.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { SERF_COALESCING } from "../../src/protocols/membership/coalescing.ts";
import type { Told } from "../../src/protocols/membership/coalescing.ts";
import { estimateRttMs } from "../../src/protocols/membership/vivaldi.ts";
import { SEEN_MS, assertNothingRefused, freshPort, scene, startAgent, startOurs, until, utf8 } from "./agents.ts";
import type { Agent, Scene } from "./agents.ts";

async function assertJoined({ one, two, port, driver, effects }: Scene): Promise<void> {
  assert.ok(effects.some((effect) => effect.type === "join-result" && effect.ok));
  assert.equal(driver.core.member("agent-two")!.tags.role, "agent-two-role");
  for (const agent of [one, two]) {
    const seen = (await agent.members()).get("our-box")!;
    assert.deepEqual(seen.tags, { zone: "Gràcia", kind: "box" });
    assert.equal(seen.addr, `127.0.20.13:${port}`);
  }
}

async function changeTags({ two, driver }: Scene): Promise<number> {
  driver.dispatch({ type: "set-tags", tags: { zone: "Sants", kind: "box" } });
  const tagMs = await until("agent-two sees the new tag", SEEN_MS, async () => {
    return (await two.members()).get("our-box")?.tags.zone === "Sants";
  });
  await two.ok("tags", "-set", "color=blau");
  const seesColor = () => driver.core.member("agent-two")!.tags.color === "blau";
  await until("we see the agent's new tag", SEEN_MS, seesColor);
  return tagMs;
}

async function exchangeEvents({ one, two, driver, effects }: Scene): Promise<void> {
  await two.ok("event", "-coalesce=false", "market", "opens at nine");
  await until("we hear the event", SEEN_MS, () => {
    return effects.some((e) => e.type === "user-event" && e.name === "market" && utf8(e.payload) === "opens at nine");
  });
  driver.dispatch({ type: "user-event", name: "hello", payload: Buffer.from("from our box") });
  for (const agent of [one, two]) {
    await until(`${agent.name} hears our event`, SEEN_MS, () => agent.output().includes("event:hello:from our box"));
  }
  assert.equal(effects.filter((e) => e.type === "user-event" && e.name === "market").length, 1);
}

/** Of three events with one name, the last is told, on both sides; the core itself has heard all three. */
async function coalesce({ one, two, driver, effects }: Scene, told: Told[]): Promise<void> {
  for (const payload of ["first", "second", "third"]) await one.ok("event", "prices", payload);
  const toldOnes = () => told.filter((one) => one.type === "user-event" && one.name === "prices");
  await until("we are told", SEEN_MS, () => toldOnes().length > 0);
  assert.deepEqual(
    toldOnes().map((one) => one.type === "user-event" && utf8(one.payload)),
    ["third"],
  );
  assert.equal(effects.filter((effect) => effect.type === "user-event" && effect.name === "prices").length, 3);
  for (const word of ["ours-1", "ours-2"]) {
    driver.dispatch({ type: "user-event", name: "hello", payload: Buffer.from(word), coalesce: true });
  }
  await until("the agent runs its handler once", SEEN_MS, () => two.output().includes("event:hello:ours-2"));
  assert.ok(!two.output().includes("event:hello:ours-1"));
}

async function compareCoordinates({ one, driver }: Scene): Promise<void> {
  const known = () => driver.core.member("agent-two")?.coordinate !== undefined;
  await until("coordinates are known", SEEN_MS, known);
  const rttMs = estimateRttMs(driver.core.coordinate(), driver.core.member("agent-two")!.coordinate!);
  assert.ok(rttMs >= 0 && rttMs < 10_000, `${rttMs}`);
  // Serf knows the coordinates of those that it has probed, so it takes some rounds.
  await until("serf has a round trip to us", SEEN_MS, async () => {
    const { code, stdout } = await one.command("rtt", "our-box", "agent-one");
    return code === 0 && /rtt: [\d.]+ ms/.test(stdout);
  });
}

async function leaveOurs({ one, driver, effects }: Scene): Promise<number> {
  driver.dispatch({ type: "leave" });
  const leaveMs = await until("the agent sees us left", SEEN_MS, async () => (await one.sees("our-box")) === "left");
  await until("leaving ends", SEEN_MS, () => effects.some((effect) => effect.type === "left"));
  return leaveMs;
}

async function leaveTheirs({ one, status }: Scene): Promise<void> {
  await one.ok("leave");
  await until("we see the agent left", SEEN_MS, () => status("agent-one") === "left");
}

// Most of their time is waiting, so all go at one time.
describe("with real agents", { concurrency: true }, () => {
  for (const sealed of [false, true]) {
    test(`with two serf agents, ${sealed ? "sealed" : "in the clear"}`, { timeout: 180_000 }, async (t) => {
      const told: Told[] = [];
      const ours = { coalescing: SERF_COALESCING, onTold: (one: Told) => told.push(one) };
      const stage = await scene(t, { net: 20, keys: sealed ? [randomBytes(32)] : [], ours });
      await assertJoined(stage);
      const tagMs = await changeTags(stage);
      await exchangeEvents(stage);
      await coalesce(stage, told);
      await compareCoordinates(stage);
      await stage.two.running.kill();
      const seesFailed = () => stage.status("agent-two") === "failed";
      const failMs = await until("we see the killed agent failed", SEEN_MS, seesFailed);
      const alsoFailed = async () => (await stage.one.sees("agent-two")) === "failed";
      await until("so does the other agent", SEEN_MS, alsoFailed);
      const joins = told.filter((one) => one.type === "members" && one.change === "join");
      const joined = joins.flatMap((one) => (one.type === "members" ? one.members.map(({ name }) => name) : []));
      // We, too: the first that listeners heard of us were new tags.
      assert.deepEqual(joined.sort(), ["agent-one", "agent-two", "our-box"]);
      const leaveMs = sealed ? await leaveOurs(stage) : undefined;
      if (!sealed) await leaveTheirs(stage);
      const times = `join ${stage.joinMs} ms, tag ${tagMs} ms, failure ${failMs} ms, leave ${leaveMs ?? "-"} ms`;
      t.diagnostic(times);
      assertNothingRefused(stage);
    });
  }

  test("agents see a crash of ours as failure", { timeout: 180_000 }, async (t) => {
    const port = freshPort();
    const one: Agent = await startAgent(t, { name: "agent-one", address: "127.0.20.21", port });
    const { driver } = await startOurs(t, { advertise: { address: "127.0.20.23", port } });
    driver.dispatch({ type: "join", addresses: [{ address: one.address, port }] });
    await until("the agent sees us", SEEN_MS, async () => (await one.sees("our-box")) === "alive");
    driver.close();
    await until("the agent sees us failed", SEEN_MS, async () => (await one.sees("our-box")) === "failed");
  });
});
