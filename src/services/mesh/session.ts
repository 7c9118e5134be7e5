/**
 * A box while it is in a community: records, admission, gossip and keys, bound together. Made when the box founds,
 * joins, or starts again in its community; ended when it leaves or stops.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import type { Identity } from "../../platform/identity.ts";
import type { Links } from "../../platform/links.ts";
import type { Admission } from "../../protocols/records/admission.ts";
import { admissionKinds } from "../../protocols/records/membership-facts.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";
import type { Change } from "../../protocols/records/author-table.ts";
import type { Member } from "../../protocols/membership/types.ts";
import { createExclusions } from "./exclusions.ts";
import { addressOf, boxesUp, lookForOthers, membersKnown } from "./finding.ts";
import { createGossip } from "./gossip.ts";
import type { Gossip, GossipNeeds } from "./gossip.ts";
import { createKeyring } from "./keyring.ts";
import type { Keyring } from "./keyring.ts";
import { readKeyBody } from "./kinds.ts";
import { createPeers } from "./peers.ts";
import type { Peers } from "./peers.ts";
import { profiles } from "../../protocols/membership/constants.ts";
import { createReplica } from "./replica.ts";
import type { Replica } from "./replica.ts";
import { createSealing } from "./sealing.ts";
import { loadRecords } from "./session-records.ts";
import type { MeshStore } from "./store.ts";

/** Boxes that do not answer are tried again at their known addresses this often. */
const LOOK_FOR_OTHERS_MS = { lan: 10_000, mesh: 30_000, test: 500 } as const;
const LOOK_AGAIN_MS = [1_000, 3_000, 6_000] as const;
const SYNC_INTERVAL_MS = { lan: 30_000, mesh: 60_000, test: 1_000 } as const;
/** A suspicion that outlives so many probes is mostly right: pages need not wait until it is certain. */
const SUSPECT_PROBES_SHOWN = 3;

export interface SessionNeeds {
  clock: Clock;
  log: Log;
  random: Random;
  identity: Identity;
  rows: MeshStore;
  links: Links;
  community: string;
  kinds: readonly KindSpec[];
  profile: GossipNeeds["profile"];
  advertise: { address: string; port: number };
  tags: Record<string, string>;
  send: GossipNeeds["send"];
  dial: GossipNeeds["dial"];
  /** Records of these kinds changed. */
  onRecords: (kinds: Set<string>) => void;
  onBoxes: () => void;
}

export interface Session {
  community: string;
  admission: Admission;
  replica: Replica;
  gossip: Gossip;
  keyring: Keyring;
  peers: Peers;
  advertise: { address: string; port: number };
  /** A box that is suspected for longer than this is shown as away; it may still refute. */
  suspectShownMs: number;
  isMember(box: string): boolean;
  isExcluded(box: string): boolean;
  start(): void;
  /** Tells the others first when `goodbye`. */
  stop(goodbye: boolean): Promise<void>;
}

