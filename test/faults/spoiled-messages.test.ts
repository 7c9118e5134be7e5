/**
 * 10,000 spoiled messages of a member over real sockets to a real box: gossip in datagrams and streams, sealed with the
 * community's key, and requests over a link. The box stands, no part of it crashes, its memory stays within bounds, it
 * holds nothing that nobody signed, and two honest boxes go on as before.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Random } from "../../src/kernel/random.ts";
import { hold, isGenuine } from "../../src/protocols/records/record.ts";
import type { SignedRecord } from "../../src/protocols/records/record.ts";
import { fromBase64url } from "../../src/protocols/records/base64url.ts";
import { recordCrypto } from "../../src/services/mesh/crypto.ts";
import { pick, spoiledDeeply } from "../hostile/mutate.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually } from "../support/process.ts";
import { figure, metric, openCopy, pidOf, residentMiB } from "./direct.ts";
import { openHostileGossip } from "./hostile-gossip.ts";
import { joinHostile } from "./hostile-member.ts";
import type { HostileMember } from "./hostile-member.ts";

const SEED = 5;
const DATAGRAMS = 7_000;
const STREAMS = 1_000;
const REQUESTS = 2_000;
const AT_ONCE = 4;
const GROWTH_MIB_MAX = 120;
const SEEN_MS_MAX = 30_000;
const HONEST_GOSSIP_MS = 30_000;
const PATHS = ["sync", "push", "key", "hello", "reach", "join", "nothing", "../sync"] as const;

test("10,000 spoiled messages of a member do a real box no harm", { timeout: 300_000 }, async (t) => {
  const random = seededRandom(SEED);
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  const { code } = await box.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 9 } });
  const other = await startBox({ name: "Veí", owner: "Biel", join: code, until: t });
  const evil = await joinHostile(box, code);
  const gossip = await openHostileGossip(box, evil);
  t.after(async () => {
    await gossip.close();
    await evil.close();
  });
  const isEnough = () => gossip.packets.length > 20 && gossip.streams.length > 0;
  await eventually("there is honest gossip to spoil", HONEST_GOSSIP_MS, isEnough);
  const startMiB = residentMiB(pidOf(box));
  let peakMiB = startMiB;
  const sampler = setInterval(() => (peakMiB = Math.max(peakMiB, residentMiB(pidOf(box)))), 50);
  t.after(() => clearInterval(sampler));
  const startedMs = performance.now();

  const sendDatagrams = async () => {
    for (let n = 0; n < DATAGRAMS; n += 1) {
      gossip.sendPacket(spoiledBytes(gossip.packets, random));
      if (n % 20 === 19) await sleep(1);
    }
  };
  const sendStreams = async () => {
    for (let n = 0; n < STREAMS; n += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, () => gossip.sendStream(spoiledBytes(gossip.streams, random)));
      await Promise.all(some);
    }
  };
  const answers = new Map<string, number>();
  const sendRequests = async () => {
    for (let n = 0; n < REQUESTS; n += 1) {
      const answer = await evil.send(pick(PATHS, random), spoiledRequest(evil, random, n)).then(
        ({ status }) => String(status),
        () => "none",
      );
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  await Promise.all([sendDatagrams(), sendStreams(), sendRequests()]);
  const tookS = (performance.now() - startedMs) / 1000;

  assert.ok(box.running, box.process?.output().slice(-3000) ?? "");
  for (const one of [box, other]) {
    const parts = await one.api<{ crashes: number; state: string }[]>("/parts");
    assert.ok(
      parts.every(({ crashes, state }) => crashes === 0 && state === "running"),
      JSON.stringify(parts),
    );
  }
  assert.ok(
    peakMiB - startMiB < GROWTH_MIB_MAX,
    `${startMiB.toFixed(0)} MiB before, ${peakMiB.toFixed(0)} at the peak`,
  );
  assert.ok((await metric(box, 'mesh_records_refused_total{reason="malformed"}')) > REQUESTS / 20);
  assert.ok(![...answers.keys()].some((status) => status === "500"), JSON.stringify([...answers]));
  const publishedMs = performance.now();
  const service = { type: "_http._tcp", port: 81, title: "de bona fe", check: "none" };
  await other.api("/services", { method: "POST", body: service });
  const titles = async () => (await box.api<{ title: string }[]>("/services")).map(({ title }) => title);
  await eventually("the honest service is seen", SEEN_MS_MAX, async () => (await titles()).includes("de bona fe"));
  const seenMs = performance.now() - publishedMs;
  // A lie about the other box is refuted by it within seconds.
  const up = async () =>
    (await box.api<{ name: string; state: string }[]>("/boxes")).find(({ name }) => name === "Veí");
  await eventually("the other box is up", SEEN_MS_MAX, async () => (await up())?.state === "up");
  clearInterval(sampler);
  await box.stop();
  const count = checkStored(box, evil.community);
  figure(
    `${DATAGRAMS} datagrams, ${STREAMS} streams and ${REQUESTS} requests, spoiled, in ${tookS.toFixed(1)} s: RSS ` +
      `${startMiB.toFixed(0)} to ${peakMiB.toFixed(0)} MiB, ` +
      `answers ${[...answers].map(([status, many]) => `${many} ${status}`).join(", ")}, ` +
      `${count} records on disk, all genuine; an honest service seen after ${seenMs.toFixed(0)} ms`,
  );
});

function spoiledBytes(samples: readonly Uint8Array[], random: Random): Uint8Array {
  const bytes = Uint8Array.from(pick(samples, random));
  for (let changes = random.below(6); changes > 0; changes -= 1) bytes[random.below(bytes.length)] = random.below(256);
  const roll = random.below(10);
  if (roll === 0) return bytes.subarray(0, random.below(bytes.length + 1));
  if (roll === 1) return Buffer.concat([bytes, pick(samples, random)]).subarray(0, 1300);
  return bytes;
}

/** A good message of the mesh, spoiled somewhere inside; now and then it is not even JSON. */
function spoiledRequest(evil: HostileMember, random: Random, n: number): string {
  const records = [
    evil.record({ seq: 100 + n, key: `k${n % 50}` }),
    evil.record({ seq: 99, kind: "box", key: "self" }),
  ];
  const request = {
    compare: [["", "A".repeat(16)]],
    authors: [[evil.identity.boxId, []]],
    fetch: [["a", ""]],
    records,
  };
  const good = [
    request,
    { records },
    { epoch: 1, check: "x" },
    {},
    { step: "welcome", community: evil.community, join: {} },
  ];
  const donor = pick(good, random);
  const text = String(JSON.stringify(spoiledDeeply(pick<object>(good, random), random, donor)));
  return random.below(8) ? text : text.slice(0, random.below(text.length + 1));
}

/** All that the box has on disk was signed by its author. */
function checkStored(box: Box, community: string): number {
  const rows = openCopy(box).prepare("SELECT record FROM mesh_records").all();
  const records = rows.map((row) => JSON.parse(String(row["record"])) as SignedRecord);
  const keys = new Map<string, string>();
  for (const { author, kind, body } of records) {
    if (kind === "join") keys.set(author, (body as { key: string }).key);
    if (kind === "community") keys.set(author, (body as { founderKey: string }).founderKey);
  }
  for (const record of records) {
    const read = hold(record, community, recordCrypto.sha256);
    assert.ok("held" in read, JSON.stringify(record));
    const key = fromBase64url(keys.get(record.author), 32);
    assert.ok(key && isGenuine(read.held, key, recordCrypto), JSON.stringify(record));
  }
  return records.length;
}
