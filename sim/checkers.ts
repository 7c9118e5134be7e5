/**
 * The promises, judged from outside the boxes. `hasConverged` is asked while a world settles; `check` gives everything
 * that does not hold, with which box and what.
 */
import { LIVE_PER_AUTHOR_MAX, OWN_TOMBSTONES_MAX, WAITING_MAX } from "../src/protocols/records/constants.ts";
import { ADMISSION_KINDS } from "../src/protocols/records/membership-facts.ts";
import { hold, isGenuine } from "../src/protocols/records/record.ts";
import type { SignedRecord } from "../src/protocols/records/record.ts";
import type { SimBox } from "./box.ts";
import type { Violation } from "./ledger.ts";
import type { World } from "./world.ts";

export interface Limits {
  /** Healthy boxes taken for failed during the run, and suspected; once for each box that noted it. */
  falseDeaths?: number;
  falseSuspicions?: number;
  /** Bytes of datagrams per box and second when nothing happens any more. */
  restBytesPerSecond?: number;
}

/** Of a box with no more than a handful of own live records: tombstones waiting, and what refreshes leave behind. */
const OWN_KEPT_MAX = 3 * OWN_TOMBSTONES_MAX;

const short = (box: SimBox) => `box ${box.index}`;
const isOut = (world: World, box: SimBox) => world.ledger.excluded.has(box.key.id);

export function hasConverged(world: World): boolean {
  return membershipFaults(world, 1).length === 0 && recordsFaults(world, 1).length === 0;
}

export function check(world: World, limits: Limits = {}): Violation[] {
  const { ledger } = world;
  const found: Violation[] = [
    ...ledger.violations,
    ...membershipFaults(world, 10),
    ...recordsFaults(world, 10),
    ...acknowledgedFaults(world),
    ...heldFaults(world),
    ...memoryFaults(world),
  ];
  const { falseDeaths = Infinity, falseSuspicions = Infinity } = limits;
  const deaths = ledger.falseDeaths.noted;
  if (deaths > falseDeaths)
    found.push({ promise: "no-false-death", detail: `${deaths} times, at most ${falseDeaths}` });
  const suspicions = ledger.falseSuspicions.noted;
  if (suspicions > falseSuspicions)
    found.push({ promise: "few-false-suspicions", detail: `${suspicions}, at most ${falseSuspicions}` });
  return found;
}

/** Every live box sees exactly the live ones as alive. */
function membershipFaults(world: World, countMax: number): Violation[] {
  const found: Violation[] = [];
  for (const box of world.boxes) {
    if (!box.gossip || isOut(world, box)) continue;
    const { core } = box.gossip;
    for (const other of world.boxes) {
      if (other === box) continue;
      const status = core.member(other.key.id)?.status;
      const isSeen = status === "alive" || status === "suspect" || status === "leaving";
      const isThere = other.up && !isOut(world, other) && world.network.reaches(box.index, other.index);
      if (isThere ? status === "alive" : !isSeen) continue;
      const promise = isOut(world, other) ? "exclusion-holds" : "membership-converges";
      found.push({ promise, detail: `${short(box)} sees ${short(other)} as ${status ?? "unknown"}` });
      if (found.length >= countMax) return found;
    }
  }
  return found;
}

/** All live boxes that reach one another hold the same. */
function recordsFaults(world: World, countMax: number): Violation[] {
  const digests = new Map<number, string>();
  const found: Violation[] = [];
  for (const box of world.boxes) {
    if (!box.replica || isOut(world, box)) continue;
    const island = world.network.island[box.index]!;
    const digest = box.replica.core.digest();
    const first = digests.get(island);
    if (first === undefined) digests.set(island, digest);
    else if (first !== digest)
      found.push({ promise: "records-converge", detail: `${short(box)} holds something else` });
    if (box.replica.admission && !box.replica.admission.view()?.members.has(box.key.id))
      found.push({ promise: "records-converge", detail: `${short(box)} is no member` });
    if (found.length >= countMax) return found;
  }
  return found;
}

