/**
 * Errors put into correct histories, so that the checker can be seen to find them. Each is made so that it is
 * certainly one: values are written once, and what is out of order lies apart in time.
 */
import type { Random } from "../../src/kernel/random.ts";
import type { Operation } from "./history.ts";

type Of<Op extends Operation["op"]> = Extract<Operation, { op: Op }>;

/** Changes one key of a copy, and says which; undefined if this history has no place for it. */
type Plant = (history: Operation[], random: Random) => string | undefined;

const isOk = (one: Operation) => one.status === "ok";
const isBefore = (a: Operation, b: Operation) => a.key === b.key && a.ret! < b.call;
const puts = (history: Operation[]) => history.filter((one): one is Of<"put"> => isOk(one) && one.op === "put");
const gets = (history: Operation[]) => history.filter((one): one is Of<"get"> => isOk(one) && one.op === "get");
const cases = (history: Operation[]) => history.filter((one): one is Of<"cas"> => isOk(one) && one.op === "cas");

function pick<T>(from: readonly T[], random: Random): T | undefined {
  return from.length === 0 ? undefined : from[random.below(from.length)];
}

/** A write, and another one wholly after it, and something wholly after both. */
function overwritten<T extends Operation>(history: Operation[], after: T[], random: Random) {
  const last = pick(
    after.filter((one) => puts(history).some((put) => isBefore(put, one))),
    random,
  );
  const second =
    last &&
    pick(
      puts(history).filter((put) => isBefore(put, last)),
      random,
    );
  const first =
    second &&
    pick(
      puts(history).filter((put) => isBefore(put, second)),
      random,
    );
  return last && second && first ? { first, second, last } : undefined;
}

const staleRead: Plant = (history, random) => {
  const found = overwritten(history, gets(history), random);
  if (!found) return undefined;
  found.last.out = found.first.in;
  return found.last.key;
};

/** Nobody ever sees it: who did sees an older value instead, also one that read after it was done. */
const lostWrite: Plant = (history, random) => {
  const seers = gets(history).filter((get) => puts(history).some((put) => put.in === get.out && isBefore(put, get)));
  const found = overwritten(history, seers, random);
  const lost = found && puts(history).find((put) => put.in === found.last.out);
  const older =
    lost &&
    pick(
      puts(history).filter((put) => isBefore(put, lost)),
      random,
    );
  if (!lost || !older) return undefined;
  for (const get of gets(history)) if (get.out === lost.in) get.out = older.in;
  return lost.key;
};

/** One after another they see the second of two writes, and then the first. */
const reorderedWrites: Plant = (history, random) => {
  const found = overwritten(history, gets(history), random);
  const later =
    found &&
    pick(
      gets(history).filter((get) => isBefore(found.last, get)),
      random,
    );
  if (!later) return undefined;
  found.last.out = found.second.in;
  later.out = found.first.in;
  return later.key;
};

/** Two writes at the same time may be done in either order, but not in both. */
const flicker: Plant = (history, random) => {
  for (const first of puts(history)) {
    const isBeside = (put: Operation) => put.key === first.key && !isBefore(put, first) && !isBefore(first, put);
    const second = pick(
      puts(history).filter((put) => put !== first && isBeside(put)),
      random,
    );
    const readers = gets(history).filter((get) => second && isBefore(first, get) && isBefore(second, get));
    const one = readers[0];
    const two = one && readers.find((get) => isBefore(one, get));
    const three = two && readers.find((get) => isBefore(two, get));
    if (!second || !three) continue;
    [one.out, two.out, three.out] = [first.in, second.in, first.in];
    return first.key;
  }
  return undefined;
};

/** More than all adds together: what came after the doubled one is higher by it. */
const addedTwice: Plant = (history, random) => {
  const isSum = (one: Operation) => (one.op === "add" || one.op === "get") && isOk(one) && one.key.startsWith("c");
  const isOpen = (key: string) => history.some((one) => one.key === key && one.op === "add" && one.status === "info");
  const adds = history.filter((one): one is Of<"add"> => one.op === "add" && isSum(one) && !isOpen(one.key));
  const doubled = pick(adds, random);
  if (!doubled) return undefined;
  const isAbove = (one: Operation) => one.key === doubled.key && isSum(one) && Number(one.out) > Number(doubled.out);
  const above = history.filter(isAbove);
  for (const one of above) (one as Of<"add">).out = String(Number(one.out) + Number(doubled.in));
  return above.length > 0 ? doubled.key : undefined;
};

const neverWritten: Plant = (history, random) => {
  const get = pick(gets(history), random);
  if (!get) return undefined;
  get.out = "999999";
  return get.key;
};

const casOnOldValue: Plant = (history, random) => {
  const found = overwritten(history, cases(history), random);
  if (!found) return undefined;
  found.last.in.expect = found.first.in;
  found.last.out = true;
  return found.last.key;
};

const casOnNoValue: Plant = (history, random) => {
  const cas = pick(cases(history), random);
  if (!cas) return undefined;
  cas.in.expect = "never";
  cas.out = true;
  return cas.key;
};

/** Two that expect the same value cannot both be done, as no value is written twice. */
const casWonTwice: Plant = (history, random) => {
  const won = cases(history).filter((one) => one.out === true && one.in.expect !== null);
  const first = pick(won, random);
  const second =
    first &&
    pick(
      cases(history).filter((one) => one !== first && one.key === first.key),
      random,
    );
  if (!second) return undefined;
  second.in.expect = first.in.expect;
  second.out = true;
  return first.key;
};

/** One that was refused was done all the same. */
const failedWriteSeen: Plant = (history, random) => {
  const seen = puts(history).filter((put) => gets(history).some((get) => get.out === put.in));
  const put = pick(seen, random);
  if (!put) return undefined;
  (put as Operation).status = "fail";
  return put.key;
};

/** An answer from the future. */
const readBeforeWrite: Plant = (history, random) => {
  const get = pick(
    gets(history).filter((one) => puts(history).some((put) => isBefore(one, put))),
    random,
  );
  const put =
    get &&
    pick(
      puts(history).filter((one) => isBefore(get, one)),
      random,
    );
  if (!put) return undefined;
  get.out = put.in;
  return get.key;
};

export const plants = {
  staleRead,
  lostWrite,
  reorderedWrites,
  flicker,
  addedTwice,
  neverWritten,
  casOnOldValue,
  casOnNoValue,
  casWonTwice,
  failedWriteSeen,
  readBeforeWrite,
} as const satisfies Record<string, Plant>;
