/**
 * What care promises, over days and months: lost boxes are made good for, unattended and within its budget, also while
 * the owner is away; no lease ends; new boxes get their part.
 */
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { walk } from "../../src/services/files/tree/deep.ts";
import type { MemberBox } from "./member-box.ts";
import { bytesOf, contentOf, inOnePiece } from "./promises.ts";
import type { Promises } from "./promises.ts";
import type { Plan } from "./play.ts";
import type { CareTimes, GridWorld, SimBox } from "./world.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const LIMIT_MS = HOUR_MS;
const TOTAL = 10;
const BYTES_PER_SECOND = 200;
const TIMES: CareTimes = { bytesPerSecond: BYTES_PER_SECOND, lookMs: MINUTE_MS, settledMs: 10 * MINUTE_MS };
/** For many boxes, or many days. */
const SELDOM: CareTimes = { ...TIMES, lookMs: 15 * MINUTE_MS, settledMs: 30 * MINUTE_MS };

/** A part of the boxes is destroyed, and so many hours later all is as it was. */
const DESTROYED_SHARE = 0.3;
const BACK_WITHIN_MS = 16 * HOUR_MS;
const AWAY_BACK_WITHIN_MS = 30 * HOUR_MS;
/** What one repair moves at most, here. */
const REPAIR_MAX_BYTES = 200_000;

/** Folders and files, as a person has them; gives the caps of all that has shares. */
async function furnish(world: GridWorld, { files }: MemberBox): Promise<{ path: string; cap: KnownCap }[]> {
  await files.makeFolder("/photos");
  for (const [at, bytes] of [100, 20_000, 60_000].entries()) {
    for (const folder of ["", "/photos"]) {
      await files.write(`${folder}/file ${at}`, inOnePiece(contentOf(`${folder}/file ${at}`, bytes)));
    }
  }
  const found: { path: string; cap: KnownCap }[] = [];
  for await (const { path, cap } of walk(files.view, "/"))
    if (world.sharesOf(cap).length > 0) found.push({ path, cap });
  return found;
}

async function readAll({ files }: MemberBox, promises: Promises): Promise<void> {
  for (const folder of ["/", "/photos"]) {
    const entries = await promises.must("never a silent loss", `list ${folder}`, () => files.list(folder));
    for (const { kind, path, bytes } of entries ?? []) {
      if (kind === "folder") continue;
      const read = async () => bytesOf((await files.read(path)).content);
      const content = await promises.must("never a silent loss", path, read);
      promises.check(content?.equals(contentOf(path, bytes)) ?? true, "never wrong plaintext", () => path);
    }
  }
}

/** Every second of them with an empty disk again, the others for ever. */
function destroy(world: GridWorld, spared: readonly SimBox[]): SimBox[] {
  const candidates = world.shuffled(world.boxes.filter((box) => !spared.includes(box)));
  const gone = candidates.slice(0, Math.round(world.boxes.length * DESTROYED_SHARE));
  gone.forEach(({ machine }, at) => {
    machine.loseDisk();
    if (at % 2 === 0) machine.kill();
  });
  return gone;
}

/** How long it took until everything has all its shares again; undefined when it did not within the limit. */
async function healed(world: GridWorld, kept: readonly { cap: KnownCap }[], limitMs: number) {
  const fromMs = world.time.nowMs;
  while (world.time.nowMs - fromMs <= limitMs) {
    if (kept.every(({ cap }) => world.goodOf(cap) >= TOTAL)) return world.time.nowMs - fromMs;
    await world.time.pass(10 * MINUTE_MS);
  }
  return undefined;
}

function movedBytes({ boxes }: GridWorld): number {
  return boxes.reduce((sum, { machine }) => sum + machine.takenBytes + machine.readBytes, 0);
}

/** Looks on while care works: in no hour more than the budget, and one repair. */
function watchBudget(world: GridWorld, promises: Promises): () => void {
  let before = movedBytes(world);
  let isOn = true;
  const look = () => {
    if (!isOn) return;
    const bytes = movedBytes(world) - before;
    before += bytes;
    const mayBytes = (BYTES_PER_SECOND * WINDOW_MS) / 1000 + REPAIR_MAX_BYTES;
    promises.check(bytes <= mayBytes, "repair keeps to its budget", () => `${bytes} bytes in ${WINDOW_MS / 1000} s`);
    world.time.after(WINDOW_MS, look);
  };
  world.time.after(WINDOW_MS, look);
  return () => void (isOn = false);
}

const WINDOW_MS = 10 * MINUTE_MS;

