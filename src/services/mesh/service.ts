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
import type { Links } from "../../platform/links.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";
import type { System } from "../../system.ts";
import { createAnswering } from "./answering.ts";
import type { Answering } from "./answering.ts";
import { listBoxes, viewOfBox } from "./boxes.ts";
import type { BoxView, MeshClient } from "./client.ts";
import { communityBytes, writeCode } from "./code.ts";
import { createCommunity } from "./community.ts";
import type { Community } from "./community.ts";
import { meshContract, meshErrors, meshSettings } from "./contract.ts";
import { createDescription } from "./description.ts";
import type { Description } from "./description.ts";
import { createGossipWatch } from "./gossip-watch.ts";
import { meshHandlers } from "./handlers.ts";
import type { NearbyBox } from "./handlers.ts";
import { createMeshPort } from "./mesh-port.ts";
import type { MeshPort } from "./mesh-port.ts";
import { createPeers, MESH_PATH } from "./peers.ts";
import { createSession } from "./session.ts";
import type { Session } from "./session.ts";
import { meshDoctor, meshMetrics, meshWarnings } from "./status.ts";
import { meshStore } from "./store.ts";
import { createWorkShare } from "./work-share.ts";

/**
 * What is signed ahead of time is signed anew when the clock is right. What is signed long ago is taken for expired, so
 * a clock that is so far behind writes into nothing, and is told so.
 */
const CLOCK_BEHIND_MS_MAX = 2 * 86_400_000;

/** Who wants to hear of changes. */
interface Listeners {
  records: Map<string, (() => void)[]>;
  boxes: (() => void)[];
  joined: (() => void)[];
}

interface Parts {
  selfId: string;
  kinds: KindSpec[];
  listeners: Listeners;
  session: () => Session | undefined;
  boxes: () => BoxView[];
  box: (id: string) => BoxView | undefined;
  community: Community;
  answering: Answering;
  links: Links;
  port: MeshPort;
  description: Description;
  /** Boxes that the lan service hears. */
  hearing: { nearby: () => NearbyBox[] };
}

