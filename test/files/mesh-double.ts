/**
 * Boxes that reach one another in this process: of the mesh only what the files service asks of it, with streams that
 * have a window as the real ones have. Where real boxes are to speak: boxes.test.ts.
 */
import { Duplex } from "node:stream";
import type { BoxState, BoxView, MeshClient } from "../../src/services/mesh/client.ts";

type Serve = Parameters<MeshClient["serve"]>[1];
type Take = Parameters<MeshClient["serveStreams"]>[1];

export class MeshDouble {
  readonly #served = new Map<string, Map<string, Serve>>();
  readonly #streams = new Map<string, Map<string, Take>>();
  readonly states = new Map<string, BoxState>();
  readonly asked: string[] = [];
  /** Of all boxes to all others. */
  clockOffsetMs: number | undefined;

  join(selfId: string): MeshClient {
    this.states.set(selfId, "up");
    this.#served.set(selfId, new Map());
    this.#streams.set(selfId, new Map());
    const box = (id: string) => {
      const state = this.states.get(id);
      return state && ({ id, state, name: `box ${id.slice(0, 4)}` } as BoxView);
    };
    return {
      selfId,
      box,
      clockOffsetMs: () => this.clockOffsetMs,
      boxes: () => [...this.states.keys()].map((id) => box(id)!),
      serve: (path: string, handler: Serve) => void this.#served.get(selfId)!.set(path, handler),
      serveStreams: (path: string, take: Take) => void this.#streams.get(selfId)!.set(path, take),
      request: async (boxId: string, path: string, body: Uint8Array) => {
        this.asked.push(`${boxId} ${path}`);
        if (this.states.get(boxId) !== "up") throw new Error("peer-unreachable");
        const { signal } = new AbortController();
        return {
          status: 200,
          body: await this.#served.get(boxId)!.get(path)!({ peer: selfId, body, signal }),
          rttMs: 1,
        };
      },
      openStream: async (boxId: string, path: string) => {
        if (this.states.get(boxId) !== "up") throw new Error("peer-unreachable");
        const [here, there] = pair();
        this.#streams.get(boxId)!.get(path)!(selfId, there);
        return here;
      },
    } as unknown as MeshClient;
  }
}

/** Two ends of one stream: what is written to one is read from the other, and who destroys one destroys both. */
function pair(): [Duplex, Duplex] {
  const waiting = new Map<Duplex, () => void>();
  const make = (other: () => Duplex) =>
    new Duplex({
      read() {
        const go = waiting.get(this);
        waiting.delete(this);
        go?.();
      },
      write(chunk: Buffer, _encoding, done) {
        if (other().push(chunk)) done();
        else waiting.set(other(), done);
      },
      final(done) {
        other().push(null);
        done();
      },
      destroy(error, done) {
        setImmediate(() => other().destroy());
        done(error);
      },
    });
  const here: Duplex = make(() => there);
  const there: Duplex = make(() => here);
  for (const end of [here, there]) end.on("error", () => {});
  return [here, there];
}
