/** The journal: what goes in comes out when opened anew, in groups, through compaction, at its limits, and failing. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../kernel/clock.ts";
import { isFailure } from "../kernel/errors.ts";
import { createLog } from "../kernel/log.ts";
import {
  JOURNAL_APPEND_BYTES_MAX,
  JOURNAL_BACKLOG_SEGMENTS,
  JOURNAL_BUFFERS_MAX,
  JOURNAL_COPY_BYTES_MAX,
  JOURNAL_COPY_BYTES_MIN,
  JOURNAL_FILL_BYTES,
  JOURNAL_GARBAGE_RATIO,
  JOURNAL_GROUP_BYTES_MAX,
  JOURNAL_ID_BYTES_MAX,
  JOURNAL_READ_BYTES,
  JOURNAL_SEGMENT_BYTES,
  JOURNAL_SEGMENT_BYTES_MIN,
  JOURNAL_VALUE_BYTES_MAX,
  JOURNAL_WAITING_BYTES_MAX,
  JOURNAL_WAITING_MAX,
} from "./constants.ts";
import { readSegmentHeader, SEGMENT_HEADER_BYTES } from "./journal-format.ts";
import { SegmentReader } from "./journal-segments.ts";
import type { Journal } from "./journal.ts";
import { openJournal } from "./journal.ts";

const root = mkdtempSync(join(tmpdir(), "comu-journal-"));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = () => join(root, String((folders += 1)));
const clock = systemClock();
const log = createLog({ clock, level: "info", write: () => {} });
const open = (folder: string, segmentBytesMax?: number) => openJournal({ folder, clock, log, segmentBytesMax });

const bytes = (text: string) => new TextEncoder().encode(text);

async function contents(journal: Journal): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const entry of journal.entries()) {
    assert.ok(!found.has(entry.id));
    found.set(entry.id, Buffer.from(entry.bytes).toString("latin1"));
  }
  return found;
}

/** Opens, reads all, closes. */
async function stored(folder: string, segmentBytesMax?: number): Promise<Map<string, string>> {
  const journal = await open(folder, segmentBytesMax);
  const found = await contents(journal);
  await journal.close();
  return found;
}

test("what was appended is there after opening anew, for this account alone", async () => {
  const folder = newFolder();
  const journal = await open(folder);
  assert.deepEqual(await contents(journal), new Map());
  const reused = bytes("one");
  const first = journal.append([
    { id: "a", bytes: reused },
    { id: "b\u00ff\u0000", bytes: bytes("two") },
    { id: "", bytes: new Uint8Array() },
  ]);
  reused.fill(0);
  await Promise.all([first, journal.append([{ id: "a", bytes: bytes("three") }]), journal.append([])]);
  await journal.append([
    { id: "c", bytes: bytes("gone") },
    { id: "c", bytes: null },
    { id: "never", bytes: null },
  ]);
  const { segments, syncs, appended } = journal.stats();
  assert.deepEqual([segments, syncs, appended], [1, 2, 7]);
  await journal.close();
  await journal.close();
  await assert.rejects(journal.append([{ id: "a", bytes: null }]), /closed/);
  const expected = new Map([
    ["a", "three"],
    ["b\u00ff\u0000", "two"],
    ["", ""],
  ]);
  assert.deepEqual(await stored(folder), expected);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  assert.equal(statSync(join(folder, "0000000001.journal")).size, JOURNAL_SEGMENT_BYTES);
});

test("appends that wait share a write, in the order of the calls", async () => {
  const folder = newFolder();
  const journal = await open(folder);
  const answered: number[] = [];
  const one = (n: number) => journal.append([{ id: "x", bytes: bytes(String(n)) }]).then(() => answered.push(n));
  await Promise.all(Array.from({ length: 300 }, (_, n) => one(n)));
  assert.deepEqual(
    answered,
    Array.from({ length: 300 }, (_, n) => n),
  );
  assert.equal(journal.stats().syncs, 1);
  void one(300);
  await journal.close();
  assert.equal(answered.length, 301);
  assert.deepEqual(await stored(folder), new Map([["x", "300"]]));
});

