/**
 * Our side of `bench:kv`: three boxes that share one key-value store. Apart from the rest, so that the bench needs to
 * know nothing of boxes but where they speak RESP.
 */
import { join } from "node:path";
import { startBox } from "../test/support/box.ts";
import type { Box } from "../test/support/box.ts";
import { eventually, freePort } from "../test/support/process.ts";

export interface Ours {
  /** Ports on 127.0.0.1 where the boxes speak RESP; any of them takes any key. */
  ports: readonly number[];
  /** Ports of the same boxes where a put is told as done, and a get answered, without a quorum (eventual mode). */
  eventual?: readonly number[];
  /** Of the daemons, to tell their CPU and memory. */
  pids?: readonly number[];
  stop(): Promise<void>;
}

const BOXES = 3;
const GROWN_MS = 120_000;

interface Status {
  state: string;
  copies: number;
  members: { up: boolean }[];
  slots: { copying: number; leaving: number };
  moves: number;
}

/** Starts three boxes with their data below `folder`, which is on the disk that etcd uses, too; resolves when ready. */
export async function startOurs(folder: string): Promise<Ours> {
  const boxes: Box[] = [];
  const ports: number[] = [];
  // As shipped, not with the short intervals of the tests.
  const env = { COMU_PROFILE: "" };
  try {
    for (let at = 0; at < BOXES; at += 1) {
      const owner = { name: `Bench ${at}`, owner: "Bench", data: join(folder, `box-${at}`), env };
      const first = boxes[0];
      const code = first && (await first.api<{ code: string }>("/invitations", { method: "POST", body: {} })).code;
      const box = await startBox({ ...owner, ...(code ? { join: code } : { newCommunity: "Bench" }) });
      boxes.push(box);
      const respPort = await freePort();
      const values = { kv: { takePart: true, quotaMiB: 1024, respPort } };
      await box.api("/settings", { method: "PATCH", body: { values } });
      ports.push(respPort);
    }
    await eventually("each key is on three boxes", GROWN_MS, async () => {
      const all = await Promise.all(boxes.map((box) => box.api<Status>("/kv/status")));
      return all.every(isGrown);
    });
  } catch (error) {
    await Promise.all(boxes.map((box) => box.stop()));
    throw error;
  }
  const pids = boxes.map((box) => box.process!.pid);
  return { ports, pids, stop: async () => void (await Promise.all(boxes.map((box) => box.stop()))) };
}

function isGrown({ state, copies, members, slots, moves }: Status): boolean {
  const isQuiet = moves === 0 && slots.copying === 0 && slots.leaving === 0;
  return state === "running" && copies === BOXES && isQuiet && members.every(({ up }) => up);
}
