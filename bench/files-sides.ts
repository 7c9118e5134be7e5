/** What `bench:files` wants of each side: a gateway that clients reach over HTTP, five storage servers, and faults. */
import { fileURLToPath } from "node:url";
import { start } from "../test/support/process.ts";
import type { Running } from "../test/support/process.ts";

export type SideName = "ours" | "tahoe";

export const SERVERS = 5;
/** Any three of ten pieces are enough. Five servers: pieces must come to lie on three, as ours chooses by itself. */
export const NEEDED = 3;
export const TOTAL = 10;
export const HAPPY = 3;
const ONE_WAY_MS = 30;

const DELAY_PROGRAM = fileURLToPath(new URL("files-delay.ts", import.meta.url));

export interface Gateway {
  /** Stores a new file and resolves when its pieces lie on the servers. Gives its name for `get`. */
  put(content: Uint8Array): Promise<string>;
  /** Reads it. Throws when it is not what was stored. */
  get(name: string, content: Uint8Array): Promise<void>;
  newFolder(): Promise<string>;
  putInto(folder: string, name: string, content: Uint8Array): Promise<void>;
  /** A new folder in a folder. */
  makeFolder(folder: string, name: string): Promise<void>;
  /** A folder of this machine with what is in it, by the side's own command, into a folder. */
  putFolder(from: string, folder: string): Promise<void>;
  /** Until it is connected to all servers. */
  ready(): Promise<void>;
}

export interface Side {
  name: SideName;
  gateway: Gateway;
  /** Another gateway, which reaches the servers over links with a delay. Started when it is first asked for. */
  far(): Promise<Gateway>;
  /** Of the storage servers. */
  storagePids: readonly number[];
  gatewayPid: number;
  freeze(server: number): void;
  thaw(server: number): void;
  stop(): Promise<void>;
}

/** Links to these ports with 60 ms there and back: their own ports, in the same order. */
export async function delayed(ports: readonly number[]): Promise<{ ports: number[]; links: Running }> {
  const links = start([process.execPath, DELAY_PROGRAM, String(ONE_WAY_MS), ...ports.map(String)], { name: "links" });
  const [line] = await links.waitForLine(/^ports .*/);
  return { links, ports: line.split(" ").slice(1).map(Number) };
}

/** Calls `work` for each, by so many hands at a time. */
export async function byHands<T>(
  hands: number,
  items: Iterable<T>,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const hand = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: hands }, hand));
}
