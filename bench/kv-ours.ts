/**
 * Our side of `bench:kv`: three boxes that share one key-value store. Apart from the rest, so that the bench needs to
 * know nothing of boxes but where they speak RESP.
 */
import { startStoreBoxes, stopStoreBoxes } from "../test/kv/store-boxes.ts";

export interface Ours {
  /** Ports on 127.0.0.1 where the boxes speak RESP; any of them takes any key. */
  ports: readonly number[];
  /** Of the daemons, to tell their CPU and memory. */
  pids?: readonly number[];
  stop(): Promise<void>;
}

const BOXES = 3;
/** As shipped, not with the short intervals of the tests. */
export const AS_SHIPPED = { COMU_PROFILE: "" };

/** Starts three boxes with their data below `folder`, which is on the disk that etcd uses, too; resolves when ready. */
export async function startOurs(folder: string): Promise<Ours> {
  const boxes = await startStoreBoxes({ boxes: BOXES, folder, env: AS_SHIPPED });
  return {
    ports: boxes.map(({ respPort }) => respPort),
    pids: boxes.map(({ box }) => box.process!.pid),
    stop: () => stopStoreBoxes(boxes),
  };
}
