/**
 * Two hostile members flood a real box in every way at once: news without end, offers in requests, answers without end
 * to what the box asks of them, thousands of parallel requests. What it takes of the box's time is bounded, what it
 * stores too; an honest box's records are seen within two seconds all the while, in both directions.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { SignedRecord } from "../../src/protocols/records/record.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually } from "../support/process.ts";
import { cpuMs, figure, metric, pidOf, residentMiB } from "./direct.ts";
import { openHostileGossip } from "./hostile-gossip.ts";
import { joinHostile } from "./hostile-member.ts";
import type { HostileMember } from "./hostile-member.ts";

const FLOOD_MS = 10_000;
const FLOODS_EACH = 12;
const RECORDS_PER_MESSAGE = 150;
const HONEST = 5;
const HONEST_MS_MAX = 2_000;
/** Of one core, the box's own life included; without a limit the flood takes all of it. */
const CPU_PERCENT_MAX = 75;
const GROWTH_MIB_MAX = 120;
const SETTLED_MS = 60_000;
/** Constants of the protocol: live records of one author, and what is permanent besides. */
const PER_AUTHOR_MAX = 515;

/** Well signed records without end, each a new one. They are signed beforehand, so that the flood is a flood. */
function supply(evil: HostileMember): () => SignedRecord[] {
  let seq = 10_000;
  const make = () => {
    seq += 1;
    return evil.record({ seq, kind: `flood${seq % 8}`, key: `k${seq}`, body: { text: "x".repeat(500) } });
  };
  const stock = Array.from({ length: 6_000 }, make);
  let at = 0;
  return () => {
    at = (at + RECORDS_PER_MESSAGE) % (stock.length - RECORDS_PER_MESSAGE);
    return stock.slice(at, at + RECORDS_PER_MESSAGE);
  };
}

/** To whatever the box compares it answers that all differs, and brings another lot of records. */
function endless(next: () => SignedRecord[]) {
  return (path: string, body: Uint8Array): object => {
    if (!path.endsWith("/sync")) return {};
    const asked = JSON.parse(new TextDecoder().decode(body)) as { compare: [string, string][]; authors: [string][] };
    const nodes = asked.compare.slice(0, 20).map(([prefix]) => [prefix, "inner", [["a", "A".repeat(16)]]]);
    const rest = { cut: false, want: [], fetched: 0, next: null, large: [] };
    return { compared: asked.compare.length, nodes, answered: asked.authors.length, ...rest, records: next() };
  };
}

async function titles(box: Box): Promise<string[]> {
  return (await box.api<{ title: string }[]>("/services")).map(({ title }) => title);
}

/** Milliseconds until what `from` publishes is seen at `to`. */
async function seenMs(from: Box, to: Box, port: number): Promise<number> {
  const title = `${from.name} ${port}`;
  const startedMs = performance.now();
  await from.api("/services", { method: "POST", body: { type: "_http._tcp", port, title, check: "none" } });
  await eventually(`${to.name} sees ${title}`, 30_000, async () => (await titles(to)).includes(title), 20);
  return performance.now() - startedMs;
}

test(
  "a flood by members takes a bounded share, and honest records are seen within 2 s",
  { timeout: 300_000 },
  async (t) => {
    const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
    const { code } = await box.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 9 } });
    const other = await startBox({ name: "Veí", owner: "Biel", join: code, until: t });
    const evils = [await joinHostile(box, code), await joinHostile(box, code)];
    const stocks = evils.map(supply);
    for (const [n, evil] of evils.entries()) {
      evil.answerWith(endless(stocks[n]!));
      const gossip = await openHostileGossip(box, evil);
      t.after(async () => {
        await gossip.close();
        await evil.close();
      });
    }
    const quiet = await seenMs(other, box, 4000);
    const startMiB = residentMiB(pidOf(box));
    const [cpuBefore, startedMs] = [cpuMs(pidOf(box)), performance.now()];
    const answers = new Map<string, number>();
    let flooding = true;
    const flood = async (evil: HostileMember, next: () => SignedRecord[], way: "push" | "sync") => {
      while (flooding) {
        const answer = await evil[way](next()).then(
          ({ status }) => String(status),
          () => "none",
        );
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    };
    const floods = evils.flatMap((evil, e) =>
      Array.from({ length: FLOODS_EACH }, (_none, n) => flood(evil, stocks[e]!, n % 2 ? "push" : "sync")),
    );
    await sleep(1000);
    const seen: number[] = [];
    let peakMiB = 0;
    for (let n = 0; n < HONEST; n += 1) {
      seen.push(await seenMs(other, box, 5000 + n), await seenMs(box, other, 6000 + n));
      peakMiB = Math.max(peakMiB, residentMiB(pidOf(box)));
      await sleep(FLOOD_MS / HONEST / 2);
    }
    const cpuPercent = ((cpuMs(pidOf(box)) - cpuBefore) / (performance.now() - startedMs)) * 100;
    flooding = false;
    await Promise.all(floods);
    const median = seen.toSorted((a, b) => a - b)[seen.length >> 1]!;
    const held = await metric(box, "mesh_records");
    figure(
      `two members flood (answers: ${[...answers].map(([status, count]) => `${count} ${status}`).join(", ")}): ` +
        `${cpuPercent.toFixed(0)} % of a core, RSS ${startMiB.toFixed(0)} to ${peakMiB.toFixed(0)} MiB, ` +
        `${held} records held; ` +
        `honest records are seen after ${seen.map(Math.round).join(", ")} ms; ${quiet.toFixed(0)} ms before the flood`,
    );
    assert.ok(median < HONEST_MS_MAX, `${median.toFixed(0)} ms`);
    assert.ok(cpuPercent < CPU_PERCENT_MAX, `${cpuPercent.toFixed(0)} % of a core`);
    assert.ok(held < 2 * PER_AUTHOR_MAX + 60, `${held} records`);
    assert.ok(
      peakMiB - startMiB < GROWTH_MIB_MAX,
      `${startMiB.toFixed(0)} MiB before, ${peakMiB.toFixed(0)} at the peak`,
    );
    assert.ok((await metric(box, "mesh_link_refused_total")) > 0, "who asks too much is refused");
    // Afterwards both honest boxes agree, whatever the flood left behind.
    const digest = async (one: Box) => metric(one, "mesh_records");
    await eventually("both hold as much", SETTLED_MS, async () => (await digest(box)) === (await digest(other)));
  },
);
