/**
 * A full disk: changes are refused with a code that says so, reading goes on, nothing that was acknowledged is lost,
 * and when there is room again the box goes on by itself. The data folder is a small tmpfs, which only root may mount.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { COMU_COMMAND, startBox } from "../support/box.ts";
import type { Answer, Box } from "../support/box.ts";
import { eventually, run } from "../support/process.ts";
import { fillDisk, smallDisk } from "../support/small-disk.ts";
import { cpuMs, figure, metric, openCopy, pidOf, ready, startDirect } from "./direct.ts";

const DISK_MIB = 8;
/** Until the log's own spare room is used up, small writes still fit. */
const TRIES_MAX = 2_000;
const WATCHED_MS = 3_000;
/** What a box may burn while the disk is full; the test profile's gossip takes some of it. */
const CPU_PERCENT_MAX = 60;
const ROOM_AGAIN_MS = 60_000;

interface ErrorBody {
  error: { code: string; message: string; advice: string };
}

class Owner {
  readonly box: Box;
  /** Titles, notes and the name that the box acknowledged. */
  readonly services = new Set<string>();
  readonly invitations = new Set<string>();
  readonly links = new Set<string>();
  name: string;
  level = "";
  refused = 0;
  #count = 0;

  constructor(box: Box) {
    this.box = box;
    this.name = box.name;
  }

  /** Every kind of change once. Gives the answers that were no success. */
  async changeAll(): Promise<Answer<ErrorBody>[]> {
    const n = ++this.#count;
    const level = ["info", "warn", "error"][n % 3]!;
    const kinds: [string, string, object, () => void][] = [
      ["POST", "/services", service(`Ràdio ${n}`, 20_000 + n), () => this.services.add(`Ràdio ${n}`)],
      ["POST", "/people-invitations", { note: `p${n}` }, () => this.links.add(`p${n}`)],
      ["PUT", "/box/name", { name: `Forn ${n}` }, () => (this.name = `Forn ${n}`)],
      ["PATCH", "/settings", { values: { box: { logLevel: level } } }, () => (this.level = level)],
    ];
    if (this.invitations.size < 40) {
      kinds.push(["POST", "/invitations", { note: `i${n}` }, () => this.invitations.add(`i${n}`)]);
    }
    const failed: Answer<ErrorBody>[] = [];
    for (const [method, path, body, done] of kinds) {
      const answer = await this.box.ask<ErrorBody>(`/api/v1${path}`, { method, body });
      if (answer.status === 200) done();
      else failed.push(answer);
    }
    this.refused += failed.length;
    if (this.services.size >= 30) await this.#withdrawOne();
    if (this.links.size >= 30) await this.#revokeOne();
    return failed;
  }

  /** Exactly what was acknowledged is there. */
  async check(): Promise<void> {
    const { box } = this;
    const services = await box.api<{ title: string; state: string; own: boolean }[]>("/services");
    const up = services.filter((one) => one.own && one.state === "up").map((one) => one.title);
    assert.deepEqual(up.sort(), [...this.services].sort());
    const codes = await box.api<{ note: string; state: string }[]>("/invitations");
    const notes = codes.filter((one) => one.note.startsWith("i")).map((one) => one.note);
    assert.deepEqual(notes.sort(), [...this.invitations].sort());
    const links = await box.api<{ note: string }[]>("/people-invitations");
    assert.deepEqual(links.map((one) => one.note).sort(), [...this.links].sort());
    assert.equal((await box.api<{ name: string }>("/status")).name, this.name);
    const { values } = await box.api<{ values: { box: { logLevel: string } } }>("/settings");
    assert.equal(values.box.logLevel, this.level);
  }

  async #withdrawOne(): Promise<void> {
    const [title] = this.services;
    const list = await this.box.api<{ id: string; title: string; own: boolean }[]>("/services");
    const id = list.find((one) => one.own && one.title === title)?.id ?? "";
    const { status } = await this.box.ask(`/api/v1/services/${id}`, { method: "DELETE" });
    if (status === 200) this.services.delete(title!);
  }

  async #revokeOne(): Promise<void> {
    const list = await this.box.api<{ id: string; note: string }[]>("/people-invitations");
    const { id, note } = list[0]!;
    const { status } = await this.box.ask(`/api/v1/people-invitations/${id}`, { method: "DELETE" });
    if (status === 200) this.links.delete(note);
  }
}

function service(title: string, port: number) {
  return { type: "_http._tcp", port, title, check: "none", description: "x".repeat(300) };
}

/** Until every kind of change is refused in one round. */
async function changeUntilFull(owner: Owner): Promise<void> {
  for (let round = 1; round <= TRIES_MAX; round += 1) {
    const failed = await owner.changeAll();
    for (const { status, body } of failed) {
      assert.deepEqual([status, body.error.code], [507, "disk-full"], JSON.stringify(body));
      assert.ok(body.error.advice.length > 10 && body.error.message.length > 10);
    }
    if (failed.length >= 4) return;
  }
  assert.fail(`${TRIES_MAX} rounds of changes still fitted`);
}

