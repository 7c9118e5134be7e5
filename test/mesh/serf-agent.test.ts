/**
 * A real `serf` agent (Debian's) beside real boxes: with the key that the host reveals it is a member of the gossip on
 * both sides, and counts as no box anywhere. When the key changes it falls out until it is given the new one.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { freshPort, startAgent } from "../serf/agents.ts";
import type { Agent } from "../serf/agents.ts";
import type { Box } from "../support/box.ts";
import { startBox } from "../support/box.ts";
import { eventually } from "../support/process.ts";

const SEEN_MS = 60_000;
/** Answers that come later are not counted. */
const QUERY_TIME = "5s";
const AGENT = "watch";

interface SeenMember {
  id: string;
  name: string;
  kind: string;
  status: string;
  address: string;
  tags: Record<string, string>;
}

interface Line {
  type: string;
  text: string;
  member: string;
  params: Record<string, string | number>;
}

const members = (box: Box) => box.cli<SeenMember[]>(["mesh", "members", "--json"]);
const lines = (box: Box, type: string) => box.cli<Line[]>(["mesh", "events", "--type", type, "--json"]);
const find = async (box: Box, name: string) => (await members(box)).find((one) => one.name === name);
const newestKey = async (box: Box) => {
  const [key] = await box.cli<{ key: string }[]>(["mesh", "keyring", "--reveal", "--json"]);
  return Buffer.from(key!.key, "base64");
};

async function sees(box: Box, name: string, status: string): Promise<void> {
  await eventually(
    `${box.name} sees ${name} ${status}`,
    SEEN_MS,
    async () => (await find(box, name))?.status === status,
  );
}

async function agentSees(agent: Agent, id: string, status: string): Promise<number> {
  const startMs = performance.now();
  await eventually(`the agent sees ${status}`, SEEN_MS, async () => (await agent.sees(id)) === status);
  return Math.round(performance.now() - startMs);
}

async function startBoxes(t: TestContext, community: string, names: readonly string[]): Promise<Box[]> {
  const [firstName, ...others] = names;
  const first = await startBox({ name: firstName!, owner: "Anna", newCommunity: community, until: t });
  const { code } = await first.cli<{ code: string }>(["invite", "--uses", "9", "--json"]);
  const boxes = [first];
  for (const name of others) boxes.push(await startBox({ name, owner: `Owner of ${name}`, join: code, until: t }));
  for (const box of boxes) for (const name of names) await sees(box, name, "alive");
  return boxes;
}

/** An agent that has joined through a box. */
async function bring(t: TestContext, box: Box, more: { name?: string; address?: string; port?: number } = {}) {
  const { name = AGENT, address = "127.0.20.31", port = freshPort() } = more;
  const joins = { address: box.bind, port: box.meshPort };
  return startAgent(t, { name, address, port, keys: [await newestKey(box)], joins });
}

test(
  "an agent with the key is seen on both sides, talks with boxes, and is no box",
  { timeout: 300_000 },
  async (t) => {
    const [first, second] = (await startBoxes(t, "Agents", ["First", "Second"])) as [Box, Box];
    const agent = await bring(t, first);
    for (const box of [first, second]) await sees(box, AGENT, "alive");
    await seenBoth(agent, first, second);
    await isNoBox(first);
    await events(agent, first, second);
    await queries(agent, first);
    await roundTrips(agent, first);
    const { id } = (await find(first, "Second"))!;
    await second.kill();
    t.diagnostic(`the agent sees a killed box failed after ${await agentSees(agent, id, "failed")} ms`);
    await sees(first, "Second", "failed");
    await second.restart();
    await agentSees(agent, id, "alive");
    await sees(second, AGENT, "alive");
    await second.stop();
    await agentSees(agent, id, "left");
    await sees(first, "Second", "left");
    const warnings = await first.api<{ code: string }[]>("/health");
    assert.ok(
      warnings.some(({ code }) => code === "peers-none"),
      "an agent is no company for a box",
    );
    await agent.running.kill();
    await sees(first, AGENT, "failed");
    const again = await bring(t, first, { name: "other", address: "127.0.20.32" });
    await sees(first, "other", "alive");
    await again.ok("leave");
    await sees(first, "other", "left");
    const seen = await lines(first, "leave");
    assert.ok(seen.some((line) => line.member === "other"));
  },
);

