/**
 * Our side of `bench:kv`: three boxes that share one key-value store. Apart from the rest, so that the bench needs to
 * know nothing of boxes but where they speak RESP.
 */

export interface Ours {
  /** Ports on 127.0.0.1 where the boxes speak RESP; any of them takes any key. */
  ports: readonly number[];
  /** Ports of the same boxes where a put is told as done, and a get answered, without a quorum (eventual mode). */
  eventual?: readonly number[];
  /** Of the daemons, to tell their CPU and memory. */
  pids?: readonly number[];
  stop(): Promise<void>;
}

/** Starts three boxes with their data below `folder`, which is on the disk that etcd uses, too; resolves when ready. */
export async function startOurs(folder: string): Promise<Ours> {
  throw new Error(`our boxes in ${folder}: not built yet`);
}
