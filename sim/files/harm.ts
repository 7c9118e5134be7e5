/**
 * Up to n - k shares of a file are spoilt in every way that a disk or a hostile owner can think of: it is read all the
 * same, and a repair brings it back. With one more it is not, and the error says so; nothing wrong ever comes out.
 */
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import type { Grid } from "../../src/services/files/grid/grid.ts";
import { bytesContent } from "../../src/services/files/grid/content.ts";
import { bytesOf, contentOf } from "./promises.ts";
import type { Promises } from "./promises.ts";
import type { Plan } from "./play.ts";
import type { Share } from "./disk.ts";
import { indexOf, judgeOf } from "./world.ts";
import type { GridWorld, SimBox } from "./world.ts";

const LIMIT_MS = 600_000;
const SIZES = [56, 3_000, 20_000, 60_000];
/** k and n of the files here. */
const [NEEDED, TOTAL] = [3, 10];

/** The last byte of a mutable share's sequence number. */
const NEWEST_BYTE = 8;

interface Kept {
  name: string;
  bytes: number;
  cap: KnownCap;
}

interface Held {
  box: SimBox;
  number: number;
  share: Share;
}

/** What is between the keys and the blocks of an MDMF share belongs to nothing, and nobody looks at it. */
const WAYS: readonly ((held: Held, world: GridWorld, others: readonly Held[]) => void)[] = [
  ({ share }, world) => void (share.bytes = flipped(share.bytes, world.random.below(share.bytes.length))),
  ({ share }, world) =>
    void (share.bytes = flipped(share.bytes, world.random.below(Math.min(200, share.bytes.length)))),
  ({ share }, world) => void (share.bytes = share.bytes.slice(0, world.random.below(share.bytes.length))),
  // It claims to be of a version that is yet to come.
  ({ share }) => {
    share.bytes = share.bytes.slice();
    share.bytes[NEWEST_BYTE] = 0xff;
  },
  // Its blocks, but nothing before them.
  ({ share }) => {
    for (let at = share.bytes.length >> 1; at < share.bytes.length; at += 50) share.bytes = flipped(share.bytes, at);
  },
  ({ share }) => void (share.bytes = share.bytes.slice(0, -1)),
  ({ share }) => void (share.bytes = new Uint8Array(share.bytes.length)),
  ({ share }, world) => void (share.bytes = world.random.bytes(share.bytes.length)),
  ({ share, number }, _world, others) =>
    void (share.bytes = others.find((one) => one.number !== number)!.share.bytes.slice()),
  ({ box }) => box.machine.loseDisk(),
  ({ box }) => box.machine.kill(),
  ({ box }) => box.machine.freeze(),
];

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1 + (at % 255);
  return copy;
}

async function keep(grid: Grid, name: string, bytes: number): Promise<Kept> {
  const content = contentOf(name, bytes);
  if (name.startsWith("chk")) return { name, bytes, cap: (await grid.upload(bytesContent(content))).cap };
  return { name, bytes, cap: await grid.createMutable(name.startsWith("sdmf") ? "sdmf" : "mdmf", content) };
}

async function tryRead(grid: Grid, promises: Promises, { name, bytes, cap }: Kept): Promise<string> {
  const done = await promises.attempt(`read ${name}`, () => bytesOf(grid.download(cap)));
  if ("code" in done) return done.code;
  promises.check(done.value.equals(contentOf(name, bytes)), "never wrong plaintext", () => name);
  return "read";
}

/** Spoils so many shares of a file, each in some way. */
function spoil(world: GridWorld, { cap }: Kept, count: number): void {
  const held = world.sharesOf(cap);
  // Every second time all in the same way.
  const ways = world.random.below(2) === 0 ? WAYS : [world.pick(WAYS)];
  for (const one of world.shuffled(held).slice(0, count)) world.pick(ways)(one, world, held);
}