async function seenBoth(agent: Agent, first: Box, second: Box): Promise<void> {
  const view = (await find(first, AGENT))!;
  assert.deepEqual([view.kind, view.id, view.tags], ["agent", AGENT, { role: `${AGENT}-role` }]);
  assert.equal(view.address, `${agent.address}:${agent.port}`);
  for (const box of [first, second]) {
    const { id, tags } = (await find(box, box.name))!;
    await agentSees(agent, id, "alive");
    const told = (await agent.members()).get(id)!;
    assert.equal(told.addr, `${box.bind}:${box.meshPort}`);
    assert.deepEqual([told.tags["role"], told.tags["n"], told.tags["k"]], ["comu", box.name, tags["k"]]);
  }
  await agent.ok("tags", "-set", "color=blau");
  const colored = async (box: Box) => (await find(box, AGENT))?.tags["color"] === "blau";
  await eventually("both see the new tag", SEEN_MS, async () => (await colored(first)) && colored(second));
  assert.ok((await lines(first, "update")).some((line) => line.member === AGENT && /blau/.test(line.text)));
}

async function isNoBox(first: Box): Promise<void> {
  const boxes = await first.api<{ name: string }[]>("/boxes?all=true");
  assert.deepEqual(
    boxes.map(({ name }) => name),
    ["First", "Second"],
  );
  const { figures } = await first.api<{ figures: { boxes: number; boxesUp: number } }>("/community");
  assert.deepEqual([figures.boxes, figures.boxesUp], [2, 2]);
  const metrics = (await first.fetch("/metrics")).body;
  assert.match(metrics, /^comu_mesh_boxes_up 2$/m);
  assert.match(metrics, /^comu_mesh_agents 1$/m);
  const info = await first.cli<{ agents: number; members: { alive: number } }>(["mesh", "info", "--json"]);
  assert.deepEqual([info.agents, info.members.alive], [1, 3]);
  const keys = await first.cli<{ holding: number; boxes: number }[]>(["mesh", "keyring", "--json"]);
  assert.deepEqual([keys[0]!.holding, keys[0]!.boxes], [2, 2]);
  const database = new DatabaseSync(join(first.data, "comu.db"), { readOnly: true });
  const tables = ["mesh_addresses", "mesh_records"].map((table) => database.prepare(`SELECT * FROM ${table}`).all());
  database.close();
  assert.deepEqual(
    tables.map((rows) => [rows.length > 0, JSON.stringify(rows).includes(AGENT)]),
    [
      [true, false],
      [true, false],
    ],
    "no record and no remembered address",
  );
}

async function events(agent: Agent, first: Box, second: Box): Promise<void> {
  await agent.ok("event", "-coalesce=false", "market", "opens at nine");
  for (const box of [first, second]) {
    await eventually(`${box.name} logs the agent's event`, SEEN_MS, async () =>
      (await lines(box, "event")).some(
        ({ params }) => params["name"] === "market" && params["payload"] === "opens at nine",
      ),
    );
  }
  const sent = await first.cli<{ members: number }>(["mesh", "event", "hello", "from a box", "--json"]);
  assert.equal(sent.members, 3);
  await eventually("the agent hears a box", SEEN_MS, async () => agent.output().includes("event:hello:from a box"));
}

async function queries(agent: Agent, first: Box): Promise<void> {
  const { version } = await first.api<{ version: string }>("/status");
  const asked = await agent.ask(`-timeout=${QUERY_TIME}`, "comu-version");
  const ids = (await members(first)).filter(({ kind }) => kind === "box").map(({ id }) => id);
  assert.deepEqual(asked.Acks!.toSorted(), [...ids, AGENT].toSorted());
  assert.deepEqual(asked.Responses, Object.fromEntries(ids.map((id) => [id, version])));
  const unknown = await agent.ask(`-timeout=${QUERY_TIME}`, "nothing-of-ours");
  assert.deepEqual([unknown.Acks!.length, Object.keys(unknown.Responses)], [3, []]);
  type Result = { asked: number; acks: string[]; answers: { member: string; payload: string }[] };
  const ask = (...words: string[]) => first.cli<Result>(["mesh", "query", ...words, "--timeout", QUERY_TIME, "--json"]);
  const who = await ask("whoami");
  assert.deepEqual([who.asked, who.acks.toSorted()], [3, ["First", "Second", AGENT]]);
  assert.deepEqual(who.answers, [{ member: AGENT, payload: `I am ${AGENT}`, encoding: "utf8" }]);
  const ping = await ask("comu-ping", "--tag", "n=Second");
  assert.deepEqual(ping, { name: "comu-ping", asked: 1, acks: ["Second"], answers: [answer("Second", "pong")] });
  const tagged = await ask("whoami", "--tag", "color=blau");
  assert.deepEqual(tagged.acks, [AGENT]);
  assert.match((await agent.command("keys", "-list")).stdout, /never told over gossip/);
  await eventually("the request for keys is counted", SEEN_MS, async () =>
    (await lines(first, "refused")).some(({ text }) => text.includes("key-requests")),
  );
}

