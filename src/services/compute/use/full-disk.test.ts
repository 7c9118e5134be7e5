/** Slices while a disk is full, the home box's own or that of a host: nothing half made, nothing asked in a circle. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../kernel/errors.ts";
import { createLog } from "../../../kernel/log.ts";
import { seededRandom } from "../../../kernel/random.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import type { SliverSpec } from "../../../protocols/compute/lending.ts";
import { LEASE_MS, LOOK_MS, MESSAGE_TIMEOUT_MS } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { smallStore } from "../full-disk.fixture.ts";
import { LOOK_PATH, RESERVE_PATH, WANT_PATH } from "../messages.ts";
import { SETTLE_PATH } from "../messages-settle.ts";
import { HOST_FULL, OFFER_FULL, createHosts } from "./hosts.ts";
import type { Hosts } from "./hosts.ts";
import { sliceStore } from "./slice-store.ts";
import type { Slice } from "./slice-store.ts";
import { Slices } from "./slices.ts";
import { untilGone, untilStands } from "./standing.ts";

const GIB = 2 ** 30;
const HOST = "host";
const sliver: SliverSpec = {
  ...{ kind: "container", image: "0".repeat(64), reach: "slice", cores: 1 },
  ...{ memoryBytes: GIB, diskBytes: GIB, egressBytesPerS: 0 },
};

/** A home box and one host, which has what it is asked for at once, unless its disk is full. */
function stage() {
  const disk = smallStore();
  const clock = virtualClock();
  const lines: string[] = [];
  const asked: string[] = [];
  const there = new Map<string, "running" | "stopped">();
  const host = { isFull: false, offers: true };
  const full = () => computeErrors.fail(HOST_FULL, { params: { box: HOST } });
  const answerTo = (path: string, question: { sliver: string; slivers: string[]; wanted: string }): object => {
    asked.push(path);
    if (path === SETTLE_PATH) return { settled: true };
    if (path === LOOK_PATH) {
      const found = question.slivers.filter((id) => there.has(id));
      return { slivers: found.map((id) => ({ sliver: id, state: there.get(id), leaseMs: LEASE_MS })) };
    }
    const isKnown = there.has(question.sliver);
    if (path === WANT_PATH && !isKnown) return { known: false };
    if (host.isFull) throw full();
    if (question.wanted === "gone") there.delete(question.sliver);
    else there.set(question.sliver, question.wanted as "running");
    return path === WANT_PATH ? { known: true } : { granted: true, price: 0 };
  };
  const offer = { box: HOST, owner: "o", zone: "z", price: 0, rttMs: 1, reliability: 1, hasImage: true };
  const hosts = {
    ask: async (_box: string, path: string, _shape: unknown, question: object) => answerTo(path, question as never),
    offers: async () =>
      host.isFull && host.offers ? [{ ...offer, fits: 0, why: OFFER_FULL }] : [{ ...offer, fits: 9, why: undefined }],
  } as unknown as Hosts;
  const log = createLog({ clock, level: "info", write: (line) => void lines.push(line) });
  const rows = sliceStore(disk.store);
  const mesh = { box: () => undefined };
  const slices = new Slices({ clock, random: seededRandom(1), log, mesh, rows, hosts, changed: () => {} });
  const slice: Slice = {
    ...{ id: "slice1", account: "anna", name: "web", madeMs: clock.wallMs(), isGone: false },
    spec: { sliver, count: 2, apart: "none", wanted: "running", endMs: clock.wallMs() + 1e10, recreate: false },
  };
  /** As the next start would find it. */
  const written = () => sliceStore(disk.store);
  const look = () => clock.advanceSettled(LOOK_MS, 100);
  const launched = async () => {
    rows.draft(slice);
    assert.equal(await slices.follow(slice.id), undefined);
    await look();
  };
  return { disk, host, clock, lines, asked, there, rows, slices, slice, written, look, launched };
}

const states = (rows: ReturnType<typeof stage>["rows"]) => rows.slivers("slice1").map(({ state }) => state);

test("a new slice is on the disk with its first slivers, or not at all", async () => {
  const { disk, asked, there, rows, slices, slice, written } = stage();
  rows.draft(slice);
  assert.deepEqual([written().slices(), rows.named("anna", "web"), rows.slicesOf("anna")], [[], slice, [slice]]);
  disk.isFull = true;
  const failure = await slices.follow(slice.id);
  assert.equal(failure?.code, "disk-full");
  assert.deepEqual([asked, [...there]], [[], []]);
  assert.equal(rows.dropDraft(slice.id), true);
  assert.deepEqual([rows.slice(slice.id), rows.slicesOf("anna"), rows.slivers(slice.id)], [undefined, [], []]);
  disk.isFull = false;
  assert.deepEqual(written().slices(), []);
  rows.draft(slice);
  assert.equal(await slices.follow(slice.id), undefined);
  assert.deepEqual([rows.dropDraft(slice.id), written().slices()], [false, [slice]]);
  assert.equal(written().slivers(slice.id).length, 2);
  assert.equal(there.size, 2);
});

test("a new slice that finds no host is kept only when it can be written down", () => {
  const { disk, rows, slice, written } = stage();
  rows.draft(slice);
  disk.isFull = true;
  assert.throws(
    () => rows.keepDraft(slice.id),
    (error) => isFailure(error, "disk-full"),
  );
  assert.equal(rows.slice(slice.id), undefined);
  disk.isFull = false;
  rows.draft(slice);
  rows.keepDraft(slice.id);
  assert.deepEqual(written().slices(), [slice]);
});