const someId = fc.constantFrom("a", "b", "c\u00ff", "d\u0080d", "", "f".repeat(JOURNAL_ID_BYTES_MAX), "g", "h");
const someBytes = fc.option(
  fc.record({ length: fc.oneof(fc.nat(40), fc.nat(900), fc.nat(3000)), fill: fc.integer({ min: 1, max: 255 }) }),
  { nil: null, freq: 3 },
);
const someAppend = fc.array(fc.record({ id: someId, content: someBytes }), { maxLength: 6 });
/** Appends that are made at once; then the journal is closed and opened, or not. */
const someStep = fc.record({ appends: fc.array(someAppend, { maxLength: 8 }), reopen: fc.integer({ min: 0, max: 3 }) });

test("it holds what a Map would hold, whatever is appended, removed and opened anew", { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(fc.array(someStep, { minLength: 1, maxLength: 12 }), async (steps) => {
      const folder = newFolder();
      const model = new Map<string, string>();
      let journal = await open(folder, JOURNAL_SEGMENT_BYTES_MIN);
      for (const { appends, reopen } of steps) {
        const done = appends.map((puts) => {
          for (const { id, content } of puts) {
            if (content) model.set(id, String.fromCharCode(content.fill).repeat(content.length));
            else model.delete(id);
          }
          const asBytes = (one: { length: number; fill: number }) => new Uint8Array(one.length).fill(one.fill);
          return journal.append(puts.map(({ id, content }) => ({ id, bytes: content && asBytes(content) })));
        });
        await Promise.all(done);
        if (reopen > 0) continue;
        await journal.close();
        journal = await open(folder, JOURNAL_SEGMENT_BYTES_MIN);
        assert.deepEqual(await contents(journal), model);
      }
      await journal.close();
      const again = await open(folder, JOURNAL_SEGMENT_BYTES_MIN);
      assert.deepEqual(await contents(again), model);
      let liveBytes = 0;
      for (const [id, text] of model) liveBytes += 6 + id.length + text.length;
      assert.equal(again.stats().liveBytes, liveBytes);
      await again.close();
      rmSync(folder, { recursive: true });
    }),
    { numRuns: 40 },
  ),
);

test("compaction keeps the log short, drops old removals, and keeps what lives", { timeout: 60_000 }, async () => {
  const folder = newFolder();
  const segmentBytes = 512 * 1024;
  const journal = await open(folder, segmentBytes);
  const model = new Map<string, string>();
  // A cold part, which the log would otherwise never leave behind.
  for (let n = 0; n < 400; n += 1) {
    model.set(`cold${n}`, `cold content ${n} ${"x".repeat(3000)}`);
    void journal.append([{ id: `cold${n}`, bytes: bytes(model.get(`cold${n}`)!) }]);
  }
  let longest = 0;
  for (let round = 0; round < 150; round += 1) {
    const all: Promise<void>[] = [];
    for (let n = 0; n < 64; n += 1) {
      const [hot, once_, text] = [`hot${n % 40}`, `lease${round}/${n}`, `${round} ${n} ${"y".repeat(2000)}`];
      model.set(hot, text);
      all.push(
        journal.append([
          { id: hot, bytes: bytes(text) },
          { id: once_, bytes: bytes(text) },
        ]),
      );
      all.push(journal.append([{ id: once_, bytes: null }]));
    }
    await Promise.all(all);
    longest = Math.max(longest, journal.stats().bytes);
  }
  const { liveBytes, appended, segments } = journal.stats();
  assert.equal(appended, 400 + 150 * 64 * 3);
  const boundBytes = liveBytes * JOURNAL_GARBAGE_RATIO + (JOURNAL_BACKLOG_SEGMENTS + 4) * segmentBytes;
  // Half a segment in each write is more than compaction keeps up with by itself.
  assert.ok(longest > liveBytes + (JOURNAL_BACKLOG_SEGMENTS - 1) * segmentBytes, `${longest} bytes at most`);
  assert.ok(longest < boundBytes, `${longest} bytes at most, ${boundBytes} allowed; ${liveBytes} live`);
  await journal.close();
  const names = readdirSync(folder).filter((name) => name.endsWith(".journal"));
  assert.ok(names.length <= segments + 2 && names[0]! > "0000000040.journal", names.join());
  assert.deepEqual(await stored(folder, segmentBytes), model);
});

const tooLarge = (limit: number) => (error: unknown) => isFailure(error, "too-large") && error.params.limit === limit;