async function harmOne(
  world: GridWorld,
  promises: Promises,
  kept: Kept,
  grids: { writer: Grid; reader: Grid; judge: Grid },
) {
  const { writer, reader, judge } = grids;
  const disks = world.boxes.map(({ machine }) => machine.disk.copy());
  const start = () =>
    world.boxes.forEach(({ machine }, index) => void (machine.start(), machine.back(disks[index]!.copy())));
  const of = <T>(work: Promise<T>) => world.time.of(work, LIMIT_MS);

  const count = world.random.below(TOTAL - NEEDED + 1);
  spoil(world, kept, count);
  promises.check((await of(tryRead(reader, promises, kept))) === "read", "k good shares are enough", () => kept.name);
  const before = new Set(world.sharesOf(kept.cap).map(({ number }) => number));
  const repaired = await of(
    promises.must("k good shares are enough", `repair ${kept.name}`, () => writer.repair(kept.cap, { verify: true })),
  );
  if (repaired) {
    const { after } = repaired;
    promises.check(
      after.good >= repaired.before.good,
      "repair makes nothing worse",
      () => `${kept.name} ${before.size}`,
    );
    promises.check(after.good === TOTAL, "repair brings all shares back", () => `${kept.name}: ${after.good}`);
  }
  for (const { machine } of world.boxes) machine.start();
  const healthy = await of(promises.must("a check works", kept.name, () => judge.check(kept.cap, { verify: true })));
  promises.check(healthy?.good === TOTAL, "repair brings all shares back", () => `${kept.name}: ${healthy?.good}`);
  promises.check((await of(tryRead(reader, promises, kept))) === "read", "repair makes nothing worse", () => kept.name);

  start();
  await world.time.pass(20_000);
  const held = world.sharesOf(kept.cap);
  for (const { share } of world.shuffled(held).slice(0, TOTAL - NEEDED + 1)) {
    // The beginning, which every reader needs.
    share.bytes = flipped(share.bytes, 0);
  }
  const outcome = await of(tryRead(reader, promises, kept));
  promises.check(
    outcome === "files-damaged",
    "the error says that shares are damaged",
    () => `${kept.name}: ${outcome}`,
  );
  const { written } = await of(writer.repair(kept.cap, { verify: true })).catch(() => ({ written: 0 }));
  promises.check(written === 0, "what nobody can bring back is left alone", () => kept.name);
  start();
  await world.time.pass(20_000);
}

export const harm: Plan = {
  name: "harm",
  world: { boxes: 20 },
  async run(world, promises) {
    const writer = (await world.open(world.boxes[0]!)).grid;
    const reader = (await world.open(world.boxes[1]!)).grid;
    const judge = (await judgeOf(world, world.boxes[2]!)).grid;
    await world.time.pass(10_000);
    for (const kind of ["chk", "sdmf", "mdmf"]) {
      const bytes = world.pick(SIZES);
      const kept = await world.time.of(keep(writer, `${kind} ${bytes}`, bytes), LIMIT_MS);
      await harmOne(world, promises, kept, { writer, reader, judge });
    }
    hostileEnablers(world, promises);
  },
};

/** A server knows what opens a slot on itself: it must not open the same slot anywhere else. */
function hostileEnablers(world: GridWorld, promises: Promises): void {
  const member = { swissnum: "x", member: "x", quotaBytes: Number.MAX_SAFE_INTEGER, mayWrite: true };
  const lease = { renewSecret: new Uint8Array(32), cancelSecret: new Uint8Array(32) };
  const slots = world.boxes.flatMap((box) =>
    [...box.machine.disk.mutable].map(([index, slot]) => ({ box, index, slot })),
  );
  for (const { box, index, slot } of slots) {
    for (const other of slots) {
      if (other.box === box || other.index !== index) continue;
      const shares = new Map([[0, { test: [], write: [], newLength: 0 }]]);
      const wish = { writeEnabler: slot.writeEnabler, lease, shares, read: [] };
      let isTaken = true;
      try {
        other.box.machine.readTestWrite(member, index, wish);
      } catch {
        isTaken = false;
      }
      promises.check(!isTaken, "a server cannot write on another", () => `${box.id} on ${other.box.id}`);
      if (isTaken) return;
    }
  }
}