export function createSession(needs: SessionNeeds): Session {
  const { clock, rows, identity } = needs;
  const { admission, core } = loadRecords(needs);
  let running = false;
  const suspectShownMs = SUSPECT_PROBES_SHOWN * profiles[needs.profile].probeIntervalMs;
  const cancels: (() => void)[] = [];

  const isMember = (box: string) => admission.view()?.members.has(box) ?? false;
  const isExcluded = (box: string) => admission.view()?.excluded.has(box) ?? false;
  const peers = createPeers({
    links: needs.links,
    clock,
    isMember,
    addressOf: (box) => addressOf(box, gossip, core, rows),
  });
  const replica = createReplica({
    ...{ clock, rows, core, random: needs.random, log: needs.log.area("records"), self: identity.boxId },
    syncIntervalMs: SYNC_INTERVAL_MS[needs.profile],
    peersUp: () => peersToAsk(),
    ask: (box, path, body) => peers.ask(box, path, body),
    onChanged: (changes) => recordsChanged(changes),
  });
  const keyring = openKeyring(needs, peers, () => peersToAsk());
  const gossip = openGossip(needs, keyring, {
    admit: (name) => !isExcluded(name),
    onMember: (change, member) => memberChanged(change, member),
  });

  const peersUp = () => boxesUp(gossip, identity.boxId).filter(isMember);
  /**
   * A box that was away while the community changed its key hears no gossip. It asks members at the addresses that it
   * remembers: links need no key of the community.
   */
  const peersToAsk = () => {
    const up = peersUp();
    return up.length > 0 ? up : membersKnown(admission, needs.random, identity.boxId, (box) => peers.addressOf(box));
  };

  const memberChanged = (change: string, member: Member) => {
    if (member.name === identity.boxId) return;
    if (change === "join" || change === "update") {
      const { name: box, address, port } = member;
      ifRoom(() => rows.noteAddress({ box, address, port, seenMs: clock.wallMs() }));
    }
    if (change === "join") replica.syncSoon();
    if (change === "join" || change === "failed" || change === "leave") {
      needs.log.info(`a box: ${change}`, { box: member.name, address: member.address });
    }
    // Tells again when the suspicion has lasted so long that the box is shown as away.
    if (change === "suspect") clock.after(suspectShownMs + 10, needs.onBoxes);
    needs.onBoxes();
  };

  const exclusions = createExclusions({
    selfId: identity.boxId,
    admission,
    links: needs.links,
    peers,
    replica: () => replica,
    gossip: () => gossip,
  });

  const recordsChanged = (changes: readonly Change[]) => {
    admission.apply(changes);
    const kinds = new Set(changes.map((change) => change.kind));
    const admissionChanged = admissionKinds.some((spec) => kinds.has(spec.kind));
    if (admissionChanged) {
      // Later, since the records core is in the middle of a step.
      queueMicrotask(() => {
        exclusions.apply();
        replica.step({ type: "recheck" });
      });
    }
    if (kinds.has("key")) lookAtKeys();
    if (admissionChanged || kinds.has("box") || kinds.has("request") || kinds.has("about")) needs.onBoxes();
    needs.onRecords(kinds);
  };

  const lookAtKeys = () => {
    for (const record of core.list("key")) {
      const body = readKeyBody(record.body);
      if (body && admission.view()?.stewards.has(record.author)) keyring.wanted(body, record.author);
    }
  };

  const look = () => {
    lookForOthers({ selfId: identity.boxId, random: needs.random, rows, gossip: () => gossip, isExcluded });
    if (gossip.core.aliveCount() === 1) replica.syncSoon();
    lookAtKeys();
  };

  return {
    community: needs.community,
    admission,
    replica,
    gossip,
    keyring,
    peers,
    suspectShownMs,
    advertise: needs.advertise,
    isMember,
    isExcluded,
    start() {
      running = true;
      exclusions.begin();
      replica.start();
      look();
      // Soon again: after a power cut all boxes start at one time, and the first look finds nobody.
      for (const delayMs of LOOK_AGAIN_MS) cancels.push(clock.after(delayMs, look));
      cancels.push(clock.every(LOOK_FOR_OTHERS_MS[needs.profile], look));
    },
    async stop(goodbye) {
      if (!running) return;
      running = false;
      for (const cancel of cancels) cancel();
      replica.stop();
      keyring.stop();
      if (goodbye) await gossip.leave();
      else gossip.stop();
    },
  };
}

function openKeyring({ clock, random, rows, identity }: SessionNeeds, peers: Peers, peersUp: () => string[]): Keyring {
  return createKeyring({
    clock,
    random,
    rows,
    fetch: async (box, { epoch, check }) => {
      const { key } = (await peers.ask(box, "key", { epoch, check })) as { key?: string };
      return key ? new Uint8Array(Buffer.from(key, "base64url")) : undefined;
    },
    holders: (author) => [author, ...peersUp().filter((box) => box !== author)].filter((box) => box !== identity.boxId),
  });
}

function openGossip(needs: SessionNeeds, keyring: Keyring, hooks: Pick<GossipNeeds, "admit" | "onMember">): Gossip {
  const { clock, random, identity, advertise, profile, tags, send, dial } = needs;
  const sealing = createSealing(keyring.keys, random);
  const log = needs.log.area("gossip");
  const name = identity.boxId;
  return createGossip({ clock, log, random, name, advertise, profile, tags, sealing, send, dial, ...hooks });
}