test("limits of ids, values and appends; what is refused leaves nothing, and others go on", async () => {
  const folder = newFolder();
  await assert.rejects(open(folder, JOURNAL_SEGMENT_BYTES_MIN - 1), /a segment of 1023 bytes/);
  const journal = await open(folder, JOURNAL_FILL_BYTES * 3 + 1000);
  assert.equal(statSync(join(folder, "0000000001.journal")).size, JOURNAL_FILL_BYTES * 3 + 1000);
  const id = "i".repeat(JOURNAL_ID_BYTES_MAX);
  const value = Buffer.alloc(JOURNAL_VALUE_BYTES_MAX, "v");
  const over = Buffer.alloc(JOURNAL_VALUE_BYTES_MAX + 1);
  const other = { id: "other", bytes: bytes("x") };
  await assert.rejects(journal.append([other, { id: `${id}i`, bytes: null }]), tooLarge(JOURNAL_ID_BYTES_MAX));
  await assert.rejects(journal.append([other, { id, bytes: over }]), tooLarge(JOURNAL_VALUE_BYTES_MAX));
  await assert.rejects(journal.append([other, { id: "\u0100", bytes: null }]), /above 255/);
  const many = Array.from({ length: 2 }, (_, n) => ({ id: `${n}`, bytes: value }));
  assert.ok(JOURNAL_APPEND_BYTES_MAX < 2 * value.length);
  await assert.rejects(journal.append(many), tooLarge(JOURNAL_APPEND_BYTES_MAX));
  const rest = JOURNAL_APPEND_BYTES_MAX - (7 + value.length) - 6 - id.length;
  await journal.append([many[0]!, { id, bytes: value.subarray(0, rest) }]);
  assert.ok(value.length > JOURNAL_READ_BYTES);
  await journal.close();
  const found = await stored(folder);
  assert.deepEqual([...found.keys()].sort(), ["0", id]);
  assert.ok(found.get("0") === value.toString("latin1"));
  assert.equal(found.get(id)!.length, rest);
});

test("limits of what waits for the disk, and of what shares a write", { timeout: 60_000 }, async () => {
  const folder = newFolder();
  const journal = await open(folder);
  const value = Buffer.alloc(JOURNAL_VALUE_BYTES_MAX, "v");
  const fitting = Math.floor(JOURNAL_WAITING_BYTES_MAX / (value.length + 7));
  const isTooMany = (error: unknown) => isFailure(error, "too-many");
  const large = Array.from({ length: fitting }, () => journal.append([{ id: "v", bytes: value }]));
  await assert.rejects(journal.append([{ id: "w", bytes: value }]), isTooMany);
  await Promise.all(large);
  assert.equal(journal.stats().syncs, fitting + fitting - 1, "each goes alone, and seals the segment before");
  await journal.close();
  const other = await open(folder);
  const small = Array.from({ length: JOURNAL_WAITING_MAX }, () => other.append([]));
  await assert.rejects(other.append([]), isTooMany);
  await Promise.all(small);
  const before = other.stats().syncs;
  const quarter = Buffer.alloc(JOURNAL_GROUP_BYTES_MAX / 4);
  // With the headers three of them fit into a group; and more groups than buffers are kept for.
  const groups = JOURNAL_BUFFERS_MAX + 2;
  await Promise.all(Array.from({ length: groups * 3 }, (_, n) => other.append([{ id: `q${n}`, bytes: quarter }])));
  const sealed = other.stats().segments > 1 ? 1 : 0;
  assert.ok([groups, groups + sealed].includes(other.stats().syncs - before));
  await other.close();
  const found = await stored(folder);
  assert.equal(found.size, 1 + groups * 3);
});

test("compaction copies frames from one entry to many pieces, and ends when the journal is closed", async () => {
  const folder = newFolder();
  const segmentBytes = 4 * JOURNAL_COPY_BYTES_MIN;
  const journal = await open(folder, segmentBytes);
  const large = Buffer.alloc(JOURNAL_COPY_BYTES_MAX + 1, "l");
  const model = new Map([["large", large.toString("latin1")]]);
  await journal.append([{ id: "large", bytes: large }]);
  for (let n = 0; n < 400; n += 1) {
    const text = `${n % 100} ${"z".repeat(1000)}`;
    model.set(`k${n % 100}`, text);
    void journal.append([{ id: `k${n % 100}`, bytes: bytes(text) }]);
    if (n % 10 === 0) await journal.append([]);
  }
  for (let n = 0; n < 3; n += 1) {
    // Garbage enough for the segment of the large one to be copied.
    await journal.append([{ id: "huge", bytes: large }]);
    await journal.append([{ id: "huge", bytes: null }]);
  }
  await journal.close();
  assert.deepEqual(await stored(folder, segmentBytes), model);
});

