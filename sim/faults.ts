/**
 * What goes wrong, as a schedule of plain data, so that a property test can make schedules, and shrink one that breaks
 * a promise to its smallest form. Times are from the beginning of the schedule; `box` is taken modulo the boxes.
 */
import type { World } from "./world.ts";

export type Fault =
  /** Ends at once, or at the `effects`-th effect after that time (between storing and sending, for instance). */
  | { kind: "crash"; atMs: number; box: number; downMs: number; effects?: number; torn?: boolean; wipe?: boolean }
  /** Stands still: garbage collection, swapping, a machine that sleeps. */
  | { kind: "pause"; atMs: number; box: number; forMs: number }
  /** Its wall clock jumps, and is set right again after a while. */
  | { kind: "clock"; atMs: number; box: number; byMs: number; forMs: number }
  /** The first `share` of the boxes, in an order of this fault's own, cannot reach the others. */
  | { kind: "partition"; atMs: number; forMs: number; share: number; salt: number }
  | { kind: "weather"; atMs: number; forMs: number; loss: number; duplicates: number; jitterMs: number };

export function schedule(world: World, faults: readonly Fault[]): void {
  const startMs = world.nowMs;
  for (const fault of faults) world.at(startMs + fault.atMs, () => strike(world, fault));
}

function strike(world: World, fault: Fault): void {
  world.trace.add(world.nowMs).text(fault.kind);
  switch (fault.kind) {
    case "crash":
      return crash(world, fault);
    case "pause": {
      const box = world.boxes[fault.box % world.boxes.length]!;
      box.pausedUntilMs = Math.max(box.pausedUntilMs, world.nowMs + fault.forMs);
      return;
    }
    case "clock": {
      const box = world.boxes[fault.box % world.boxes.length]!;
      box.wallOffsetMs += fault.byMs;
      return endLater(world, fault.forMs, () => (box.wallOffsetMs -= fault.byMs));
    }
    case "partition":
      return split(world, fault);
    case "weather": {
      const before = { ...world.network.weather };
      const { loss, duplicates, jitterMs } = fault;
      Object.assign(world.network.weather, { loss, duplicates, jitterMs });
      return endLater(world, fault.forMs, () => Object.assign(world.network.weather, before));
    }
  }
}

function crash(world: World, fault: Extract<Fault, { kind: "crash" }>): void {
  const box = world.boxes[fault.box % world.boxes.length]!;
  if (!box.up) return;
  const { effects, downMs, torn = false, wipe = false } = fault;
  if (effects !== undefined && !wipe) {
    box.crashPoint ??= { effects, torn, downMs };
    return;
  }
  world.crash(box, wipe ? Infinity : downMs, torn);
  if (wipe) loseDisk(world, fault.box, downMs);
}

/** The box comes back with an empty disk and its key, and must find out which numbers it has used. */
function loseDisk(world: World, index: number, downMs: number): void {
  const box = world.boxes[index % world.boxes.length]!;
  const known = world.boxes.flatMap((other) => {
    const records = other === box ? undefined : other.replica?.core.ofAuthor(box.key.id);
    return records ? [Math.max(0, ...records.map((record) => record.seq))] : [];
  });
  const lastKnown = known.length > 0 ? Math.min(...known) : 0;
  world.ledger.lostDisk.set(box.key.id, lastKnown);
  box.disk.wipe();
  box.adoptFirst = true;
  box.entered = false;
  world.ledger.forgetAcknowledged(box.key.id, lastKnown);
  world.after(downMs, () => box.start());
}

function split(world: World, { forMs, share, salt }: Extract<Fault, { kind: "partition" }>): void {
  const { island } = world.network;
  const cut = Math.round(world.boxes.length * share);
  const order = world.boxes.map((box) => ({ box, place: Math.imul(box.index + 1, 0x9e3779b1 ^ salt) >>> 0 }));
  order.sort((a, b) => a.place - b.place || a.box.index - b.box.index);
  for (const { box } of order.slice(0, cut)) island[box.index] = 1;
  endLater(world, forMs, () => {
    island.fill(0);
    world.healedMs = world.nowMs;
  });
}

function endLater(world: World, forMs: number, end: () => void): void {
  const { faultsEnded } = world;
  world.after(forMs, () => {
    if (world.faultsEnded === faultsEnded) end();
  });
}

/** All faults end: one network, fair weather, right clocks, every box up but those in `except`. */
export function endFaults(world: World, except: ReadonlySet<number> = new Set()): void {
  world.faultsEnded++;
  world.network.island.fill(0);
  Object.assign(world.network.weather, { loss: 0, duplicates: 0, jitterMs: 0.3 });
  world.healedMs = world.nowMs;
  for (const box of world.boxes) {
    box.wallOffsetMs = 0;
    box.pausedUntilMs = Math.min(box.pausedUntilMs, world.nowMs);
    box.crashPoint = undefined;
    if (!except.has(box.index)) box.start();
  }
}