const answer = (member: string, payload: string) => ({ member, payload, encoding: "utf8" });

async function roundTrips(agent: Agent, first: Box): Promise<void> {
  const rtt = (...words: string[]) =>
    first.cli<{ rttMs: number; ageMs: number; measuredMs: number | null }>(["mesh", "rtt", ...words, "--json"]);
  await eventually("the agent has a coordinate", SEEN_MS, async () => (await rtt(AGENT)).rttMs > 0);
  const { measuredMs } = await rtt(AGENT, "--measure");
  assert.ok(measuredMs! > 0 && measuredMs! < 5_000, `${measuredMs} ms`);
  const { id } = (await find(first, "First"))!;
  await eventually("the agent estimates the way to a box", SEEN_MS, async () =>
    /rtt: [\d.]+ ms/.test((await agent.command("rtt", id, AGENT)).stdout),
  );
}

test("after an exclusion the agent is out until it has the new key", { timeout: 300_000 }, async (t) => {
  const [first, second, out] = (await startBoxes(t, "Rotation", ["First", "Second", "Out"])) as [Box, Box, Box];
  const agent = await bring(t, first);
  for (const box of [first, second]) await sees(box, AGENT, "alive");
  const old = await newestKey(first);
  await first.cli(["boxes", "exclude", "Out", "--reason", "sends rubbish", "--yes", "--json"]);
  await eventually("both hold the new key", SEEN_MS, async () => {
    const [key] = await first.cli<{ epoch: number; holding: number; why: string }[]>(["mesh", "keyring", "--json"]);
    return key!.epoch === 2 && key!.holding === 2 && key!.why === "exclusion of Out";
  });
  for (const box of [first, second]) await sees(box, AGENT, "failed");
  const { id } = (await find(first, "First"))!;
  await agentSees(agent, id, "failed");
  assert.deepEqual(await boxesUp(first), ["First", "Second"], "the agent takes no box with it");
  await agent.running.kill();
  const fresh = await newestKey(second);
  assert.notDeepEqual(fresh, old);
  const again = await bring(t, second, { port: agent.port });
  for (const box of [first, second]) await sees(box, AGENT, "alive");
  await agentSees(again, id, "alive");
  const keyLines = await lines(second, "key");
  assert.deepEqual(
    keyLines.map(({ text }) => text),
    ["First made a new key, number 2, since Out was excluded."],
  );
  assert.match((await lines(second, "exclusion"))[0]!.text, /^First excluded Out: sends rubbish/);
  assert.ok(out.running);
});

async function boxesUp(box: Box): Promise<string[]> {
  const list = await box.api<{ name: string; state: string }[]>("/boxes");
  return list.filter(({ state }) => state === "up").map(({ name }) => name);
}

test(
  "the setting shuts the door at once and opens it; a box's name is nobody else's",
  { timeout: 300_000 },
  async (t) => {
    const [first, second] = (await startBoxes(t, "Door", ["First", "Second"])) as [Box, Box];
    await bring(t, first);
    await sees(first, AGENT, "alive");
    await first.cli(["settings", "set", "mesh", "agents", "false", "--json"]);
    await sees(first, AGENT, "failed");
    assert.equal((await find(second, AGENT))?.status, "alive", "the other box has its own setting");
    await bring(t, second, { name: "late", address: "127.0.20.33" });
    await sees(second, "late", "alive");
    assert.equal(await find(first, "late"), undefined);
    await eventually("the refusal is logged in bulk", SEEN_MS, async () =>
      (await lines(first, "refused")).some(({ text }) => text.includes("not-admitted")),
    );
    await first.cli(["settings", "set", "mesh", "agents", "true", "--json"]);
    for (const name of [AGENT, "late"]) await sees(first, name, "alive");
    const { id, address } = (await find(first, "Second"))!;
    await bring(t, first, { name: id, address: "127.0.20.34" });
    await eventually("the conflict is logged", SEEN_MS, async () =>
      (await lines(first, "conflict")).some(({ member }) => member === id),
    );
    assert.equal((await find(first, "Second"))!.address, address);
    assert.deepEqual(await boxesUp(first), ["First", "Second"]);
  },
);
