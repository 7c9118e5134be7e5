/** The network of slivers as the rest of the service sees it: devices for instances, answers to home boxes, checks. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../../kernel/clock.ts";
import type { Check } from "../../../kernel/contract.ts";
import type { Log } from "../../../kernel/log.ts";
import { ifRoom } from "../../../platform/disk-room.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
import type { Store } from "../../../platform/store.ts";
import type { MeshClient } from "../../mesh/client.ts";
import { TUNNEL_PORT_ABOVE } from "../constants.ts";
import { sha256 } from "../slice-address.ts";
import { TUNNEL_KEY, TUNNEL_KIND, readTunnelBody, tunnelKind } from "../tunnel-record.ts";
import type { Books } from "./books.ts";
import type { Nics } from "./container-engine.ts";
import { NameWriter } from "./guest-names.ts";
import type { Answer } from "./hosting.ts";
import { NetworkBooks, networkAnswers } from "./network-books.ts";
import { SliverNetwork } from "./network.ts";
import type { Reconciler } from "./reconciler.ts";

const PORT_MAX = 65_535;

export interface NetworkPartsNeeds {
  clock: Clock;
  log: Log;
  store: Store;
  mesh: MeshClient;
  books: Books;
  engine: Engine;
  /** Made later than this. */
  reconciler: () => Reconciler;
  /** The engine in the project of this box; made later than this. */
  inside: () => Engine;
  isUsed: () => boolean;
  /** UDP, as the settings say; 0 when they do not. */
  port: () => number;
  dataFolder: string;
  changed: () => void;
}

export interface NetworkParts {
  network: SliverNetwork;
  nics: Nics;
  answers: Record<string, Answer>;
  status(): { state: SliverNetwork["state"]["state"]; lacks: string };
  checks(): Check[];
}

/** UDP: as the settings say, or a fixed way from that of the mesh, which differs between boxes of one machine. */
export function tunnelPort(wished: number, mesh: number): number {
  const usual = mesh + TUNNEL_PORT_ABOVE;
  return wished > 0 ? wished : usual <= PORT_MAX ? usual : mesh - TUNNEL_PORT_ABOVE;
}

/** Called before the mesh starts. */
export function networkParts(needs: NetworkPartsNeeds): NetworkParts {
  const { clock, log, store, mesh, books, engine, isUsed, changed } = needs;
  mesh.registerKind(tunnelKind);
  const announcedBy = (box: string) =>
    readTunnelBody(mesh.records(TUNNEL_KIND).find(({ author }) => author === box)?.body);
  const told = new NetworkBooks(store);
  const writer = new NameWriter({ engine: needs.inside, log });
  const port = () => tunnelPort(needs.port(), mesh.port());
  const network = new SliverNetwork({
    ...{ clock, log, sha256, books, told, mesh, isUsed, port, announcedBy, folder: join(needs.dataFolder, "slivers") },
    announce(body) {
      const before = announcedBy(mesh.selfId);
      // On a full disk at the next look.
      ifRoom(() => {
        if (!body && before) mesh.withdraw(TUNNEL_KIND, TUNNEL_KEY);
        if (body && !isDeepStrictEqual(body, before)) mesh.publish(TUNNEL_KIND, TUNNEL_KEY, { ...body });
      });
    },
    changed,
    engineSees: async (device) => (await engine.networks.list()).some(({ name }) => name === device),
    instanceOf(sliver) {
      const instance = needs.reconciler().instanceOf(sliver);
      return instance?.state === "running" && instance.hasNetwork ? instance.name : undefined;
    },
    writeNames: (all) => writer.write(all),
  });
  mesh.onRecords(TUNNEL_KIND, () => network.changed());
  const status = () => ({ lacks: "", ...network.state });
  return {
    network,
    nics: {
      deviceOf: (sliver) => network.deviceOf(sliver),
      nicOf: (sliver) => network.nicOf(sliver),
      attached: (sliver) => network.attached(sliver),
    },
    answers: networkAnswers({ books, told, changed: () => network.changed() }),
    status,
    checks() {
      const { state, lacks } = status();
      if (state === "off") return [];
      return [
        {
          code: `compute-network${state === "missing" || state === "elsewhere" ? `-${state}` : ""}`,
          ok: state === "ready",
          severity: "warning",
          params: { lacks },
        },
      ];
    },
  };
}
