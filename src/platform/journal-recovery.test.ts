/** What a journal makes of spoiled files: a write cut short at every byte, flipped bits, and files that are missing. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { crc32 } from "node:zlib";
import { systemClock } from "../kernel/clock.ts";
import { isFailure } from "../kernel/errors.ts";
import { createLog } from "../kernel/log.ts";
import { JOURNAL_READ_BYTES } from "./constants.ts";
import { emptyFrame, FRAME_MARK, SEGMENT_HEADER_BYTES } from "./journal-format.ts";
import { openJournal } from "./journal.ts";

const root = mkdtempSync(join(tmpdir(), "comu-journal-"));
after(() => rmSync(root, { recursive: true }));
const clock = systemClock();
const SEGMENT_BYTES = 1024;
const open = (folder: string, log = createLog({ clock, level: "warn", write: () => {} })) =>
  openJournal({ folder, clock, log, segmentBytesMax: SEGMENT_BYTES });
const bytes = (text: string) => new TextEncoder().encode(text);
const first = "0000000001.journal";
const second = "0000000002.journal";

/** What is stored, as one text. Opens, reads, appends one more entry, opens again and looks for it, too. */
async function check(folder: string): Promise<{ found: string; warnings: number }> {
  const log = createLog({ clock, level: "warn", write: () => {} });
  const journal = await open(folder, log);
  const read = async (from: typeof journal) => {
    const entries: string[] = [];
    for await (const { id, bytes: value } of from.entries()) entries.push(`${id}=${Buffer.from(value).toString()}`);
    return entries.sort().join(" ");
  };
  const found = await read(journal);
  await journal.append([{ id: "~more", bytes: bytes("1") }]);
  await journal.close();
  const again = await open(folder, log);
  assert.equal(await read(again), `${found} ~more=1`.trim());
  await again.close();
  return { found, warnings: log.recent(100).length };
}

/** A folder with the same files, which one test may spoil. */
function copyOf(folder: string): string {
  const copy = mkdtempSync(join(root, "copy-"));
  cpSync(folder, copy, { recursive: true });
  return copy;
}

const isDamaged = (error: unknown) => isFailure(error, "store-damaged");

/** It is told, and no file of the folder is another one afterwards. */
async function assertDamaged(folder: string, message: string): Promise<void> {
  const files = () => readdirSync(folder).map((name) => `${name} ${crc32(readFileSync(join(folder, name)))}`);
  const before = files();
  await assert.rejects(open(folder), isDamaged, message);
  assert.deepEqual(files(), before, message);
}

/** A journal of one segment, and what it held when its file had each length. */
async function smallLog(): Promise<{ folder: string; states: { usedBytes: number; found: string }[] }> {
  const folder = mkdtempSync(join(root, "small-"));
  const journal = await open(folder);
  const states = [{ usedBytes: SEGMENT_HEADER_BYTES, found: "" }];
  const model = new Map<string, string>();
  for (let n = 0; n < 7; n += 1) {
    const puts = Array.from({ length: 1 + (n % 3) }, (_, k) => ({ id: `k${(n + k) % 4}`, text: `${n}.${k}` }));
    for (const { id, text } of puts) model.set(id, text);
    if (n % 3 === 2) model.delete("k0");
    const removed = n % 3 === 2 ? [{ id: "k0", bytes: null }] : [];
    await journal.append([...puts.map(({ id, text }) => ({ id, bytes: bytes(text) })), ...removed]);
    const found = [...model].map(([id, text]) => `${id}=${text}`);
    states.push({ usedBytes: journal.stats().bytes, found: found.sort().join(" ") });
  }
  await journal.close();
  return { folder, states };
}

test(
  "a file that ends, or is zero, from any byte on has all whole frames before it",
  { timeout: 120_000 },
  async () => {
    const { folder, states } = await smallLog();
    const path = join(folder, first);
    const whole = readFileSync(path);
    const end = states.at(-1)!.usedBytes + 16;
    assert.ok(end < SEGMENT_BYTES && whole.subarray(end).every((byte) => byte === 0));
    let torn = 0;
    for (let cut = 0; cut <= end; cut += 1) {
      for (const way of ["ends", "zero"]) {
        writeFileSync(path, whole);
        if (way === "ends") truncateSync(path, cut);
        else writeFileSync(path, Buffer.concat([whole.subarray(0, cut), Buffer.alloc(whole.length - cut)]));
        const kept = states.findLast(({ usedBytes }) => usedBytes <= cut);
        // A segment has its name only when its header is on the disk, so no crash cuts that; its last bytes are zero.
        const header = (file: Buffer) => file.subarray(0, SEGMENT_HEADER_BYTES);
        if (!kept && !header(readFileSync(path)).equals(header(whole))) {
          await assertDamaged(folder, `${way} at ${cut}`);
          continue;
        }
        const boundary = kept?.usedBytes ?? SEGMENT_HEADER_BYTES;
        const spoiled = readFileSync(path).subarray(boundary);
        // Nothing is torn when all of it is there (its last bytes are zero), or nothing after a whole frame.
        const all = whole.subarray(boundary, end).equals(spoiled.subarray(0, end - boundary));
        const rest = !all && spoiled.some((byte) => byte !== 0) ? 1 : 0;
        const { found, warnings } = await check(folder);
        assert.equal(found, kept?.found ?? "", `${way} at ${cut}`);
        assert.equal(warnings, rest, `${way} at ${cut}`);
        torn += rest;
        rmSync(join(folder, second), { force: true });
      }
    }
    assert.ok(torn > 300, `${torn} torn ends`);
  },
);

