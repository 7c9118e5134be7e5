/**
 * The ports of slivers that a member publishes to the community, as its home box keeps them: by slice and number, so
 * that a sliver that was made again elsewhere has them again. Hosts are told when that has changed, and now and then.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Store } from "../../../platform/store.ts";
import { PORTS_AGAIN_MS } from "../constants.ts";
import { PORTS_PATH, portsAnswer } from "../messages-ports.ts";
import type { PortsAnswer, PublishedPort } from "../messages-ports.ts";
import type { Hosts } from "./hosts.ts";
import type { Slice, Sliver } from "./slice-store.ts";

const MIGRATIONS = [
  `CREATE TABLE compute_published (slice TEXT NOT NULL, number INTEGER NOT NULL, port INTEGER NOT NULL,
     title TEXT NOT NULL, type TEXT NOT NULL, PRIMARY KEY (slice, number, port)) STRICT, WITHOUT ROWID;`,
  // It was taken back, and its host has not heard of it.
  "ALTER TABLE compute_published ADD COLUMN gone INTEGER NOT NULL DEFAULT 0",
];

export interface Published extends PublishedPort {
  slice: string;
  number: number;
}

export interface PublishingNeeds {
  clock: Clock;
  log: Log;
  store: Store;
  hosts: Pick<Hosts, "ask">;
}

/** Where it is on its host, or why it is nowhere; undefined while the host has not said. */
export type Place = PortsAnswer["ports"][number] | undefined;

export type Publishing = ReturnType<typeof createPublishing>;

export function createPublishing({ clock, log, store, hosts }: PublishingNeeds) {
  store.migrate("compute-published", MIGRATIONS);
  /** By sliver: what its host has taken, its answer, and when. */
  const told = new Map<string, { mark: string; atMs: number; answer: PortsAnswer }>();
  const all = (slice: string) =>
    store
      .prepare<Published & { gone: 0 | 1 }>("SELECT * FROM compute_published WHERE slice = ? ORDER BY number, port")
      .all(slice);
  const of = (slice: string): Published[] => all(slice).flatMap(({ gone, ...row }) => (gone === 1 ? [] : [row]));
  const forget = ({ slice, number, port }: Pick<Published, "slice" | "number" | "port">) =>
    store
      .prepare("DELETE FROM compute_published WHERE slice = ? AND number = ? AND port = ? AND gone = 1")
      .run(slice, number, port);

  const keepTold = async (sliver: Sliver, signal?: AbortSignal): Promise<void> => {
    const rows = all(sliver.slice).filter(({ number }) => number === sliver.index);
    // Most slivers publish nothing: their hosts hear nothing of it.
    if (rows.length === 0) return;
    const ports = rows.flatMap(({ gone, port, title, type }) => (gone === 1 ? [] : [{ port, title, type }]));
    const takenBack = rows.filter(({ gone }) => gone === 1);
    const last = told.get(sliver.id);
    const mark = JSON.stringify(ports);
    const isFresh = last?.mark === mark && clock.monotonicMs() - last.atMs < PORTS_AGAIN_MS;
    if (isFresh && takenBack.length === 0) return;
    const answer = await hosts.ask(sliver.host, PORTS_PATH, portsAnswer, { sliver: sliver.id, ports }, signal);
    for (const row of takenBack) forget(row);
    if (answer.known && ports.length > 0) told.set(sliver.id, { mark, atMs: clock.monotonicMs(), answer });
    else told.delete(sliver.id);
  };

  return {
    of,
    put: ({ slice, number, port, title, type }: Published) =>
      void store
        .prepare(
          "INSERT OR REPLACE INTO compute_published (slice, number, port, title, type, gone) VALUES (?, ?, ?, ?, ?, 0)",
        )
        .run(slice, number, port, title, type),
    /** It is kept until its host has heard of it. False when it was not published. */
    drop: ({ slice, number, port }: Pick<Published, "slice" | "number" | "port">): boolean =>
      Number(
        store
          .prepare("UPDATE compute_published SET gone = 1 WHERE slice = ? AND number = ? AND port = ? AND gone = 0")
          .run(slice, number, port).changes,
      ) > 0,
    /** Tells the host of a sliver now, whatever it said before. Throws when it does not answer. */
    async tell(sliver: Sliver, signal: AbortSignal): Promise<void> {
      const last = told.get(sliver.id);
      if (last) told.set(sliver.id, { ...last, mark: "" });
      await keepTold(sliver, signal);
    },
    placeOf: (sliver: string, port: number): Place => told.get(sliver)?.answer.ports.find((one) => one.port === port),
    /** After each look at a slice. */
    async keep(slice: Slice, slivers: readonly Sliver[], signal: AbortSignal): Promise<void> {
      const living = slivers.filter(({ wanted, state }) => wanted !== "gone" && state !== undefined);
      for (const { id, wanted } of slivers) if (slice.isGone || wanted === "gone") told.delete(id);
      if (slice.isGone) {
        if (slivers.length === 0) store.prepare("DELETE FROM compute_published WHERE slice = ?").run(slice.id);
        return;
      }
      // Where no sliver is any more, nobody is to hear of it.
      const numbers = new Set(slivers.map(({ index }) => index));
      for (const row of all(slice.id)) if (row.gone === 1 && !numbers.has(row.number)) forget(row);
      const asked = living.map(async (sliver) => {
        try {
          await keepTold(sliver, signal);
        } catch (error) {
          signal.throwIfAborted();
          log.debug("a host could not be told which ports are published", { host: sliver.host, error });
        }
      });
      await Promise.all(asked);
    },
  };
}
