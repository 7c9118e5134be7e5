/**
 * A community of whole boxes: the daemon as `comu up` runs it, with links, records, pages and mDNS. What a serf agent
 * does with a tag, a box does with a published service: a signed record, kept on disk, that all others take.
 *
 * Each box is watched on its event stream over its Unix socket, as an open page would watch it: after an event it is
 * asked for the one thing that is awaited. The resolution is the 200 ms for which a box puts events together; the
 * first of them is told at once.
 */
import { request } from "node:http";
import type { ClientRequest } from "node:http";
import { join } from "node:path";
import type { Host } from "../test/lab/lab.ts";
import { startBox } from "../test/support/box.ts";
import type { Box, BoxOptions } from "../test/support/box.ts";
import { eventually } from "../test/support/process.ts";
import { FAILED_TIMEOUT_MS, SEEN_TIMEOUT_MS } from "./discovery-agents.ts";
import type { Cluster } from "./discovery-agents.ts";
import type { Process } from "./discovery-counters.ts";
import { NOT_SEEN } from "./discovery-sums.ts";

const PORT = 7000;
const MESH_PORT = 7946;
/** Two cores start two boxes in the time of one. */
const STARTED_AT_ONCE = 2;
const ALL_SEEN_TIMEOUT_MS = 60_000;
/** Were an event lost, it would still be seen; far above what is measured. */
const LOOK_ANYWAY_MS = 1_000;
/** The settings of a box that nobody changed: without the tests' short intervals. */
const AS_SHIPPED = { COMU_PROFILE: "" };

interface SeenBox {
  state: string;
}

interface Watched {
  box: Box;
  id: string;
  eyes: Eyes;
}

/** Bytes that the mesh itself counts, before sealing and without headers. */
export interface MeshBytes {
  gossip: number;
  links: number;
}

export class BoxCluster implements Cluster {
  readonly label = "boxes";
  private readonly hosts: Host[];
  private readonly boxes: Watched[] = [];
  private code = "";

  /** One host for each box that will ever be. */
  constructor(hosts: readonly Host[]) {
    this.hosts = [...hosts];
  }

  async start(count: number): Promise<void> {
    const first = await startBox({ ...this.next(), newCommunity: "Bench" });
    const uses = String(this.hosts.length);
    ({ code: this.code } = await first.cli<{ code: string }>(["invite", "--uses", uses, "--json"]));
    await this.watch(first);
    for (let left = count - 1; left > 0; left -= STARTED_AT_ONCE) {
      const some = Array.from({ length: Math.min(left, STARTED_AT_ONCE) }, () => this.next());
      const started = await Promise.all(some.map(async (one) => startBox({ ...one, join: this.code })));
      for (const box of started) await this.watch(box);
    }
    const allUp = async ({ box }: Watched) =>
      (await box.api<SeenBox[]>("/boxes")).filter(({ state }) => state === "up").length === count;
    await eventually("all boxes see all", ALL_SEEN_TIMEOUT_MS, async () =>
      (await Promise.all(this.boxes.map(allUp))).every(Boolean),
    );
  }

  /** Publishes a service of a type that nobody measures from afar, so that only the mesh has work. */
  async change(turn: number): Promise<number[]> {
    const author = this.boxes[(turn + 1) % this.boxes.length]!;
    const title = `turn-${turn}`;
    const isThere = async ({ box }: Watched) => {
      const found = await box.api<{ title: string; state: string }[]>(`/services?q=${title}`);
      return found.some((one) => one.title === title && one.state === "up");
    };
    const body = { type: "_bench._udp", port: 20_000 + turn, title, check: "none" };
    const fromMs = performance.now();
    const seen = this.seen(author, isThere, SEEN_TIMEOUT_MS);
    await author.box.api("/services", { method: "POST", body });
    return (await seen).map((ms) => ms - fromMs);
  }

  async kill(): Promise<number[]> {
    // The oldest but the founder, whose invitation is used.
    const [victim] = this.boxes.splice(1, 1) as [Watched];
    victim.eyes.close();
    const seen = this.seen(victim, isInState(victim.id, "away"), FAILED_TIMEOUT_MS);
    const fromMs = performance.now();
    await victim.box.kill();
    return (await seen).map((ms) => ms - fromMs);
  }