/** Old states come back: the newest version is read while it can be, and no repair replaces it. */
export const rollback: Plan = {
  name: "rollback",
  world: { boxes: 20 },
  async run(world, promises) {
    const { grid } = await world.open(world.boxes[0]!);
    await world.time.pass(10_000);
    const of = <T>(work: Promise<T>) => world.time.of(work, LIMIT_MS);
    const text = (content: Uint8Array) => Buffer.from(content).toString();
    for (const format of ["sdmf", "mdmf"] as const) {
      const cap = await of(grid.createMutable(format, Buffer.from("old")));
      const holders = world.shuffled([...new Set(world.sharesOf(cap).map(({ box }) => box))]);
      const old = new Map(holders.map((box) => [box, box.machine.disk.copy()]));
      await of(grid.modifyMutable(cap, () => Buffer.from("new")));
      const now = new Map(holders.map((box) => [box, box.machine.disk.copy()]));
      const rollBack = (count: number) => {
        for (const box of holders) box.machine.back(now.get(box)!.copy());
        for (const box of holders.slice(0, count)) box.machine.back(old.get(box)!.copy());
      };
      // Of six servers that a reader asks at least, one has the new version.
      rollBack(5);
      const reader = (await world.open(world.boxes[1]!)).grid;
      const { content } = await of(reader.readMutable(cap));
      promises.check(text(content) === "new", "an old state is not taken for the newest", () => text(content));
      rollBack(8);
      const { written } = await of(grid.repair(cap));
      promises.check(written === 0, "repair replaces no newer version", () => `${format}: ${written}`);
      for (const box of holders.slice(0, 8)) if (written === 0) box.machine.back(now.get(box)!.copy());
      const add = (before: Uint8Array) => Buffer.concat([before, Buffer.from("er")]);
      const { content: after } = await of(grid.modifyMutable(cap, add));
      promises.check(text(after) === "newer", "no entry of a folder is lost", () => `${format}: ${text(after)}`);
      promises.check(world.goodOf(cap) === TOTAL, "all shares are of a file", () => indexOf(cap));
    }
  },
};

/** One frozen server costs less than this. */
const FROZEN_COSTS_MS = 2_000;
const FROZEN_TRIALS = 8;

export const frozen: Plan = {
  name: "frozen",
  world: { boxes: 20 },
  async run(world, promises) {
    const { grid } = await world.open(world.boxes[0]!);
    const reader = (await world.open(world.boxes[1]!)).grid;
    await world.time.pass(10_000);
    const cap = await world.time.of(grid.createMutable("sdmf", Buffer.from(".")), LIMIT_MS);
    let made = 0;
    let last: Kept | undefined;
    const works: Record<string, () => Promise<unknown>> = {
      put: async () => (last = await keep(grid, `chk ${(made += 1)}`, 40_000)),
      get: () => tryRead(reader, promises, last!),
      change: () => grid.modifyMutable(cap, (before) => Buffer.concat([before, Buffer.from(".")])),
      look: () => reader.readMutable(cap),
    };
    const took = async (work: () => Promise<unknown>) => {
      const fromMs = world.time.nowMs;
      await world.time.of(work(), LIMIT_MS);
      return world.time.nowMs - fromMs;
    };
    /** Those that hold something are asked first. */
    const holders = () => [cap, last!.cap].flatMap((one) => world.sharesOf(one).map(({ box }) => box));
    const usual = new Map<string, number>();
    for (const [name, work] of Object.entries(works)) usual.set(name, await took(work));
    for (let trial = 0; trial < FROZEN_TRIALS; trial++) {
      for (const [name, work] of world.shuffled(Object.entries(works))) {
        const box = world.pick(holders());
        // Before it begins, or in the middle of it.
        const delayMs = trial % 4 === 0 ? 0 : world.random.float() * usual.get(name)!;
        const cancel = world.time.after(delayMs, () => box.machine.freeze());
        const costMs = Math.round((await took(work)) - usual.get(name)!);
        promises.figures[name] = Math.max(promises.figures[name] ?? 0, costMs);
        promises.check(costMs < FROZEN_COSTS_MS, "a frozen server costs little", () => `${name}: ${costMs} ms`);
        cancel();
        box.machine.start();
        await world.time.pass(30_000);
      }
    }
  },
};
