/**
 * Servers die before and while something is stored. When it is said to be stored, it lies on as many servers as it
 * must; when it is not, that is said; and what was stored before is never lost by it.
 */
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { bytesContent } from "../../src/services/files/grid/content.ts";
import type { Disk, Share } from "./disk.ts";
import type { Plan } from "./play.ts";
import { bytesOf, contentOf } from "./promises.ts";
import { indexOf, judgeOf } from "./world.ts";
import type { GridWorld, SimBox } from "./world.ts";

const ROUNDS = 9;
const LIMIT_MS = 600_000;
/** Until those that were away are known to be back. */
const BACK_MS = 40_000;
/** An upload takes about so long. */
const DEATH_WITHIN_MS = 150;
const HAPPY = 7;
const NEEDED = 3;
/** So large that shares are sent in several chunks. */
const LARGE_BYTES = 3_500_000;

/** Up to so many, some at once, some within a moment. Gives what spares those that are still to die. */
function killSome(world: GridWorld, max: number): () => void {
  const dying = world.shuffled(world.boxes).slice(0, world.random.below(max + 1));
  const atOnce = world.random.below(dying.length + 1);
  for (const { machine } of dying.slice(0, atOnce)) machine.kill();
  const later = dying
    .slice(atOnce)
    .map(({ machine }) => world.time.after(world.random.float() * DEATH_WITHIN_MS, () => machine.kill()));
  return () => later.forEach((spare) => spare());
}

/** At one moment, so that few are left in the middle of a change. */
function killNearlyAll(world: GridWorld): () => void {
  const dying = world.shuffled(world.boxes).slice(world.random.below(NEEDED + 2));
  return world.time.after(world.random.float() * DEATH_WITHIN_MS, () => {
    for (const { machine } of dying) machine.kill();
  });
}

/** Format, sequence number, root hash: what tells versions apart. */
const VERSION_BYTES = 41;

/** Servers that hold the same new version, which was not there before. */
function holdersOfNewest(world: GridWorld, cap: KnownCap, before: readonly Disk[]): number {
  const holders = new Map<string, Set<SimBox>>();
  const versionOf = (share: Share | undefined) =>
    share && Buffer.from(share.bytes.subarray(0, VERSION_BYTES)).toString("hex");
  for (const { box, number, share } of world.sharesOf(cap)) {
    const version = versionOf(share)!;
    const former = versionOf(before[world.boxes.indexOf(box)]!.sharesOf(indexOf(cap)).get(number));
    if (version !== former) holders.set(version, (holders.get(version) ?? new Set()).add(box));
  }
  return Math.max(0, ...[...holders.values()].map(({ size }) => size));
}

export const spread: Plan = {
  name: "spread",
  world: { boxes: 20 },
  async run(world, promises) {
    const { grid } = await world.open(world.boxes[0]!);
    const judge = (await judgeOf(world, world.boxes[1]!)).grid;
    await world.time.pass(10_000);
    const of = <T>(work: Promise<T>) => world.time.of(work, LIMIT_MS);
    const cap = await of(grid.createMutable("sdmf", Buffer.from(">")));
    const lines: string[] = [];
    let spare = () => {};
    const bring = async () => {
      spare();
      world.heal();
      await world.time.pass(BACK_MS);
    };
    const stored: { name: string; bytes: number; cap: KnownCap }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const isHarsh = round % 3 === 2;
      const disks = world.boxes.map(({ machine }) => machine.disk.copy());
      spare = isHarsh ? killNearlyAll(world) : killSome(world, world.boxes.length);
      const line = `line ${round};`;
      const add = (before: Uint8Array) => Buffer.concat([before, Buffer.from(line)]);
      const changed = await of(promises.attempt("change", () => grid.modifyMutable(cap, add)));
      promises.count(`change ${"code" in changed ? changed.code : "ok"}`);
      if ("value" in changed) {
        const holders = holdersOfNewest(world, cap, disks);
        promises.check(holders >= HAPPY, "stored means spread", () => `${line} on ${holders} servers`);
      }
      await bring();
      // What more deaths than it can bear leave behind is no beginning for the next round.
      if (isHarsh) {
        world.boxes.forEach(({ machine }, index) => machine.back(disks[index]!));
        // The writer remembers what it has written, until everybody says that it is gone.
        await of(grid.modifyMutable(cap, () => undefined));
      } else if ("value" in changed) lines.push(line);
      const { content: found } = await of(judge.readMutable(cap));
      for (const one of lines) {
        promises.check(Buffer.from(found).includes(one), "no acknowledged change is lost", () => one);
      }

      spare = killSome(world, world.boxes.length);
      const name = `file ${round}`;
      const bytes = round === 0 ? LARGE_BYTES : 20_000;
      const content = bytesContent(contentOf(name, bytes));
      const put = await of(promises.attempt("upload", () => grid.upload(content)));
      promises.count(`upload ${"code" in put ? put.code : "ok"}`);
      if ("value" in put) {
        stored.push({ name, bytes, cap: put.value.cap });
        const holders = new Set(world.sharesOf(put.value.cap).map(({ box }) => box)).size;
        promises.check(holders >= HAPPY, "stored means spread", () => `${name} on ${holders} servers`);
      }
      await bring();
    }
    for (const { name, bytes, cap: file } of stored) {
      const read = await of(promises.must("never a silent loss", name, () => bytesOf(judge.download(file))));
      promises.check(read?.equals(contentOf(name, bytes)) ?? true, "never wrong plaintext", () => name);
    }
  },
};
