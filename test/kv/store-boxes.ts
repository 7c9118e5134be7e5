/**
 * Real boxes of one community that share a key-value store, all on the loopback address: for the benches, which need
 * them as they are shipped, and for tests of joining and leaving. Where links are to be cut: history-boxes.ts.
 */
import { join } from "node:path";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, freePort } from "../support/process.ts";

/** Of each key, once there are as many boxes. */
export const COPIES = 3;
const GROWN_MS = 120_000;
/** Each look costs the boxes something, too. */
const POLL_MS = 400;

export interface RingStatus {
  state: string;
  copies: number;
  members: { up: boolean }[];
  slots: { total: number; copying: number; leaving: number; reachable: number };
  dueSlots: number;
  moves: number;
  moving: number;
  copiedSlots: number;
  copiedKeys: number;
  keys: number;
  sent: { copying: Sent; other: Sent };
}

interface Sent {
  messages: number;
  bytes: number;
}

export interface StoreBox {
  box: Box;
  /** On 127.0.0.1. */
  respPort: number;
}

export interface StoreWish {
  boxes: number;
  /** The first so many take part at once; all by default. */
  taking?: number;
  /** Below this folder; by default temporary ones. */
  folder?: string;
  env?: Record<string, string>;
  quotaMiB?: number;
}

/** Resolves when those that take part hold all slots as they should. Throws when one does not start: then all stop. */
export async function startStoreBoxes({ boxes: count, taking = count, folder, env, quotaMiB = 1024 }: StoreWish) {
  const boxes: StoreBox[] = [];
  try {
    for (let at = 0; at < count; at += 1) {
      const first = boxes[0]?.box;
      const code = first && (await first.api<{ code: string }>("/invitations", { method: "POST", body: {} })).code;
      const box = await startBox({
        ...{ name: `Box ${at + 1}`, owner: "Bench", ...(env ? { env } : {}) },
        ...(folder === undefined ? {} : { data: join(folder, `box-${at}`) }),
        ...(code ? { join: code } : { newCommunity: "Bench" }),
      });
      const respPort = await freePort();
      boxes.push({ box, respPort });
      const values = { kv: { takePart: at < taking, quotaMiB, respPort } };
      await box.api("/settings", { method: "PATCH", body: { values } });
    }
    await settled(boxes.slice(0, taking), GROWN_MS);
  } catch (error) {
    await stopStoreBoxes(boxes);
    throw error;
  }
  return boxes;
}

export async function stopStoreBoxes(boxes: readonly StoreBox[]): Promise<void> {
  await Promise.all(boxes.map(({ box }) => box.stop()));
}

export async function ringOf({ box }: StoreBox): Promise<RingStatus> {
  return box.api<RingStatus>("/kv/status");
}

/** Until these are the store's boxes, each says so, and no slot is on its way any more. Says what is missing. */
export async function settled(boxes: readonly StoreBox[], timeoutMs: number): Promise<void> {
  await eventually(
    `${boxes.length} boxes hold all slots`,
    timeoutMs,
    async () => {
      const all = await Promise.all(boxes.map(ringOf));
      const open = all.find((ring) => !isSettled(ring, boxes.length));
      if (open) throw new Error(`not yet: ${JSON.stringify(open)}`);
      return true;
    },
    POLL_MS,
  );
}

function isSettled({ state, copies, members, slots, dueSlots, moving }: RingStatus, boxes: number): boolean {
  const isWhole = state === "running" && members.length === boxes && members.every(({ up }) => up);
  const isQuiet = dueSlots + moving + slots.copying + slots.leaving === 0;
  return isWhole && isQuiet && copies === Math.min(COPIES, boxes);
}

/** As `comu kv on` and `off` do it, without waiting for what comes of it. */
export async function setTakePart({ box }: StoreBox, takePart: boolean): Promise<void> {
  await box.api("/settings", { method: "PATCH", body: { values: { kv: { takePart } } } });
}

/** `one` comes to the others, or leaves them; resolves when no slot is on its way any more. */
export async function move(one: StoreBox, others: readonly StoreBox[], takesPart: boolean, timeoutMs: number) {
  await setTakePart(one, takesPart);
  if (takesPart) return settled([...others, one], timeoutMs);
  const isOff = async () => (await ringOf(one)).state === "off";
  await eventually(`${one.box.name} has handed over`, timeoutMs, isOff, POLL_MS);
  await settled(others, timeoutMs);
}
