/**
 * Who takes part in the community's store, by signed records: each box says which store it is in, and as which node.
 * The first box founds a store, the others join the one that there is.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { Identity } from "./store-node.ts";

export const KV_KIND = "kv";
/** The slots of a node that is gone for so long are given to others. */
export const GONE_MS = 60_000;
/** Before it founds a store, a box looks for one for so long after it reaches another box, and at most. */
export const FIND_MS = 3_000;
export const FIND_MS_MAX = 15_000;
const LOOK_MS = 200;
const KEY = "self";
const NODE_MAX = 2 ** 48;

const body = z.object({
  store: z.string().regex(/^[0-9a-f]{16}$/),
  node: z
    .number()
    .int()
    .min(1)
    .max(NODE_MAX - 1),
  state: z.enum(["in", "leaving"]),
});

export interface Part {
  boxId: string;
  node: number;
  store: string;
  isLeaving: boolean;
}

export interface Ring {
  /** Which store it is to be: the one on the disk, one that was found, or a new one. Undefined: no longer wanted. */
  join(running: { identity: Identity }, isWanted: () => boolean): Promise<"known" | "found" | "founded" | undefined>;
  publish(identity: Identity, state: "in" | "leaving"): void;
  /** Tells the others that it is no part any more; it still knows them, to show them on, until `end`. */
  withdraw(): void;
  end(): void;
  parts(): Part[];
  peers(): { up: number[]; nodes: number[]; leaving: number[] };
  nodeOf(boxId: string): number | undefined;
  boxOf(node: number): string | undefined;
  /** Another store in this community, which should be the only one. */
  rival(): string | undefined;
}

export interface RingNeeds {
  clock: Clock;
  log: Log;
  mesh: MeshClient;
  seemsUp: (boxId: string) => boolean;
  /** Who takes part may be another now. */
  onChange: () => void;
}

export function createRing({ clock, log, mesh, seemsUp, onChange }: RingNeeds): Ring {
  let own: Part | undefined;
  let known: Part[] | undefined;
  /** Looked up with every frame. */
  let places: { nodes: Map<string, number>; boxes: Map<number, string> } | undefined;
  const changed = () => {
    known = undefined;
    places = undefined;
  };
  /** By node: the box that was the first to be it. */
  let claims: ReadonlyMap<number, string> = new Map();
  /** When each box was last up. */
  const upMs = new Map<string, number>();
  mesh.registerKind({ kind: KV_KIND, retentionMs: null, bodyMaxBytes: 256, livePerAuthorMax: 1 });
  mesh.onRecords(KV_KIND, () => {
    changed();
    onChange();
  });
  mesh.onJoined(changed);

  const read = (): Part[] =>
    mesh
      .records(KV_KIND)
      .toSorted((a, b) => a.timeMs - b.timeMs)
      .flatMap(({ author, key, body: raw }) => {
        const parsed = body.safeParse(raw);
        if (!parsed.success || key !== KEY || author === mesh.selfId) return [];
        const { node, store, state } = parsed.data;
        return [{ boxId: author, node, store, isLeaving: state === "leaving" }];
      });
  const all = (): Part[] => {
    if (known) return known;
    const said = read();
    // Whom this box has known as a node stays it: another one that says so lies.
    const first = new Map(
      said.filter(({ boxId, node }) => claims.get(node) === boxId).map((part) => [part.node, part]),
    );
    for (const part of said) if (!first.has(part.node)) first.set(part.node, part);
    claims = new Map([...first].map(([node, { boxId }]) => [node, boxId]));
    return (known = said.filter((part) => first.get(part.node) === part));
  };
  const parts = (): Part[] => {
    if (!own) return [];
    const { store, node } = own;
    return [own, ...all().filter((part) => part.store === store && part.node !== node)];
  };
  const placesOf = () => {
    places ??= {
      nodes: new Map(parts().map(({ boxId, node }) => [boxId, node])),
      boxes: new Map(parts().map(({ boxId, node }) => [node, boxId])),
    };
    return places;
  };
  /** The store that most boxes are in; of equal ones the one with the lowest name. */
  const found = (): string | undefined => {
    const counts = new Map<string, number>();
    for (const { store } of all()) counts.set(store, (counts.get(store) ?? 0) + 1);
    return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0];
  };
  const isUp = (boxId: string): boolean => {
    if (boxId === mesh.selfId) return true;
    const state = mesh.box(boxId)?.state;
    return (state === "up" || state === "suspect") && seemsUp(boxId);
  };

  return {
    async join({ identity }, isWanted) {
      if (identity.store !== undefined) return "known";
      const startedMs = clock.monotonicMs();
      let reachedMs: number | undefined;
      while (isWanted()) {
        const store = found();
        if (store !== undefined) {
          identity.store = store;
          return "found";
        }
        const nowMs = clock.monotonicMs();
        const others = mesh.boxes().filter(({ self, state }) => !self && state !== "excluded");
        if (others.some(({ state }) => state === "up")) reachedMs ??= nowMs;
        const isLong = nowMs - startedMs > FIND_MS_MAX || (reachedMs !== undefined && nowMs - reachedMs > FIND_MS);
        if (others.length === 0 || isLong) {
          identity.store = randomBytes(8).toString("hex");
          log.info("a key-value store is founded", { store: identity.store });
          return "founded";
        }
        await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
      }
      return undefined;
    },
    publish(identity, state) {
      const { node, store } = identity;
      const isLeaving = state === "leaving";
      const isSaid = own?.node === node && own.store === store && own.isLeaving === isLeaving;
      changed();
      own = { boxId: mesh.selfId, node, store: store!, isLeaving };
      // After the disk was full, there may be no room to say the same again.
      if (!isSaid) mesh.publish(KV_KIND, KEY, { store: store!, node, state });
    },
    withdraw: () => mesh.withdraw(KV_KIND, KEY),
    end() {
      changed();
      own = undefined;
    },
    parts,
    peers() {
      const nowMs = clock.monotonicMs();
      const up: number[] = [];
      const nodes: number[] = [];
      const leaving: number[] = [];
      for (const { boxId, node, isLeaving } of parts()) {
        if (isUp(boxId)) {
          upMs.set(boxId, nowMs);
          up.push(node);
        } else if (!upMs.has(boxId)) upMs.set(boxId, nowMs);
        if (isLeaving) leaving.push(node);
        else if (nowMs - upMs.get(boxId)! < GONE_MS) nodes.push(node);
      }
      return { up, nodes, leaving };
    },
    nodeOf: (boxId) => placesOf().nodes.get(boxId),
    boxOf: (node) => placesOf().boxes.get(node),
    rival: () => (own ? all().find(({ store }) => store !== own!.store)?.store : undefined),
  };
}
