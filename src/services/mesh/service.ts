/**
 * The mesh service: the box's port, its links, and the community it belongs to. Other services reach records, boxes
 * and requests through its client.
 *
 *            found / join                        start with a community in the store
 *   alone ───────────────► in a community ◄──────────────────────────────────── stopped
 *     ▲         leave          │
 *     └────────────────────────┘
 */
import type { Service } from "../../kernel/contract.ts";
import { createLinks } from "../../platform/links.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";
import type { System } from "../../system.ts";
import { createAnswering } from "./answering.ts";
import { listBoxes } from "./boxes.ts";
import type { MeshClient } from "./client.ts";
import { communityBytes, writeCode } from "./code.ts";
import { createCommunity } from "./community.ts";
import { meshContract, meshErrors, meshSettings } from "./contract.ts";
import { createDescription } from "./description.ts";
import { meshHandlers } from "./handlers.ts";
import type { NearbyBox } from "./handlers.ts";
import { createMeshPort } from "./mesh-port.ts";
import { createPeers } from "./peers.ts";
import { createSession } from "./session.ts";
import type { Session } from "./session.ts";
import { meshDoctor, meshMetrics, meshWarnings } from "./status.ts";
import { meshStore } from "./store.ts";

export function mesh(system: System): Service<typeof meshContract.endpoints> & { client: MeshClient } {
  const { clock, random, identity, events } = system;
  const log = system.log.area("mesh");
  const rows = meshStore(system.store);
  const settings = () => system.config.section("mesh", meshSettings);
  const kinds: KindSpec[] = [];
  const recordListeners = new Map<string, (() => void)[]>();
  const boxListeners: (() => void)[] = [];
  const joinedListeners: (() => void)[] = [];
  let current: Session | undefined;
  let nearby: () => NearbyBox[] = () => [];
  const session = () => current;

  const answering = createAnswering({ clock, random, identity, rows, session });
  const links = createLinks({ identity, clock, log: log.area("links"), handler: answering.handle, authorize: ({ peer }) => !current?.isExcluded(peer) });
  const port = createMeshPort({ clock, log, links, session });
  const strangers = createPeers({ links, clock, isMember: () => false, addressOf: () => undefined });
  const description = createDescription({ system, port, session, settings, onAddress: () => reopen() });
  const boxes = () => listBoxes(description.boxesNeeds(rows), current);

  const tellBoxes = () => {
    for (const listener of boxListeners) listener();
    events.emit("mesh.changed", "guest");
  };
  const open = (community: string): Session => {
    current = createSession({
      clock,
      log,
      random,
      identity,
      rows,
      links,
      community,
      kinds,
      profile: settings().profile,
      advertise: description.advertise(),
      tags: description.tags(),
      send: port.send,
      dial: port.dial,
      onBoxes: tellBoxes,
      onRecords: (changed) => {
        for (const kind of changed) for (const listener of recordListeners.get(kind) ?? []) listener();
      },
    });
    current.start();
    return current;
  };
  const close = async (goodbye: boolean) => {
    const left = current;
    current = undefined;
    await left?.stop(goodbye);
  };
  /** The machine has another address: gossip begins anew under it. */
  const reopen = () => {
    const community = current?.community;
    if (!community) return;
    log.info("this box has another address now", { address: description.advertise().address });
    void close(false).then(() => {
      open(community);
      description.publish();
    });
  };
  const community = createCommunity({
    system,
    rows,
    description,
    strangers,
    open,
    session,
    close,
    onChange: () => {
      for (const listener of joinedListeners) listener();
      tellBoxes();
    },
  });

  const client: MeshClient = {
    selfId: identity.boxId,
    community: community.view,
    boxes,
    box: (id) => boxes().find((one) => one.id === id),
    registerKind: (spec) => void kinds.push(spec),
    publish: (kind, key, body) => current?.replica.put(kind, key, body),
    withdraw: (kind, key) => current?.replica.remove(kind, key),
    records(kind) {
      const members = current?.admission.view()?.members;
      if (!current || !members) return [];
      return current.replica.core.list(kind).filter((record) => members.has(record.author));
    },
    onRecords: (kind, listener) => void recordListeners.set(kind, [...(recordListeners.get(kind) ?? []), listener]),
    onBoxes: (listener) => void boxListeners.push(listener),
    onJoined: (listener) => void joinedListeners.push(listener),
    request(boxId, path, body, options) {
      if (!current) throw meshErrors.fail("no-community");
      return answering.request(links, current, { boxId, path, body, ...options });
    },
    serve: answering.serve,
    found: community.found,
    join: community.join,
    port: port.number,
    openCode() {
      const seen = community.view();
      if (!current || !seen || seen.policy.admission === "invitation") return null;
      return writeCode({ community: communityBytes(current.community), addresses: [current.advertise] });
    },
    describeSelf: () => description.publish(),
    hearNearby: (read) => void (nearby = read),
  };

  const status = {
    selfId: identity.boxId,
    session,
    strangers,
    boxes,
    answering,
    links,
    advertise: description.advertise,
    webPort: () => system.run.port ?? 0,
  };
  return {
    contract: meshContract,
    handlers: meshHandlers({ system, rows, client, community, boxes, session, nearby: () => nearby() }),
    client,
    async start() {
      const box = system.config.values()["box"]!;
      const bind = system.run.bind ?? (box["bind"] as string);
      await port.listen(system.run.meshPort ?? (box["meshPort"] as number), bind || undefined);
      system.run.meshPort = port.number();
      const known = rows.fact("community");
      if (known) open(known);
      description.start();
    },
    async stop() {
      description.stop();
      await close(true);
      await links.close();
      await port.close();
    },
    health: () => meshWarnings(status),
    doctor: () => meshDoctor(status),
    metrics: () => meshMetrics(status),
  };
}