export const destroyed: Plan = {
  name: "destroyed",
  world: { boxes: 20, isWatched: false },
  async run(world, promises) {
    const owner = await world.open(world.boxes[0]!, TIMES);
    const kept = await world.time.of(furnish(world, owner), LIMIT_MS);
    await world.time.pass(HOUR_MS);
    destroy(world, [world.boxes[0]!]);
    const fromBytes = movedBytes(world);
    const stop = watchBudget(world, promises);
    const tookMs = await healed(world, kept, BACK_WITHIN_MS);
    stop();
    promises.figures["hours until all is back"] = (tookMs ?? Number.NaN) / HOUR_MS;
    promises.figures["bytes moved for it"] = movedBytes(world) - fromBytes;
    const worst = Math.min(...kept.map(({ cap }) => world.goodOf(cap)));
    promises.check(tookMs !== undefined, "what 30 % of the boxes held comes back", () => `${worst} of ${TOTAL} shares`);
    await world.time.of(readAll(owner, promises), LIMIT_MS);
  },
};

export const ownerAway: Plan = {
  name: "owner-away",
  world: { boxes: 20, isWatched: false },
  async run(world, promises) {
    const [home] = world.boxes;
    const owner = await world.open(home!, SELDOM);
    const others: MemberBox[] = [];
    for (const box of world.boxes.slice(1)) others.push(await world.open(box, SELDOM));
    const kept = await world.time.of(furnish(world, owner), LIMIT_MS);
    await world.time.pass(2 * HOUR_MS);
    await world.time.of(owner.care!.stop(), LIMIT_MS);
    home!.machine.kill();
    destroy(world, [home!]);
    const tookMs = await healed(world, kept, AWAY_BACK_WITHIN_MS);
    promises.figures["hours until all is back"] = (tookMs ?? Number.NaN) / HOUR_MS;
    const worst = Math.min(...kept.map(({ cap }) => world.goodOf(cap)));
    promises.check(tookMs !== undefined, "also while the owner is away", () => `${worst} of ${TOTAL} shares`);
    // The owner comes back, and finds all of it and can go on.
    home!.machine.start();
    const write = () => owner.files.write("/photos/file 9", inOnePiece(contentOf("/photos/file 9", 999)));
    await world.time.of(promises.must("the owner can go on", "write", write), LIMIT_MS);
    await world.time.of(readAll(owner, promises), LIMIT_MS);
  },
};

const DAYS = 90;

export const leases: Plan = {
  name: "leases",
  world: { boxes: 20, isWatched: false },
  async run(world, promises) {
    const owner = await world.open(world.boxes[0]!, { ...SELDOM, lookMs: HOUR_MS, settledMs: 2 * HOUR_MS });
    const kept = await world.time.of(furnish(world, owner), LIMIT_MS);
    for (let day = 0; day < DAYS; day++) {
      // Now and then some are off for a night.
      const off = day % 10 === 0 ? world.shuffled(world.boxes.slice(1)).slice(0, 3) : [];
      for (const { machine } of off) machine.kill();
      await world.time.pass(DAY_MS / 2);
      for (const { machine } of off) machine.start();
      await world.time.pass(DAY_MS / 2);
      const gone = world.boxes.reduce((sum, { machine }) => sum + machine.expire(), 0);
      promises.check(gone === 0, "no lease ends", () => `${gone} shares on day ${day}`);
      if (gone > 0) return;
    }
    for (const { path, cap } of kept) promises.check(world.goodOf(cap) >= TOTAL, "all shares are there", () => path);
    await world.time.of(readAll(owner, promises), LIMIT_MS);
  },
};

export const newBoxes: Plan = {
  name: "new-boxes",
  world: { boxes: 6, isWatched: false },
  async run(world, promises) {
    const owner = await world.open(world.boxes[0]!, TIMES);
    const kept = await world.time.of(furnish(world, owner), LIMIT_MS);
    await world.time.pass(HOUR_MS);
    for (let count = 0; count < 8; count++) world.add();
    await world.time.pass(DAY_MS);
    for (const { path, cap } of kept) {
      const holders = new Set(world.sharesOf(cap).map(({ box }) => box)).size;
      promises.figures["boxes that hold shares of a file, at least"] = Math.min(
        holders,
        promises.figures["boxes that hold shares of a file, at least"] ?? Number.POSITIVE_INFINITY,
      );
      promises.check(holders >= 7, "shares move out onto new boxes", () => `${path}: ${holders} boxes`);
    }
    await world.time.of(readAll(owner, promises), LIMIT_MS);
  },
};
