/**
 * A hostile member and hostile newcomers against a community of two real boxes: forged and flooded records, floods of
 * requests to join, and codes that are no good. What is refused is counted, what is honest goes on.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isFailure } from "../../src/kernel/errors.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import { readCode, writeCode } from "../../src/services/mesh/code.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, run } from "../support/process.ts";
import { DIRECT_COMMAND, figure, metric, pidOf, residentMiB } from "./direct.ts";
import { joinHostile, tryJoin } from "./hostile-member.ts";
import type { HostileMember } from "./hostile-member.ts";

const DAY_MS = 86_400_000;
const FLOOD_MS = 6_000;
const FLOOD_AT_ONCE = 8;
const RECORDS_PER_MESSAGE = 150;
/** Constants of the protocol: one author's live records in one kind, and over all kinds. */
const PER_KIND_MAX = 128;
const PER_AUTHOR_MAX = 512;
const GROWTH_MIB_MAX = 120;
const ANSWER_MS_MAX = 15_000;
const SEEN_MS_MAX = 30_000;
const STRANGERS = 60;
const REQUESTS_MAX = 32;

let box: Box;
let other: Box;
let evil: HostileMember;

const invite = async (body: object = {}) =>
  box.api<{ id: string; code: string }>("/invitations", { method: "POST", body });
const refusedCount = async (reason: string) => metric(box, `mesh_records_refused_total{reason="${reason}"}`);

before(async () => {
  box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri" });
  other = await startBox({ name: "Veí", owner: "Biel", join: (await invite()).code });
  evil = await joinHostile(box, (await invite()).code);
});

after(async () => {
  await evil.close();
  await Promise.all([box.stop(), other.stop()]);
});

test("forged, replayed, oversized and badly dated records are refused and counted", { timeout: 300_000 }, async () => {
  const { id } = await box.api<{ id: string }>("/status");
  const honest = evil.record({ seq: 1000, key: "slot" });
  const stranger = newIdentity();
  const now = Date.now();
  const bad: [string, unknown][] = [
    ["bad-signature", evil.record({ author: id, seq: 90_000, floor: 90_000, kind: "box", key: "self" })],
    ["bad-signature", evil.record({ seq: 1001 }, stranger)],
    ["bad-signature", { ...evil.record({ seq: 1002 }), body: { text: "changed" } }],
    ["unknown-author", evil.record({ seq: 1, author: stranger.boxId }, stranger)],
    ["known", honest],
    ["superseded", evil.record({ seq: 999, key: "slot" })],
    ["too-large", { ...evil.record({ seq: 1003 }), body: { text: "x".repeat(5000) } }],
    ["future", evil.record({ seq: 1004, timeMs: now + DAY_MS })],
    ["expired", evil.record({ seq: 1005, timeMs: now - 2 * DAY_MS, untilMs: now - DAY_MS })],
    ["malformed", { ...evil.record({ seq: 1006 }), seq: -1 }],
    ["malformed", { ...evil.record({ seq: 1007 }), kind: "No Kind" }],
    ["malformed", "a text"],
  ];
  await evil.push([honest]);
  const held = await metric(box, "mesh_records");
  for (const way of ["push", "sync"] as const) {
    for (const [reason, record] of bad) {
      const count = await refusedCount(reason);
      await evil[way]([record]);
      // The other box may bring an honest record twice at the same moment.
      const enough = reason === "known" ? (now: number) => now > count : (now: number) => now === count + 1;
      assert.ok(enough(await refusedCount(reason)), `${way} of a record that is ${reason}`);
    }
  }
  assert.equal(await metric(box, "mesh_records"), held);
  for (const body of ["", "{", "[]", '{"records":5}', '{"records":[1,{}]}', "9".repeat(200_000), "x".repeat(900_000)]) {
    for (const path of ["push", "sync", "key", "reach/x"]) await evil.send(path, body);
  }
  assert.equal(box.process?.exit, undefined);
  figure(`${bad.length * 2} bad records, each refused for its reason; ${held} records held before and after`);
});