/** What a box told its owner is safe is there, on the box and on all that it reaches; what was removed stays so. */
function acknowledgedFaults(world: World): Violation[] {
  const found: Violation[] = [];
  for (const { author, kind, key, body, seq } of world.ledger.acknowledged.values()) {
    if (kind !== "note" || world.ledger.excluded.has(author)) continue;
    const wanted = JSON.stringify(body);
    for (const box of world.boxes) {
      if (!box.replica || isOut(world, box) || found.length >= 10) continue;
      const held = JSON.stringify(box.replica.core.get(author, kind, key)?.body ?? null);
      if (held === wanted) continue;
      const detail = `${short(box)} shows ${held} for ${key} of ${author.slice(0, 6)}, number ${seq} says ${wanted}`;
      found.push({ promise: "acknowledged-kept", detail });
    }
  }
  return found;
}

/** Looked at with the shipped code and the world's keys: every record anywhere is its author's and may be there. */
function heldFaults(world: World): Violation[] {
  const found: Violation[] = [];
  const judged = new Map<string, Violation | undefined>();
  const isNoted = new Set<string>();
  for (const box of world.boxes) {
    if (!box.replica || isOut(world, box)) continue;
    for (const kind of [...ADMISSION_KINDS, "note", "pulse"]) {
      for (const record of box.replica.core.list(kind)) {
        const name = `${record.author} ${record.sig}`;
        if (!judged.has(name)) judged.set(name, heldFault(world, record));
        const fault = judged.get(name);
        if (!fault || isNoted.has(name)) continue;
        isNoted.add(name);
        found.push({ promise: fault.promise, detail: `${short(box)} holds ${fault.detail}` });
      }
    }
  }
  return found;
}

function heldFault(world: World, record: SignedRecord): Violation | undefined {
  const { author, kind, key, seq } = record;
  const what = `${kind} ${key.slice(0, 12)}, number ${seq} of ${author.slice(0, 6)}`;
  const read = hold(record, world.community?.id ?? "sim", world.keys.sha256);
  const publicKey = world.publicKeyOf(author);
  const crypto = { sha256: world.keys.sha256, verify: world.keys.verify.bind(world.keys) };
  if (!("held" in read) || !publicKey || !isGenuine(read.held, publicKey, crypto))
    return { promise: "only-genuine", detail: what };
  const lastSeq = world.ledger.excluded.get(author);
  if (lastSeq === undefined || kind === "join" || kind === "community") return undefined;
  const isDecision = (ADMISSION_KINDS as readonly string[]).includes(kind) && seq <= lastSeq;
  return isDecision ? undefined : { promise: "exclusion-holds", detail: what };
}

function memoryFaults(world: World): Violation[] {
  const found: Violation[] = [];
  const over = (box: SimBox, what: string, is: number, max: number) => {
    if (is > max) found.push({ promise: "memory-bounded", detail: `${short(box)}: ${is} ${what}, at most ${max}` });
  };
  for (const box of world.boxes) {
    if (!box.gossip || found.length >= 10) continue;
    over(box, "members", box.gossip.core.members().length, world.boxes.length);
    if (!box.replica) continue;
    const stats = box.replica.core.stats();
    over(box, "records waiting", stats.waiting, WAITING_MAX);
    over(box, "authors", stats.authors, world.boxes.length);
    over(box, "records", stats.records, world.boxes.length * OWN_KEPT_MAX);
    over(box, "own records", box.replica.core.ofAuthor(box.key.id).length, LIVE_PER_AUTHOR_MAX);
  }
  return found;
}

/** Lets nothing happen for a while and looks at what is still said. */
export function checkRest(world: World, forMs: number, limits: Limits): Violation[] {
  const bytesBefore = world.network.traffic.datagramBytes;
  world.run(world.nowMs + forMs);
  const up = world.boxes.filter((box) => box.up).length;
  const rate = (world.network.traffic.datagramBytes - bytesBefore) / up / (forMs / 1000);
  const { restBytesPerSecond = Infinity } = limits;
  if (rate <= restBytesPerSecond) return [];
  return [
    { promise: "quiet-at-rest", detail: `${Math.round(rate)} bytes per box and second, at most ${restBytesPerSecond}` },
  ];
}