export function mesh(system: System): Service<typeof meshContract.endpoints> & { client: MeshClient } {
  const { clock, random, identity, events } = system;
  const log = system.log.area("mesh");
  const rows = meshStore(system.store);
  const settings = () => system.config.section("mesh", meshSettings);
  const kinds: KindSpec[] = [];
  const listeners: Listeners = { records: new Map(), boxes: [], joined: [] };
  let current: Session | undefined;
  const session = () => current;

  const share = createWorkShare(clock);
  const cut = (box: string) => links.dropPeer(box);
  const answering = createAnswering({ clock, random, identity, rows, share, cut, session });
  // An excluded box reaches the mesh's own paths, where it is told that it is excluded.
  const authorize = ({ peer, path }: { peer: string; path?: string }) =>
    !current?.isExcluded(peer) || path === undefined || path.startsWith(MESH_PATH);
  const answers = { handler: answering.handle, streamHandler: answering.stream, authorize };
  const links = createLinks({ identity, clock, log: log.area("links"), ...answers });
  const port = createMeshPort({ clock, log, links, session });
  const strangers = createPeers({ links, clock, mayAsk: () => false, addressOf: () => undefined });
  const description = createDescription({ system, port, session, settings, onAddress: () => reopen() });
  const watch = createGossipWatch({ system, rows, session, onKey: () => description.refresh() });
  const boxes = () => listBoxes(description.boxesNeeds(rows), current);

  const tellBoxes = () => {
    for (const listener of listeners.boxes) listener();
    events.emit("mesh.changed", "guest");
  };
  const open = (community: string, adoptFirst = false): Session => {
    const own = { advertise: description.advertise(), tags: description.tags, profile: settings().profile };
    const shared = { clock, log, random, identity, rows, links, community, kinds, send: port.send, dial: port.dial };
    const onRecords = (changed: Set<string>) => {
      for (const kind of changed) for (const listener of listeners.records.get(kind) ?? []) listener();
    };
    current = createSession({ ...shared, ...own, ...watch.hooks, share, adoptFirst, onBoxes: tellBoxes, onRecords });
    watch.begin();
    current.start();
    return current;
  };
  const close = async (goodbye: boolean) => {
    const left = current;
    current = undefined;
    watch.end();
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
  const onChange = () => {
    if (!current) watch.forget();
    for (const listener of listeners.joined) listener();
    tellBoxes();
  };
  const community = createCommunity({ system, rows, description, strangers, open, session, close, onChange });
  const hearing: Parts["hearing"] = { nearby: () => [] };
  const selfId = identity.boxId;
  const client = clientOf({
    selfId,
    kinds,
    listeners,
    session,
    boxes,
    box: (id) => viewOfBox(description.boxesNeeds(rows), current, id),
    community,
    answering,
    links,
    port,
    description,
    hearing,
  });
  const nearby = () => hearing.nearby();
  const webPort = () => system.run.port ?? 0;
  const status = {
    selfId,
    session,
    strangers,
    boxes,
    answering,
    links,
    advertise: description.advertise,
    webPort,
    flapping: watch.flapping,
  };
  return {
    contract: meshContract,
    handlers: meshHandlers({ system, rows, client, community, boxes, session, nearby, gossip: watch.forHandlers }),
    client,
    async start() {
      const box = system.config.values()["box"]!;
      const bind = system.run.bind ?? (box["bind"] as string);
      await port.listen(system.run.meshPort ?? (box["meshPort"] as number), bind || undefined);
      system.run.meshPort = port.number();
      const known = rows.fact("community");
      if (known) await open(known, true).learnNumbers();
      description.start();
    },
    async stop() {
      description.stop();
      await close(true);
      watch.stop();
      await links.close();
      await port.close();
    },
    health: () => meshWarnings(status),
    doctor: () => meshDoctor(status),
    metrics: () => meshMetrics(status),
  };
}

/** What other services get to hold. */
function clientOf(parts: Parts): MeshClient {
  const { session, listeners, community, boxes, box, answering } = parts;
  return {
    selfId: parts.selfId,
    community: community.view,
    boxes,
    box,
    registerKind: (spec) => void parts.kinds.push(spec),
    publish: (kind, key, body) => session()?.replica.put(kind, key, body),
    withdraw: (kind, key) => session()?.replica.remove(kind, key),
    records(kind) {
      const open = session();
      const members = open?.admission.view()?.members;
      return open && members ? open.replica.core.list(kind).filter((record) => members.has(record.author)) : [];
    },
    onRecords: (kind, listener) => void listeners.records.set(kind, [...(listeners.records.get(kind) ?? []), listener]),
    onBoxes: (listener) => void listeners.boxes.push(listener),
    onJoined: (listener) => void listeners.joined.push(listener),
    request(boxId, path, body, options) {
      const open = session();
      if (!open) throw meshErrors.fail("no-community");
      return answering.request(parts.links, open, { boxId, path, body, ...options });
    },
    serve: answering.serve,
    serveStreams: answering.serveStreams,
    async openStream(boxId, path) {
      const open = session();
      if (!open) throw meshErrors.fail("no-community");
      return answering.openStream(parts.links, open, boxId, path);
    },
    found: community.found,
    join: community.join,
    checkClock() {
      const offsetMs = session()?.peers.clockOffsetMs() ?? 0;
      if (offsetMs > CLOCK_BEHIND_MS_MAX) throw meshErrors.fail("clock-wrong");
    },
    port: parts.port.number,
    clockOffsetMs: () => session()?.peers.clockOffsetMs(),
    openCode() {
      const open = session();
      const seen = community.view();
      if (!open || !seen || seen.policy.admission === "invitation") return null;
      return writeCode({ community: communityBytes(open.community), addresses: [open.advertise] });
    },
    describeSelf: () => parts.description.publish(),
    hearNearby: (read) => void (parts.hearing.nearby = read),
  };
}