  /** The box is set up already, and alone; it counts from the moment at which its owner gives it the code. */
  async join(): Promise<number[]> {
    const box = await startBox({ ...this.next(), newCommunity: "Alone" });
    await box.api("/community", { method: "DELETE" });
    const { id } = await box.api<{ id: string }>("/status");
    const fromMs = performance.now();
    const seen = this.seen(undefined, isInState(id, "up"), SEEN_TIMEOUT_MS);
    await box.api("/community/join", { method: "POST", body: { code: this.code } });
    const times = (await seen).map((ms) => ms - fromMs);
    await this.watch(box);
    return times;
  }

  processes(): Process[] {
    return this.boxes.map(({ box }) => ({ name: box.name, pid: box.process!.pid }));
  }

  /** Sums over all boxes. */
  async meshBytes(): Promise<MeshBytes> {
    const texts = await Promise.all(this.boxes.map(async ({ box }) => (await box.ask<string>("/metrics")).body));
    const sum = (pattern: RegExp) =>
      texts.flatMap((text) => [...text.matchAll(pattern)]).reduce((total, match) => total + Number(match[1]), 0);
    return {
      gossip: sum(/^comu_mesh_gossip_bytes_total\{[^}]*\} (\d+)/gm),
      links: sum(/^comu_mesh_link_bytes_total\{[^}]*\} (\d+)/gm),
    };
  }

  private next() {
    const host = this.hosts.shift();
    if (!host) throw new Error("no host is left for a box");
    const where = { bind: host.address, namespace: host.namespace, port: PORT, meshPort: MESH_PORT };
    return { name: host.name, owner: `Owner of ${host.name}`, env: AS_SHIPPED, ...where } satisfies BoxOptions;
  }

  private async watch(box: Box): Promise<void> {
    const { id } = await box.api<{ id: string }>("/status");
    this.boxes.push({ box, id, eyes: new Eyes(box) });
  }

  private seen(
    except: Watched | undefined,
    look: (one: Watched) => Promise<boolean>,
    timeoutMs: number,
  ): Promise<number[]> {
    const others = this.boxes.filter((one) => one !== except);
    return Promise.all(others.map(async (one) => one.eyes.until(async () => look(one), timeoutMs)));
  }
}

function isInState(id: string, state: string): (one: Watched) => Promise<boolean> {
  return async ({ box }) => {
    const { status, body } = await box.ask<SeenBox>(`/api/v1/boxes/${id}`);
    return status === 200 && body.state === state;
  };
}

/** The event stream of one box. */
class Eyes {
  private readonly stream: ClientRequest;
  private readonly listeners = new Set<() => void>();

  constructor(box: Box) {
    const headers = { host: "localhost" };
    this.stream = request({ socketPath: join(box.data, "comu.sock"), path: "/api/v1/events", headers, agent: false });
    // A killed box ends its stream.
    this.stream.on("error", () => {});
    this.stream.on("response", (response) => {
      response.on("error", () => {});
      response.on("data", () => {
        for (const listener of this.listeners) listener();
      });
    });
    this.stream.end();
  }

  close(): void {
    this.stream.destroy();
  }

  /** Looks now and after each event; when it was true for the first time. */
  until(look: () => Promise<boolean>, timeoutMs: number): Promise<number> {
    const endMs = performance.now() + timeoutMs;
    return new Promise((resolve) => {
      let looking = false;
      let again = false;
      const end = (ms: number) => {
        clearInterval(anyway);
        this.listeners.delete(run);
        resolve(ms);
      };
      const run = (): void => {
        if (looking) {
          again = true;
          return;
        }
        looking = true;
        void look()
          .catch(() => false)
          .then((found) => {
            looking = false;
            if (found) return end(performance.now());
            if (performance.now() > endMs) return end(NOT_SEEN);
            if (!again) return;
            again = false;
            run();
          });
      };
      const anyway = setInterval(run, LOOK_ANYWAY_MS);
      this.listeners.add(run);
      run();
    });
  }
}