test("on a full disk a slice is not ended by halves, and what hosts say is seen all the same", async () => {
  const { disk, there, lines, rows, slices, slice, written, look, launched } = stage();
  slices.start();
  await launched();
  assert.deepEqual(states(rows), ["running", "running"]);
  disk.isFull = true;
  assert.throws(
    () => rows.endSlice(rows.slice(slice.id)!),
    (error) => isFailure(error, "disk-full"),
  );
  assert.equal(rows.slice(slice.id)?.isGone, false);
  for (const id of there.keys()) there.set(id, "stopped");
  await look();
  assert.deepEqual(states(rows), ["stopped", "stopped"]);
  assert.deepEqual(states(written()), ["running", "running"]);
  for (const id of there.keys()) there.set(id, "running");
  disk.isFull = false;
  await look();
  assert.deepEqual([states(rows), states(written())], [states(rows), ["running", "running"]]);
  rows.endSlice(rows.slice(slice.id)!);
  assert.deepEqual(
    written()
      .slivers(slice.id)
      .map(({ wanted }) => wanted),
    ["gone", "gone"],
  );
  await look();
  await look();
  assert.deepEqual([there.size, written().slices(), lines], [0, [], []]);
  await slices.stop();
});

test("what cannot be decided on a full disk is in the log once, not at each look", async () => {
  const { disk, there, lines, rows, slices, look, launched } = stage();
  slices.start();
  await launched();
  // Their host has lost both: they would be made again.
  there.clear();
  disk.isFull = true;
  for (let round = 0; round < 20; round += 1) await look();
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.equal(there.size, 0);
  disk.isFull = false;
  await look();
  await look();
  assert.deepEqual([there.size, states(rows), lines.length], [2, ["running", "running"], 1]);
  await slices.stop();
});

test("a host without room takes nothing, is named, and is asked again later", async () => {
  for (const offers of [true, false]) {
    const { host, there, lines, asked, rows, slices, slice, look } = stage();
    Object.assign(host, { isFull: true, offers });
    slices.start();
    rows.draft(slice);
    assert.equal(await slices.follow(slice.id), undefined);
    rows.keepDraft(slice.id);
    assert.deepEqual([slices.fullHost(slice.id), rows.slivers(slice.id)], [HOST, []]);
    asked.length = 0;
    for (let round = 0; round < 10; round += 1) await look();
    // It says so in its offer; or, where that was some moments ago, when it is asked.
    assert.deepEqual(asked.filter((path) => path === RESERVE_PATH).length, offers ? 0 : 20);
    host.isFull = false;
    await look();
    assert.deepEqual([there.size, slices.fullHost(slice.id), lines], [2, undefined, []]);
    await slices.stop();
  }
});

test("what waits for room on a host's disk is not waited for, and not asked for each second", async () => {
  const { host, clock, asked, there, rows, slices, slice, look, launched } = stage();
  slices.start();
  await launched();
  host.isFull = true;
  rows.putSlice({ ...slice, spec: { ...slice.spec, wanted: "stopped" } });
  await slices.follow(slice.id);
  const signal = new AbortController().signal;
  const beforeMs = clock.monotonicMs();
  await untilStands({ clock, slices }, slice.id, signal);
  const troubles = () => rows.slivers(slice.id).map(({ trouble }) => trouble);
  assert.deepEqual(troubles(), [HOST_FULL, HOST_FULL]);
  rows.endSlice(rows.slice(slice.id)!);
  await slices.follow(slice.id);
  await untilGone({ clock, slices }, slice.id, signal);
  assert.ok(clock.monotonicMs() - beforeMs < MESSAGE_TIMEOUT_MS);
  assert.deepEqual([troubles(), there.size], [[HOST_FULL, HOST_FULL], 2]);
  asked.length = 0;
  for (let round = 0; round < 10; round += 1) await look();
  assert.deepEqual(asked.filter((path) => path === LOOK_PATH).length, 10);
  host.isFull = false;
  await look();
  await look();
  assert.deepEqual([there.size, rows.slices()], [0, []]);
  await slices.stop();
});

test("a box that says that its disk is full is told apart from one that says nothing", async () => {
  const answers = new Map([
    [507, '{"error":{"code":"disk-full"}}'],
    [503, '{"error":{"code":"disk-full"}}'],
  ]);
  const mesh = { selfId: "home", box: () => ({ name: "Molí" }), boxes: () => [], records: () => [] };
  const codes: string[] = [];
  for (const [status, text] of [...answers, [507, '{"error":{"code":"limit-reached"}}'], [507, "full"]] as const) {
    const request = async () => ({ status, body: new TextEncoder().encode(text), rttMs: 1 });
    const hosts = createHosts({ mesh: { ...mesh, request } as never, own: async () => ({}), reliabilityOf: () => 1 });
    const said = await hosts.ask(HOST, WANT_PATH, {} as never, {}).catch((error: unknown) => error);
    assert.ok(isFailure(said));
    codes.push(`${said.code} ${said.params["box"] ?? ""}`.trim());
  }
  assert.deepEqual(codes, ["compute-host-full Molí", "unavailable", "unavailable", "unavailable"]);
});
