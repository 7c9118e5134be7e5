/** Verify caps that boxes leave with one another: to whom, how many, and what is done with them while a box is away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../src/kernel/log.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { openStore } from "../../src/platform/store.ts";
import { formatCap } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { careStore } from "../../src/services/files/care/care-store.ts";
import {
  CARE_GRACE_MS,
  CARE_TAKERS,
  DEPOSITS_PER_BOX_MAX,
  DEPOSIT_BYTES_MAX,
  DEPOSIT_CAPS_MAX,
  DEPOSIT_KEPT_MS,
  DEPOSIT_LET_GO_MS,
  WEAK_EVERY_MS,
} from "../../src/services/files/care/constants.ts";
import { createDeposits, takersOf } from "../../src/services/files/care/deposits.ts";
import { createPace } from "../../src/services/files/care/pace.ts";
import type { CheckResult, Grid } from "../../src/services/files/grid/grid.ts";
import { isClockRight } from "../../src/services/files/space.ts";
import { MeshDouble } from "./mesh-double.ts";

const { signal } = new AbortController();
const DEPOSIT = "/files/deposit";

const capOf = (n: number): KnownCap => ({
  kind: "chk-verify",
  ...{ storageIndex: Buffer.alloc(16, n % 251), uebHash: Buffer.alloc(32, n >> 8), k: 3, n: 10, size: 1000 + n },
});

function box(meshes: MeshDouble, id: string, others: readonly string[], check?: Partial<CheckResult>) {
  const clock = virtualClock();
  const mesh = meshes.join(id);
  const rows = careStore(openStore(":memory:"));
  const done: string[] = [];
  const result = { state: "healthy", good: 10, needed: 3, total: 10, silent: [], ...check } as unknown as CheckResult;
  const grid = {
    check: async (cap: KnownCap) => {
      done.push(`check ${formatCap(cap).slice(0, 16)}`);
      return result;
    },
    repair: async () => {
      done.push("repair");
      return { before: result, after: result, written: 0 };
    },
  } as unknown as Grid;
  const log = createLog({ clock, level: "error", write: (line) => assert.fail(line) });
  const pace = createPace(clock, () => Number.POSITIVE_INFINITY);
  const near = { others: () => others, isClockRight: () => isClockRight(mesh) };
  const needs = { clock, log, mesh, rows, pace, ...near, grid: async () => grid };
  return { clock, mesh, rows, done, deposits: createDeposits(needs) };
}

function keep(rows: ReturnType<typeof careStore>, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const health = { state: "healthy", good: 10, total: 10, needed: 3, servers: 3, owners: 3, zones: 1 } as const;
    const storageIndex = `index ${String(n).padStart(6, "0")}`;
    const when = { checkedMs: 0, weakSinceMs: null, round: 1 };
    rows.setHealth({ account: "anna", storageIndex, path: "/", verifyCap: formatCap(capOf(n)), ...health, ...when });
  }
}

test("each file's cap goes to two boxes, the same ones each time", async () => {
  const meshes = new MeshDouble();
  const ids = ["one", "two", "three", "four"];
  const own = box(meshes, "own", ids);
  const others = ids.map((id) => box(meshes, id, []));
  keep(own.rows, DEPOSIT_CAPS_MAX + 20);
  await own.deposits.leave("anna", signal);
  const counts = others.map(({ rows }) => rows.depositsOf("own"));
  assert.equal(
    counts.reduce((sum, one) => sum + one, 0),
    CARE_TAKERS * (DEPOSIT_CAPS_MAX + 20),
  );
  assert.ok(
    counts.every((count) => count > 150),
    counts.join(" "),
  );
  await own.deposits.leave("anna", signal);
  assert.deepEqual(
    others.map(({ rows }) => rows.depositsOf("own")),
    counts,
  );
  assert.deepEqual(takersOf("x", ids), takersOf("x", ids.toReversed()));
  meshes.states.set("one", "away");
  await own.deposits.leave("anna", signal);
});

test("only verify caps, and no more than there is room for", async () => {
  const meshes = new MeshDouble();
  const taker = box(meshes, "taker", []);
  const giver = meshes.join("giver");
  const leave = async (content: unknown) => {
    const body = Buffer.from(typeof content === "string" ? content : JSON.stringify({ caps: content }));
    const answer = await giver.request("taker", DEPOSIT, body);
    return (JSON.parse(Buffer.from(answer.body).toString()) as { taken: number }).taken;
  };
  const readCap = formatCap({ kind: "chk", key: Buffer.alloc(16), uebHash: Buffer.alloc(32), k: 3, n: 10, size: 99 });
  for (const bad of ["", "{", '{"caps":7}', [readCap], ["URI:LIT:nbxwyyik"], [7, null, "x", "x".repeat(3000)]])
    assert.equal(await leave(bad), 0, JSON.stringify(bad));
  assert.equal(await leave(" ".repeat(DEPOSIT_BYTES_MAX + 1)), 0);
  const many = Array.from({ length: DEPOSIT_CAPS_MAX + 5 }, (_none, n) => formatCap(capOf(n)));
  assert.equal(await leave(many), DEPOSIT_CAPS_MAX);
  for (let n = taker.rows.depositsOf("giver"); n < DEPOSITS_PER_BOX_MAX; n += 1)
    taker.rows.deposit("giver", `x${n}`, 0);
  assert.equal(await leave([formatCap(capOf(7))]), 0);
});

test("while a box is away its files are looked after; what is close to being lost is repaired", async () => {
  const meshes = new MeshDouble();
  const cases: [number, string[]][] = [
    [7, ["check URI:CHK-Verifier"]],
    [4, ["check URI:CHK-Verifier", "repair"]],
  ];
  for (const [good, wanted] of cases) {
    const taker = box(meshes, "taker", [], { state: "weak", good });
    meshes.join("giver");
    taker.rows.deposit("giver", formatCap(capOf(1)), taker.clock.wallMs());
    await taker.deposits.tend(taker.clock.wallMs(), signal);
    assert.equal(taker.done.length, 0, "it is up");
    meshes.states.set("giver", "away");
    await taker.deposits.tend(taker.clock.wallMs(), signal);
    assert.deepEqual(
      taker.done.map((one) => one.slice(0, 22)),
      wanted.map((one) => one.slice(0, 22)),
    );
    await taker.deposits.tend(taker.clock.wallMs(), signal);
    assert.equal(taker.done.length, wanted.length, "it was just looked at");
    // It may have leaped, and nobody has told yet.
    taker.clock.setWall(taker.clock.wallMs() + DEPOSIT_KEPT_MS + 1);
    taker.clock.advance(DEPOSIT_LET_GO_MS - 1);
    await taker.deposits.tend(0, signal);
    meshes.clockOffsetMs = -DEPOSIT_KEPT_MS;
    taker.clock.advance(1);
    await taker.deposits.tend(0, signal);
    assert.equal(taker.rows.deposits(), 1, "the others say that it has leaped");
    meshes.clockOffsetMs = 0;
    await taker.deposits.tend(taker.clock.wallMs(), signal);
    assert.equal(taker.rows.deposits(), 0, "nobody spoke of it for half a year");
  }
});

test("what stays weak while its owner is away is looked at each hour, and made whole after the grace", async () => {
  const meshes = new MeshDouble();
  const { clock, rows, done, deposits } = box(meshes, "taker", [], { state: "weak", good: 7 });
  meshes.join("giver");
  meshes.states.set("giver", "away");
  rows.deposit("giver", formatCap(capOf(1)), clock.wallMs());
  const longAgoMs = clock.wallMs() - 1;
  await deposits.tend(longAgoMs, signal);
  assert.equal(done.length, 1);
  for (let passedMs = 0; passedMs < CARE_GRACE_MS; passedMs += WEAK_EVERY_MS + 1) {
    assert.equal(done.includes("repair"), false);
    clock.advance(WEAK_EVERY_MS + 1);
    await deposits.tend(longAgoMs, signal);
  }
  assert.deepEqual(done.slice(-2), ["check URI:CHK-Verifier", "repair"]);
});