test("a member without office cannot exclude, appoint, rule or change keys", { timeout: 300_000 }, async () => {
  const { id } = await box.api<{ id: string }>("/status");
  const before = await box.api<object>("/community");
  const atMs = Date.now();
  const service = { type: "_http._tcp", description: "", category: "web", scope: "community", open: true, host: null };
  const rest = { port: 80, path: "/", scheme: "http", version: "", sinceMs: atMs };
  await evil.push([
    evil.record({ seq: 2000, kind: "exclude", key: id, body: { reason: "mine now", lastSeq: 0, atMs } }),
    evil.record({ seq: 2001, kind: "steward", key: evil.identity.boxId, body: { atMs } }),
    evil.record({
      seq: 2002,
      kind: "policy",
      key: "self",
      body: { terms: [{ fromMs: atMs, admission: "open", inviters: "members" }] },
    }),
    evil.record({ seq: 2003, kind: "key", key: "epoch", body: { epoch: 99, check: "AAAA", atMs } }),
    evil.record({ seq: 2004, kind: "about", key: "self", body: { about: "taken over", accent: "#000000", atMs } }),
    evil.record({
      seq: 2005,
      kind: "service",
      key: "a",
      body: { ...service, ...rest, title: "a", scheme: "javascript" },
    }),
    evil.record({ seq: 2006, kind: "service", key: "b", body: { ...service, ...rest, title: "safe\u202Egnp.exe" } }),
    evil.record({ seq: 2007, kind: "service", key: "c", body: { ...service, ...rest, title: "honest" } }),
  ]);
  // The honest one shows that the others were looked at, too.
  await eventually("the honest service is shown", SEEN_MS_MAX, async () => (await shown(box)).includes("honest"));
  assert.deepEqual(
    (await shown(box)).filter((title) => title !== "honest"),
    [],
  );
  const after = await box.api<object>("/community");
  assert.deepEqual({ ...after, figures: 0 }, { ...before, figures: 0 });
  const boxes = await box.api<{ name: string; state: string; steward: boolean }[]>("/boxes");
  assert.deepEqual(
    boxes.filter((one) => one.steward).map((one) => one.name),
    ["Forn"],
  );
  assert.equal(boxes.find((one) => one.name === "Forn")?.state, "up");
});

test(
  "who signs two things under one number is shown to the stewards, with the proof",
  { timeout: 300_000 },
  async () => {
    const pair = ["one", "two"].map((text) => evil.record({ seq: 3000, key: "twice", body: { text } }));
    // Its neighbour heard the one and hears the other: whichever box sees both tells the stewards' boxes.
    await evil.push([pair[0]]);
    const warned = async () =>
      (await box.api<{ code: string; severity: string }[]>("/health")).some(
        ({ code, severity }) => code === "numbers-twice" && severity === "warning",
      );
    assert.equal(await warned(), false);
    await evil.push([pair[1]]);
    await eventually("a steward's box warns", SEEN_MS_MAX, warned);
    const evidence = await box.api<{ box: string; number: number; records: { sig: string }[] }[]>("/evidence");
    assert.deepEqual(
      evidence.map((one) => [one.box, one.number, one.records.map(({ sig }) => sig).sort()]),
      [[evil.identity.boxId, 3000, pair.map(({ sig }) => sig).sort()]],
    );
    assert.equal((await other.ask<{ error: { code: string } }>("/api/v1/evidence")).body.error.code, "not-steward");
  },
);

async function shown(at: Box): Promise<string[]> {
  const list = await at.api<{ title: string }[]>("/services?all=true");
  return list.map((one) => one.title);
}

test("a flood of records is limited, and the others do not feel it", { timeout: 300_000 }, async () => {
  const start = residentMiB(pidOf(box));
  const heldBefore = await metric(box, "mesh_records");
  const rateBefore = await refusedCount("rate");
  let seq = 10_000;
  let peak = 0;
  let slowest = 0;
  let sent = 0;
  let flooding = true;
  const batch = () =>
    Array.from({ length: RECORDS_PER_MESSAGE }, () => {
      seq += 1;
      return evil.record({ seq, kind: `flood${seq % 8}`, key: `k${seq}`, body: { text: "x".repeat(1000) } });
    });
  const flood = async (way: "push" | "sync") => {
    while (flooding) {
      await evil[way](batch()).catch(() => undefined);
      sent += RECORDS_PER_MESSAGE;
    }
  };
  const floods = Array.from({ length: FLOOD_AT_ONCE }, (_none, n) => flood(n % 2 === 0 ? "push" : "sync"));
  const endMs = performance.now() + FLOOD_MS;
  const publishedMs = performance.now();
  await other.api("/services", {
    method: "POST",
    body: { type: "_http._tcp", port: 81, title: "de bona fe", check: "none" },
  });
  let seenMs = 0;
  while (performance.now() < (seenMs > 0 ? endMs : publishedMs + SEEN_MS_MAX)) {
    const askedMs = performance.now();
    const titles = await shown(box);
    slowest = Math.max(slowest, performance.now() - askedMs);
    if (seenMs === 0 && titles.includes("de bona fe")) seenMs = performance.now() - publishedMs;
    peak = Math.max(peak, residentMiB(pidOf(box)));
    await sleep(50);
  }
  flooding = false;
  await Promise.all(floods);
  const held = (await metric(box, "mesh_records")) - heldBefore;
  const rate = (await refusedCount("rate")) - rateBefore;
  assert.ok(held <= PER_AUTHOR_MAX && held <= PER_KIND_MAX * 8, `${held} records of one author`);
  assert.ok(rate > 0, "pushes are limited in their rate");
  assert.ok(slowest < ANSWER_MS_MAX, `an answer took ${slowest.toFixed(0)} ms`);
  assert.ok(seenMs > 0 && seenMs < SEEN_MS_MAX, "the honest box was not heard");
  assert.ok(peak - start < GROWTH_MIB_MAX, `${start.toFixed(0)} MiB before, ${peak.toFixed(0)} at the peak`);
  const boxes = await box.api<{ name: string; state: string }[]>("/boxes");
  assert.equal(boxes.find((one) => one.name === "Veí")?.state, "up");
  figure(
    `a flood of ${sent} records in ${FLOOD_MS / 1000} s: ${held} held, ${rate} refused for their rate, RSS ` +
      `${start.toFixed(0)} to ${peak.toFixed(0)} MiB, slowest answer ${slowest.toFixed(0)} ms, ` +
      `an honest service seen after ${seenMs.toFixed(0)} ms`,
  );
});