test("entries belong before the first append", async () => {
  const folder = newFolder();
  const journal = await open(folder);
  await journal.append([{ id: "a", bytes: bytes("x") }]);
  await assert.rejects(contents(journal), /after an append/);
  await journal.close();
});

test("one journal per folder, in this process and of others", async () => {
  const folder = newFolder();
  const journal = await open(folder);
  const busy = (error: unknown) => isFailure(error, "data-folder-busy");
  await assert.rejects(open(folder), busy);
  await journal.close();
  const module = JSON.stringify(new URL("./journal-segments.ts", import.meta.url).href);
  const program = `import { lockJournal } from ${module};
    globalThis.held = await lockJournal(${JSON.stringify(folder)}); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await assert.rejects(open(folder), busy);
  child.kill("SIGKILL");
  await once(child, "exit");
  await (await open(folder)).close();
  await assert.rejects(open("/proc/journal"), (error) => isFailure(error, "data-folder-unusable"));
});

test("a disk that fails ends it with one failure for all; opened anew it has what was acknowledged", async () => {
  const folder = newFolder();
  const journal = await open(folder, 8192);
  const limitFiles = (soft: string) => execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${soft}:`]);
  const acknowledged: string[] = [];
  const failures = new Set<unknown>();
  // Files of this process cannot grow to the size of a segment.
  limitFiles("4096");
  try {
    for (let n = 0; n < 60; n += 1) {
      const one = (part: string) => journal.append([{ id: `${n}${part}`, bytes: new Uint8Array(300) }]);
      const [left, right] = await Promise.allSettled([one("l"), one("r")]);
      if (left.status === "fulfilled") acknowledged.push(`${n}l`);
      else failures.add(left.reason);
      if (right.status === "fulfilled") acknowledged.push(`${n}r`);
      else failures.add(right.reason);
    }
  } finally {
    limitFiles("unlimited");
  }
  const [failure] = failures;
  assert.ok(failures.size === 1 && isFailure(failure, "storage-failed"), String(failure));
  await assert.rejects(journal.append([]), (error) => error === failure);
  await journal.close();
  const again = await open(folder, 8192);
  const found = await contents(again);
  assert.ok(acknowledged.length >= 8 && acknowledged.every((id) => found.has(id)));
  await again.append([{ id: "after", bytes: bytes("x") }]);
  await again.close();
});

test("opening and reading give the event loop a turn after each piece", async () => {
  const folder = newFolder();
  const value = new Uint8Array(300);
  const journal = await open(folder, 16 * JOURNAL_FILL_BYTES);
  for (let n = 0; n < 40_000; n += 1) void journal.append([{ id: `k${n}`, bytes: value }]);
  await journal.append([]);
  await journal.close();

  const names = readdirSync(folder).filter((name) => name.endsWith(".journal"));
  // A longer frame, of one group, is read whole.
  const sliceMax = Math.max(JOURNAL_READ_BYTES, JOURNAL_GROUP_BYTES_MAX);
  let slices = 0;
  for (const name of names) {
    const fd = openSync(join(folder, name), "r");
    const reader = new SegmentReader(fd, readSegmentHeader(readFileSync(join(folder, name)))!.salt);
    for (let position = SEGMENT_HEADER_BYTES, state = "more"; state === "more"; slices += 1) {
      let visited = 0;
      const slice = await reader.slice(position, (_buffer, _id, at, _valueAt, end) => (visited += end - at));
      assert.ok(visited <= sliceMax, `${visited} bytes in one slice`);
      [position, state] = [slice.next, slice.state];
    }
    closeSync(fd);
  }
  assert.ok(slices > (40_000 * value.length) / sliceMax);

  const again = await open(folder, 16 * JOURNAL_FILL_BYTES);
  let [turn, inTurn, most, count, running] = [0, 0, 0, 0, true];
  const turning = (async () => {
    while (running) {
      await new Promise((resolve) => setImmediate(resolve));
      turn += 1;
    }
  })();
  let last = turn;
  for await (const entry of again.entries()) {
    inTurn = turn === last ? inTurn + entry.bytes.length : entry.bytes.length;
    [last, most, count] = [turn, Math.max(most, inTurn), count + 1];
  }
  running = false;
  await turning;
  await again.close();
  assert.equal(count, 40_000);
  assert.ok(most <= JOURNAL_COPY_BYTES_MAX, `${most} bytes of entries in one turn`);
});
