/**
 * What is done to the boxes while a history is recorded, and when: planned from a seed before it begins, so that the
 * same faults at the same times can be had again. What the processes make of it cannot be repeated; for that there is
 * the simulator.
 */
import type { Random } from "../../src/kernel/random.ts";
import { seededRandom } from "../../src/kernel/random.ts";

/** What a nemesis may do. "all" of the boxes are killed only with their disks kept. */
export interface Victims {
  readonly count: number;
  /** SIGKILL. */
  kill(box: number): Promise<void>;
  /** Resolves when the box answers again. */
  restart(box: number): Promise<void>;
  /** SIGSTOP, and SIGCONT. */
  pause(box: number): void;
  resume(box: number): void;
  /** Hands over what it holds of the store; resolves when it has none of it any more. */
  leave(box: number): Promise<void>;
  /** Resolves when it takes part again, perhaps before it holds anything. */
  join(box: number): Promise<void>;
  /** What the one sends no longer reaches the other. */
  cut(from: number, to: number): void;
  /** Undoes all cuts. */
  heal(): void;
}

const KINDS = {
  kill: ["kill one", "kill two", "kill all"],
  pause: ["pause one", "pause two"],
  partition: ["split", "isolate", "deafen", "mute", "cut a link", "flap"],
  member: ["leave and return"],
} as const;

export type NemesisName = keyof typeof KINDS;
export const NEMESES = Object.keys(KINDS) as NemesisName[];
export type Kind = (typeof KINDS)[NemesisName][number];

export interface Fault {
  kind: Kind;
  /** From the beginning of the recording. */
  atMs: number;
  untilMs: number;
  /** Whom it meets. A split: one of its sides. A link: its two ends. */
  boxes: number[];
}

/** A fault and the calm after it; with little time they are shorter. */
const SLOT_MS = { min: 3_000, max: 9_000 };
/** How much of a slot is the fault. */
const FAULT_SHARE = { from: 0.5, to: 0.75 };
/** At the beginning nothing happens for so long, so that there is something to lose. */
const CALM_FIRST_MS = 1_000;
/** At the end nothing happens for this share of the time, at least for the minimum. */
const QUIET_SHARE = 0.15;
export const QUIET_MIN_MS = 5_000;
/** A flapping link is down and up for so long each. */
const FLAP_MS = { min: 150, max: 900 };

/** Each of the kinds in a drawn order, then again in another, for as long as there is time; one after another. */
export function planFaults(plan: {
  totalMs: number;
  nemeses: readonly NemesisName[];
  boxes: number;
  seed: number;
}): Fault[] {
  const random = seededRandom(plan.seed);
  const kinds = plan.nemeses.flatMap((name): readonly Kind[] => KINDS[name]);
  const endMs = plan.totalMs - Math.max(QUIET_MIN_MS, plan.totalMs * QUIET_SHARE);
  const slotMs = Math.min(SLOT_MS.max, Math.max(SLOT_MS.min, (endMs - CALM_FIRST_MS) / kinds.length));
  const faults: Fault[] = [];
  let bag: Kind[] = [];
  for (let atMs = CALM_FIRST_MS; kinds.length > 0 && atMs + slotMs <= endMs + 1; atMs += slotMs) {
    if (bag.length === 0) bag = shuffled(kinds, random);
    const kind = bag.pop()!;
    const share = FAULT_SHARE.from + random.float() * (FAULT_SHARE.to - FAULT_SHARE.from);
    const boxes = shuffled([...Array(plan.boxes).keys()], random).slice(0, meets(kind, plan.boxes));
    faults.push({ kind, atMs: Math.round(atMs), untilMs: Math.round(atMs + slotMs * share), boxes: boxes.toSorted() });
  }
  return faults;
}

function meets(kind: Kind, boxes: number): number {
  if (kind === "kill all") return boxes;
  if (kind === "split") return Math.floor(boxes / 2);
  return Math.min(boxes, kind === "kill two" || kind === "pause two" || kind === "cut a link" ? 2 : 1);
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return Array.from({ length: left.length }, () => left.splice(random.below(left.length), 1)[0]!);
}

/** The cuts of a partition, as pairs of whom is not heard by whom. */
function cutsOf({ kind, boxes }: Fault, count: number): [from: number, to: number][] {
  const others = [...Array(count).keys()].filter((box) => !boxes.includes(box));
  const into = others.flatMap((from) => boxes.map((to): [number, number] => [from, to]));
  const out = into.map(([from, to]): [number, number] => [to, from]);
  if (kind === "deafen") return into;
  if (kind === "mute") return out;
  if (kind === "cut a link") return boxes.flatMap((from) => boxes.filter((to) => to !== from).map((to) => [from, to]));
  return [...into, ...out];
}

export function faultText(fault: Fault, nameOf: (box: number) => string): string {
  const names = fault.boxes.map(nameOf).join(" ");
  if (fault.kind === "kill all") return "kill all";
  const is: Partial<Record<Kind, string>> = {
    split: "from the others",
    deafen: "which hears nobody",
    mute: "which nobody hears",
    flap: "whose links come and go",
  };
  return [fault.kind, names, is[fault.kind]].filter(Boolean).join(" ");
}

/** Waits; resolves early when the recording is given up. */
export type Wait = (ms: number) => Promise<void>;

/** Does one fault and undoes it; resolves when all is as it was before. `random` draws how links flap. */
export async function inflict(fault: Fault, victims: Victims, wait: Wait, random: Random): Promise<void> {
  const { kind, boxes, atMs, untilMs } = fault;
  const lastsMs = untilMs - atMs;
  if (kind.startsWith("kill")) {
    await Promise.all(boxes.map((box) => victims.kill(box)));
    await wait(lastsMs);
    await Promise.all(boxes.map((box) => victims.restart(box)));
  } else if (kind.startsWith("pause")) {
    for (const box of boxes) victims.pause(box);
    await wait(lastsMs);
    for (const box of boxes) victims.resume(box);
  } else if (kind === "leave and return") {
    await Promise.all(boxes.map((box) => victims.leave(box)));
    await wait(lastsMs);
    await Promise.all(boxes.map((box) => victims.join(box)));
  } else {
    const cuts = cutsOf(fault, victims.count);
    const apply = () => cuts.forEach(([from, to]) => victims.cut(from, to));
    apply();
    for (let leftMs = kind === "flap" ? lastsMs : 0; leftMs > 0;) {
      const ms = FLAP_MS.min + random.below(FLAP_MS.max - FLAP_MS.min);
      await wait(ms);
      victims.heal();
      await wait(ms);
      apply();
      leftMs -= 2 * ms;
    }
    if (kind !== "flap") await wait(lastsMs);
    victims.heal();
  }
}
