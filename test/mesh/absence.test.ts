/**
 * A box that comes back after a long time, with the settings that a box ships with: on its old data folder, after
 * thousands of records changed, others were excluded and the gossip key was changed more often than old keys are kept.
 * It has everything, and speaks again, within seconds. A box that was itself excluded meanwhile learns so. And a box
 * that was set back to an old copy of its folder uses no number twice, whether it can ask others or not.
 */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceBody } from "../../src/services/discovery/body.ts";
import { tryJoin } from "../faults/hostile-member.ts";
import { figure, metric, openCopy, ready, startDirect, storedRecords } from "../faults/direct.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { startNeighbours } from "../support/neighbours.ts";
import { eventually } from "../support/process.ts";

const SHIPPED = { COMU_PROFILE: "" };
const NEIGHBOURS = 30;
const SERVICES_EACH = 100;
/** One more than the keys that a box tries, so that the one of the old folder opens nothing any more. */
const KEY_CHANGES = 4;
const READY_MS = 60_000;
/** Below the 30 s between two rounds: it does not wait for the next one. */
const CAUGHT_UP_MS_MAX = 25_000;
const SPEAKS_MS_MAX = 25_000;
const TOLD_MS_MAX = 25_000;
const ALONE_START_MS_MAX = 12_000;

interface Seen {
  id: string;
  name: string;
  state: string;
}

const stateOf = async (at: Box, name: string) =>
  (await at.api<Seen[]>("/boxes?all=true")).find((box) => box.name === name)?.state;

function servicesOf(neighbour: number): ServiceBody[] {
  return Array.from({ length: SERVICES_EACH }, (_none, n) => ({
    ...{
      type: "_http._tcp",
      title: `Song book ${neighbour}.${n}`,
      description: "",
      category: "web",
      scope: "community",
    },
    ...{ open: true, host: null, port: 8000 + n, path: "/", scheme: "http", version: "", sinceMs: 1_790_000_000_000 },
  })) as ServiceBody[];
}