test("a flood of requests for approval is bounded", { timeout: 300_000 }, async () => {
  await box.api("/community/policy", { method: "PATCH", body: { admission: "approval" } });
  const { code } = await invite();
  const { community, addresses } = readCode(code);
  const open = writeCode({ community, addresses });
  const codes = new Map<string, number>();
  for (let n = 0; n < STRANGERS; n += 1) {
    const refusal = await tryJoin(box, open).then(
      () => "let in",
      (error: unknown) => (isFailure(error) ? error.code : String(error)),
    );
    codes.set(refusal, (codes.get(refusal) ?? 0) + 1);
  }
  const boxes = await box.api<{ state: string }[]>("/boxes");
  const pending = boxes.filter((one) => one.state === "pending").length;
  assert.ok(pending > 0 && pending <= REQUESTS_MAX, `${pending} are kept`);
  // The hostile member may be gone: its own flood crowds out its own join.
  assert.ok(boxes.filter((one) => one.state !== "pending").length <= 3);
  assert.equal(codes.has("let in"), false);
  await box.api("/community/policy", { method: "PATCH", body: { admission: "invitation" } });
  const answers = [...codes].map(([name, count]) => `${count} ${name}`).join(", ");
  figure(`${STRANGERS} strangers ask to be approved: ${pending} kept; ${answers}`);
});

test("codes that are no good have their own errors and change nothing", { timeout: 300_000 }, async () => {
  const expired = await invite({ hours: 0.001 });
  const used = await invite();
  const revoked = await invite();
  const good = await invite();
  await box.api(`/invitations/${revoked.id}`, { method: "DELETE" });
  await (await tryJoin(box, used.code)).links.close();
  const read = readCode(good.code);
  const seed = new Uint8Array(randomBytes(16));
  const forged = writeCode({ ...read, invitation: { ...read.invitation!, seed } });
  const elsewhere = writeCode({ ...read, community: new Uint8Array(randomBytes(16)) });
  const nobody = writeCode({ ...read, addresses: [{ address: "127.0.0.1", port: 9 }] });
  const without = writeCode({ community: read.community, addresses: read.addresses });
  const longAgo = writeCode({ ...read, invitation: { ...read.invitation!, expiresMs: Date.now() - DAY_MS } });
  await sleep(4_000);
  const before = await state();
  const wrong: [string, string][] = [
    ["comu-", "code-malformed"],
    [`${good.code}a`, "code-malformed"],
    [good.code.replace(/.$/, (last) => (last === "a" ? "b" : "a")), "code-malformed"],
    [forged, "invitation-unknown"],
    [expired.code, "invitation-expired"],
    [longAgo, "invitation-expired"],
    [used.code, "invitation-used"],
    [revoked.code, "invitation-revoked"],
    [without, "community-closed"],
    [elsewhere, "community-unreachable"],
    [nobody, "community-unreachable"],
  ];
  for (const [code, expected] of wrong) assert.equal(await upWith(code), expected, code);
  assert.equal(await state(), before);
  figure(`${wrong.length} codes that are no good, each with its own error, nothing changed`);
});

async function state(): Promise<string> {
  const boxes = await box.api<{ id: string; state: string }[]>("/boxes");
  const invitations = await box.api<unknown[]>("/invitations");
  return JSON.stringify([boxes.map(({ id }) => id).sort(), invitations]);
}

/** The error code of a box that comes with this code. */
async function upWith(code: string): Promise<string> {
  const folder = temporaryFolder("newcomer");
  const password = join(folder, "password");
  writeFileSync(password, "correct horse battery\n");
  const who = ["--name", "Nova", "--owner", "Carla", "--password-file", password, "--join", code];
  const where = ["--data", join(folder, "data"), "--port", "0", "--mesh-port", "0", "--bind", "127.0.0.1"];
  const result = await run([...DIRECT_COMMAND, "up", "--json", ...who, ...where], { env: { LANG: "C" } });
  assert.equal(result.code, 1, result.stderr);
  return (JSON.parse(result.stdout) as { error: { code: string } }).error.code;
}