test("a last frame whose beginning or middle never reached the disk is cut off", { timeout: 60_000 }, async () => {
  const { folder, states } = await smallLog();
  const path = join(folder, first);
  const whole = readFileSync(path);
  const [before, last] = [states.at(-2)!, states.at(-1)!];
  whole.fill(0, last.usedBytes);
  for (let from = before.usedBytes; from < last.usedBytes; from += 1) {
    for (const to of [from + 1, last.usedBytes - 1]) {
      const spoiled = Buffer.from(whole).fill(0, from, Math.max(to, from));
      if (spoiled.equals(whole)) continue;
      writeFileSync(path, spoiled);
      assert.deepEqual(await check(folder), { found: before.found, warnings: 1 }, `zero from ${from} to ${to}`);
    }
  }
});

/** Two sealed segments and an active one; and what they hold. */
async function threeSegments(): Promise<{ folder: string; found: string; last: string }> {
  const folder = mkdtempSync(join(root, "three-"));
  const journal = await open(folder);
  // All of it lives, so that compaction has nothing to do.
  for (let n = 0; n < 12; n += 1) await journal.append([{ id: `k${n}`, bytes: bytes(`${n}${"-".repeat(150)}`) }]);
  await journal.close();
  const names = readdirSync(folder).filter((name) => name.endsWith(".journal"));
  assert.ok(names.length >= 3 && names[0] === first, names.join());
  return { folder, found: (await check(copyOf(folder))).found, last: names.at(-1)! };
}

test("a flipped bit is told, or has changed nothing that was stored", { timeout: 120_000 }, async () => {
  const { folder, found } = await threeSegments();
  const counts = { damaged: 0, harmless: 0 };
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".journal"))) {
    const path = join(folder, name);
    const whole = readFileSync(path);
    const used = whole.findLastIndex((byte) => byte !== 0);
    for (let at = 0; at < whole.length; at += 1) {
      // Of the zeros some will do.
      if (at > used && at % 16 !== 0) continue;
      const spoiled = Buffer.from(whole);
      spoiled[at]! ^= 1 << (at % 8);
      writeFileSync(path, spoiled);
      try {
        const journal = await open(folder);
        await journal.close();
      } catch (error) {
        assert.ok(isDamaged(error), `${name} at ${at}: ${String(error)}`);
        assert.deepEqual(readFileSync(path), spoiled);
        counts.damaged += 1;
        continue;
      }
      writeFileSync(path, spoiled);
      const copy = copyOf(folder);
      assert.equal((await check(copy)).found, found, `${name} at ${at}`);
      rmSync(copy, { recursive: true });
      counts.harmless += 1;
    }
    writeFileSync(path, whole);
  }
  assert.ok(counts.damaged > 1800 && counts.harmless > 30, JSON.stringify(counts));
});

test("a damaged frame far before the next good one is told, not cut off", async () => {
  const folder = mkdtempSync(join(root, "far-"));
  const options = { folder, clock, log: createLog({ clock, level: "warn", write: () => {} }) };
  const journal = await openJournal(options);
  await journal.append([{ id: "large", bytes: new Uint8Array(JOURNAL_READ_BYTES * 2).fill(1) }]);
  await journal.append([{ id: "small", bytes: bytes("x") }]);
  await journal.close();
  const path = join(folder, first);
  const whole = readFileSync(path);
  // Where the length of the frame stands, and in its middle.
  for (const at of [SEGMENT_HEADER_BYTES + 12, SEGMENT_HEADER_BYTES + 15, JOURNAL_READ_BYTES]) {
    const spoiled = Buffer.from(whole);
    spoiled[at]! ^= 0x40;
    writeFileSync(path, spoiled);
    await assertDamaged(folder, `at ${at}`);
  }
});

test("a value that looks like a frame is none", async () => {
  const folder = mkdtempSync(join(root, "posing-"));
  const journal = await open(folder);
  const lies = journal.stats().bytes + 16 + 6 + 3;
  await journal.append([{ id: "one", bytes: emptyFrame(FRAME_MARK, lies, 0) }]);
  await journal.close();
  const path = join(folder, first);
  const spoiled = readFileSync(path);
  spoiled.fill(0, lies + 16);
  spoiled[SEGMENT_HEADER_BYTES]! ^= 1;
  writeFileSync(path, spoiled);
  assert.deepEqual(await check(folder), { found: "", warnings: 1 });
});

test("segments that are missing, spoiled as a whole, or of a newer program are told", async () => {
  const { folder, found, last } = await threeSegments();
  const middle = copyOf(folder);
  rmSync(join(middle, second));
  await assertDamaged(middle, "the middle is missing");
  const end = copyOf(folder);
  for (const name of readdirSync(end).filter((one) => one.endsWith(".journal") && one > first)) rmSync(join(end, name));
  await assertDamaged(end, "what follows a seal is missing");
  const unsealed = copyOf(folder);
  const text = readFileSync(join(unsealed, first));
  const frames = text.length - [...text].reverse().findIndex((byte) => byte !== 0);
  writeFileSync(join(unsealed, first), text.fill(0, frames - 16));
  await assertDamaged(unsealed, "the seal is missing");
  const renamed = copyOf(folder);
  cpSync(join(renamed, first), join(renamed, second));
  await assertDamaged(renamed, "the wrong segment");
  const newer = copyOf(folder);
  const header = readFileSync(join(newer, last));
  header.writeUInt32LE(2, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
  writeFileSync(join(newer, last), header);
  await assert.rejects(open(newer), (error) => isFailure(error, "store-too-new") && error.params.version === 2);
  const more = copyOf(folder);
  writeFileSync(join(more, "0000000099.journal.tmp"), "cut short");
  writeFileSync(join(more, "notes.txt"), "not ours");
  assert.equal((await check(more)).found, found);
  assert.ok(readdirSync(more).includes("notes.txt") && !readdirSync(more).includes("0000000099.journal.tmp"));
});