/** A copy of a stopped box's folder, to be put in its place later. */
function copyOf(box: Box): string {
  const folder = temporaryFolder("old-copy");
  cpSync(box.data, folder, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  return folder;
}

function putBack(box: Box, copy: string): void {
  rmSync(box.data, { recursive: true });
  cpSync(copy, box.data, { recursive: true });
}

async function startAgain(box: Box, env: Record<string, string> = SHIPPED): Promise<number> {
  const startedMs = performance.now();
  startDirect(box, ["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)]);
  await ready(box);
  return performance.now() - startedMs;
}

async function join(
  first: Box,
  code: string,
  name: string,
  until: Parameters<typeof startBox>[0]["until"],
): Promise<Box> {
  const box = await startBox({ name, owner: `Owner of ${name}`, join: code, env: SHIPPED, until });
  await eventually(`${name} is seen`, READY_MS, async () => (await stateOf(first, name)) === "up");
  return box;
}

test(
  "a month away: everything is there and the box speaks within seconds; the excluded one is told",
  { timeout: 300_000 },
  async (t) => {
    const first = await startBox({ name: "First", owner: "Anna", newCommunity: "Lluny", env: SHIPPED, until: t });
    const { code } = await first.cli<{ code: string }>(["invite", "--uses", "60", "--json"]);
    const away = await join(first, code, "Away", t);
    const out = await join(first, code, "Out", t);
    await Promise.all([away.stop(), out.stop()]);
    const copy = copyOf(away);

    await startNeighbours({
      ...{ code, count: NEIGHBOURS, services: servicesOf, owner: t },
      describe: (n) => ({ name: `Caixa ${n + 1}`, owner: `Owner ${n + 1}`, zone: "raval" }),
    });
    const listed = async () => (await first.api<unknown[]>("/services?all=true")).length;
    await eventually(
      "the records of the month are there",
      READY_MS,
      async () => (await listed()) >= NEIGHBOURS * SERVICES_EACH,
      500,
    );
    const bad = [];
    for (let n = 1; n < KEY_CHANGES; n += 1) {
      const joined = await tryJoin(first, code);
      await joined.links.close();
      bad.push(joined.identity.boxId);
    }
    const { id: outId } = (await first.api<Seen[]>("/boxes?all=true")).find(({ name }) => name === "Out")!;
    for (const id of [...bad, outId]) {
      await first.api(`/boxes/${id}/exclusion`, { method: "POST", body: { reason: "meanwhile" } });
    }
    await sleep(3_000);

    putBack(away, copy);
    const startedMs = performance.now();
    const readyMs = await startAgain(away);
    const held = () => Promise.all([first, away].map((box) => metric(box, "mesh_records")));
    let [caughtUpMs, speaksMs, bytes] = [0, 0, 0];
    await eventually("it is caught up and speaks", 3 * CAUGHT_UP_MS_MAX, async () => {
      const [theirs, ours] = await held();
      if (caughtUpMs === 0 && ours! >= theirs!) {
        caughtUpMs = performance.now() - startedMs;
        bytes = await metric(away, 'mesh_link_bytes_total{direction="in"}');
      }
      if (speaksMs === 0 && (await stateOf(first, "Away")) === "up") speaksMs = performance.now() - startedMs;
      return caughtUpMs > 0 && speaksMs > 0;
    });
    for (const id of [...bad, outId]) {
      const seen = (await away.api<Seen[]>("/boxes?all=true")).find((box) => box.id === id);
      assert.equal(seen?.state ?? "excluded", "excluded");
    }
    assert.equal(await metric(first, "mesh_equivocations_total"), 0);
    const [theirs, ours] = await held();
    assert.ok(ours! >= theirs! && ours! > NEIGHBOURS * SERVICES_EACH, `${ours} of ${theirs}`);

    const outMs = performance.now();
    await startAgain(out);
    const told = async () =>
      (await out.api<{ code: string }[]>("/health")).some((warning) => warning.code === "excluded");
    await eventually("the excluded box says so itself", 3 * TOLD_MS_MAX, told);
    const toldMs = performance.now() - outMs;
    figure(
      `back after ${ours} records, ${KEY_CHANGES} exclusions with as many changes of the key: ` +
        `ready in ${readyMs.toFixed(0)} ms, caught up after ${caughtUpMs.toFixed(0)} ms and ` +
        `${(bytes / 1e6).toFixed(2)} MB, speaks after ${speaksMs.toFixed(0)} ms; ` +
        `the box excluded meanwhile knows after ${toldMs.toFixed(0)} ms`,
    );
    assert.ok(caughtUpMs < CAUGHT_UP_MS_MAX && speaksMs < SPEAKS_MS_MAX && toldMs < TOLD_MS_MAX);
  },
);

const publish = (box: Box, port: number) =>
  box.api("/services", { method: "POST", body: { type: "_http._tcp", port, title: `Port ${port}`, check: "none" } });

test(
  "set back to an old copy, a box uses no number twice, whether it can ask others or not",
  { timeout: 300_000 },
  async (t) => {
    const first = await startBox({ name: "First", owner: "Anna", newCommunity: "Enrere", env: SHIPPED, until: t });
    const { code } = await first.cli<{ code: string }>(["invite", "--uses", "9", "--json"]);
    const back = await join(first, code, "Back", t);
    const other = await join(first, code, "Other", t);
    await publish(back, 4000);
    await back.stop();
    const copy = copyOf(back);
    await startAgain(back);
    for (let port = 5000; port < 5010; port += 1) await publish(back, port);
    const { id } = await back.api<{ id: string }>("/status");
    await eventually("the others have it all", READY_MS, async () => (await countOf(other, id)) >= 11);
    await back.stop();

    putBack(back, copy);
    const askedMs = await startAgain(back);
    await publish(back, 6000);
    await eventually("the others take what it writes now", READY_MS, async () =>
      (await titlesOf(first)).includes("Port 6000"),
    );
    assert.match(back.process!.output(), /its data is an old copy/);
    for (const box of [first, other, back]) assert.equal(await metric(box, "mesh_equivocations_total"), 0);
    await back.stop();

    // The same with nobody to ask: the others are down.
    await Promise.all([first.stop(), other.stop()]);
    putBack(back, copy);
    const aloneMs = await startAgain(back);
    await publish(back, 7000);
    await Promise.all([startAgain(first), startAgain(other)]);
    await eventually("the others take what it wrote alone", READY_MS, async () =>
      (await titlesOf(first)).includes("Port 7000"),
    );
    for (const box of [first, other, back]) assert.equal(await metric(box, "mesh_equivocations_total"), 0);
    await Promise.all([first.stop(), other.stop(), back.stop()]);
    const numbers = new Map<number, Set<string>>();
    for (const box of [first, other, back]) {
      for (const [name, record] of storedRecords(openCopy(box))) {
        if (record.author === id) numbers.set(record.seq, (numbers.get(record.seq) ?? new Set()).add(name));
      }
    }
    assert.ok(
      [...numbers.values()].every((names) => names.size === 1),
      "one content for each number",
    );
    figure(
      `an old copy put back: ready in ${askedMs.toFixed(0)} ms when others can be asked, ` +
        `in ${aloneMs.toFixed(0)} ms when not; ` +
        `no number used twice`,
    );
    assert.ok(aloneMs < ALONE_START_MS_MAX);
  },
);

const titlesOf = async (box: Box) => (await box.api<{ title: string }[]>("/services")).map(({ title }) => title);
const countOf = async (box: Box, id: string) => {
  const { name } = (await box.api<Seen[]>("/boxes?all=true")).find((one) => one.id === id)!;
  return (await box.api<{ box: string }[]>("/services?all=true")).filter((one) => one.box === name).length;
};