/** A browser's way in: what it sends with every call from then on. */
async function signIn(box: Box): Promise<Record<string, string>> {
  const response = await fetch(`${box.url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Anna", password: "correct horse battery" }),
  });
  assert.equal(response.status, 200);
  const { csrf } = (await response.json()) as { csrf: string };
  return { cookie: response.headers.getSetCookie()[0]!.split(";")[0]!, "x-comu-csrf": csrf };
}

async function checkReading(box: Box, headers: Record<string, string>): Promise<void> {
  for (const path of ["/", "/healthz", "/metrics", "/api/v1/public", "/api/v1/services", "/api/v1/status"]) {
    const response = await fetch(`${box.url}${path}`, { headers });
    assert.equal(response.status, 200, path);
    await response.arrayBuffer();
  }
}

test("a full disk refuses changes, loses nothing, and is over when there is room", { timeout: 300_000 }, async (t) => {
  const disk = await smallDisk(DISK_MIB);
  const data = join(disk, "data");
  mkdirSync(data, { mode: 0o700 });
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", data, until: t });
  const { code } = await box.api<{ code: string }>("/invitations", { method: "POST", body: { note: "i0" } });
  const other = await startBox({ name: "Veí", owner: "Biel", join: code, until: t });
  const owner = new Owner(box);
  owner.invitations.add("i0");
  assert.deepEqual(await owner.changeAll(), []);
  const session = await signIn(box);

  fillDisk(disk);
  await changeUntilFull(owner);
  await other.api("/services", { method: "POST", body: service("De fora", 8080) });
  const cli = await run([...COMU_COMMAND, "rename", "Nou", "--data", data]);
  assert.deepEqual([cli.code, cli.stderr.split(":")[0]], [1, "disk-full"]);
  const cpuBefore = cpuMs(pidOf(box));
  await sleep(WATCHED_MS);
  const cpuPercent = ((cpuMs(pidOf(box)) - cpuBefore) / WATCHED_MS) * 100;
  assert.ok(cpuPercent < CPU_PERCENT_MAX, `${cpuPercent.toFixed(0)} % of a core while full`);
  await checkReading(box, session);
  await owner.check();
  assert.equal(box.process?.exit, undefined);
  const parts = await box.api<{ name: string; crashes: number }[]>("/parts");
  assert.ok(parts.every((part) => part.crashes === 0));

  rmSync(join(disk, "filler"));
  const roomMs = performance.now();
  await eventually("changes are taken again", ROOM_AGAIN_MS, async () => (await owner.changeAll()).length === 0);
  const againMs = Math.round(performance.now() - roomMs);
  await owner.check();
  await seen(box, other);

  fillDisk(disk);
  await changeUntilFull(owner);
  await box.kill();
  const started = await startOnFull(box);
  if (started === "runs") await owner.check();
  await box.kill();
  rmSync(join(disk, "filler"));
  startDirect(box);
  await ready(box);
  await owner.check();
  assert.deepEqual(await owner.changeAll(), []);
  await seen(box, other);
  assert.equal(await metric(other, "mesh_equivocations_total"), 0);
  const problems = openCopy(box).prepare("PRAGMA integrity_check").all();
  assert.deepEqual(
    problems.map((row) => row["integrity_check"]),
    ["ok"],
  );
  figure(
    `full disk: ${owner.refused} changes refused with disk-full, nothing lost, ${cpuPercent.toFixed(1)} % CPU while ` +
      `full, changes taken again ${againMs} ms after there was room, start on the full disk: ${started}`,
  );
});

/** It either runs or says why not. */
async function startOnFull(box: Box): Promise<string> {
  const running = startDirect(box);
  const runs = ready(box).then(
    () => "runs",
    () => undefined,
  );
  const ended = await Promise.race([runs, running.exited.then(() => undefined)]);
  if (ended) return ended;
  assert.equal(running.exit?.code, 1, running.output());
  assert.match(running.output(), /^disk-full: /m);
  return "ends with disk-full";
}

/** The other box shows exactly the services that this one acknowledged, and this one the other's. */
async function seen(box: Box, other: Box): Promise<void> {
  const titles = async (at: Box, own: boolean) => {
    const list = await at.api<{ title: string; state: string; own: boolean }[]>("/services");
    const wanted = list.filter((one) => one.own === own && one.state === "up");
    return JSON.stringify(wanted.map((one) => one.title).sort());
  };
  await eventually(
    "both boxes show the same",
    ROOM_AGAIN_MS,
    async () =>
      (await titles(box, true)) === (await titles(other, false)) &&
      (await titles(box, false)) === (await titles(other, true)),
  );
}
