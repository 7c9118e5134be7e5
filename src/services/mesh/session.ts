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
import type { Member, MemberChange } from "../../protocols/membership/types.ts";
import { createAgents, isAgentName } from "./agents.ts";
import type { Agents } from "./agents.ts";
import { createEvidence } from "./evidence.ts";
import type { EvidenceRoom } from "./evidence.ts";
import { createExclusions } from "./exclusions.ts";
import { addressOf, boxesKnown, boxesSeen, boxesUp, guidesOf, lookForOthers } from "./finding.ts";
import { createGossip } from "./gossip.ts";
import type { Gossip, GossipNeeds, GossipNews } from "./gossip.ts";
import { createKeyring } from "./keyring.ts";
import type { Keyring, ListedKey } from "./keyring.ts";
import { readKeyBody } from "./kinds.ts";
import { createPeers } from "./peers.ts";
import type { Peers } from "./peers.ts";
import { profiles } from "../../protocols/membership/constants.ts";
import { createReplica } from "./replica.ts";
import type { Replica } from "./replica.ts";
import { createSealing } from "./sealing.ts";
import { loadRecords } from "./session-records.ts";
import type { MeshStore } from "./store.ts";
import type { WorkShare } from "./work-share.ts";

/** Boxes that do not answer are tried again at their known addresses this often. */
const LOOK_FOR_OTHERS_MS = { lan: 10_000, mesh: 30_000, test: 500 } as const;
const LOOK_AGAIN_MS = [1_000, 3_000, 6_000] as const;
const LOOK_WITH_KEY_MS = 100;
const SYNC_INTERVAL_MS = { lan: 30_000, mesh: 60_000, test: 1_000 } as const;
/** A start waits no longer than this for somebody who knows this box's own records. */
const LEARN_NUMBERS_MS = { lan: 1_000, mesh: 3_000, test: 1_000 } as const;
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
  tags: (keyring: Keyring) => Record<string, string>;
  /** May members that are no boxes be in the gossip? Asked each time. */
  agentsAllowed: () => boolean;
  send: GossipNeeds["send"];
  dial: GossipNeeds["dial"];
  /** Records of these kinds changed. */
  onRecords: (kinds: Set<string>) => void;
  onBoxes: () => void;
  /** For the log of the mesh, and for who waits for an answer. */
  onMember: (change: MemberChange, member: Member) => void;
  onNews: (news: GossipNews) => void;
  onKey: (key: ListedKey) => void;
  onAdmission: () => void;
  share: WorkShare;
  /** See `LoadNeeds.adoptFirst`; then `learnNumbers` follows `start`. */
  adoptFirst?: boolean;
}

export interface Session {
  community: string;
  admission: Admission;
  replica: Replica;
  gossip: Gossip;
  keyring: Keyring;
  agents: Agents;
  evidence: EvidenceRoom;
  peers: Peers;
  advertise: { address: string; port: number };
  /** A box that is suspected for longer than this is shown as away; it may still refute. */
  suspectShownMs: number;
  isMember(box: string): boolean;
  isExcluded(box: string): boolean;
  /** Boxes that answer, this one included: members of the gossip without the agents. */
  boxesHere(): number;
  start(): void;
  /** Asks others which records of this box they know, before it writes any. Ends soon, also when nobody answers. */
  learnNumbers(): Promise<void>;
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
  const named = JSON.parse(rows.fact("guides") ?? "[]") as string[];
  const guides = () => guidesOf(admission.view(), named);
  const mayAsk = (box: string) => isMember(box) || guides().includes(box);
  const at = (box: string) => addressOf(box, gossip, core, rows);
  const onExclusion = (record: unknown, from: string) =>
    void replica.step({ type: "received", records: [record], from, via: "sync" });
  const peers = createPeers({ links: needs.links, clock, mayAsk, addressOf: at, onExclusion });
  const replica = createReplica({
    ...{ clock, rows, core, random: needs.random, log: needs.log.area("records"), self: identity.boxId },
    syncIntervalMs: SYNC_INTERVAL_MS[needs.profile],
    peersUp: () => peersToAsk(),
    ask: (box, path, body) => peers.ask(box, path, body),
    busy: needs.share.own,
    onChanged: (changes) => recordsChanged(changes),
    onEquivocation: (author, records) => evidence.note(author, records),
  });
  const evidence = openEvidence(needs, admission, peers);
  const onKey = (key: ListedKey) => {
    needs.onKey(key);
    // Who was away and could hear nobody can now.
    clock.after(LOOK_WITH_KEY_MS, () => running && boxesHere() === 1 && look());
  };
  const keyring = openKeyring({ ...needs, onKey }, peers, () => peersToAsk());
  const agents = createAgents(needs.agentsAllowed);
  const gossip = openGossip(needs, keyring, {
    admit: (name) => (isAgentName(name) ? agents.admit(name) : !isExcluded(name)),
    onMember: (change, member) => memberChanged(change, member),
  });
  const boxesHere = () => gossip.core.aliveCount() - agents.count();

  const peersUp = () => boxesUp(gossip, identity.boxId).filter(mayAsk);
  /**
   * A box that was away while the community changed its key hears no gossip. It asks members at the addresses that it
   * remembers: links need no key of the community.
   */
  const peersToAsk = () => {
    const up = peersUp();
    if (up.length > 0) return up;
    const all = [...(admission.view()?.members.keys() ?? []), ...guides()];
    return boxesKnown(all, needs.random, identity.boxId, at);
  };

  const memberChanged = (change: MemberChange, member: Member) => {
    agents.changed(change, member.name);
    needs.onMember(change, member);
    // An agent is nobody's business but the log's: it has no address to be remembered, and no records.
    if (member.name === identity.boxId || isAgentName(member.name)) return;
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

  /** Later, since the records core is in the middle of a step; and after whatever else waits for its turn. */
  let settling = false;
  const settleSoon = () => {
    if (settling) return;
    settling = true;
    clock.after(0, () => {
      settling = false;
      if (!running) return;
      exclusions.apply();
      needs.onAdmission();
      replica.step({ type: "recheck" });
    });
  };

  const recordsChanged = (changes: readonly Change[]) => {
    admission.apply(changes);
    const kinds = new Set(changes.map((change) => change.kind));
    const admissionChanged = admissionKinds.some((spec) => kinds.has(spec.kind));
    if (admissionChanged) settleSoon();
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
    const isAlone = boxesHere() === 1;
    lookForOthers({ selfId: identity.boxId, random: needs.random, rows, gossip: () => gossip, isExcluded, isAlone });
    if (isAlone) replica.syncSoon();
    lookAtKeys();
  };

  return {
    ...{ community: needs.community, advertise: needs.advertise, admission, replica, gossip, keyring, agents },
    ...{ evidence, peers, suspectShownMs, isMember, isExcluded, boxesHere },
    start() {
      running = true;
      exclusions.begin();
      replica.start();
      look();
      // Soon again: after a power cut all boxes start at one time, and the first look finds nobody.
      for (const delayMs of LOOK_AGAIN_MS) cancels.push(clock.after(delayMs, look));
      cancels.push(clock.every(LOOK_FOR_OTHERS_MS[needs.profile], look));
    },
    async learnNumbers() {
      await replica.adopt(boxesSeen(mayAsk, rows, identity.boxId), LEARN_NUMBERS_MS[needs.profile]);
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

function openKeyring(needs: SessionNeeds, peers: Peers, peersUp: () => string[]): Keyring {
  const { clock, random, rows, identity, onKey } = needs;
  return createKeyring({
    clock,
    random,
    rows,
    onKey,
    fetch: async (box, { epoch, check }) => {
      const { key } = (await peers.ask(box, "key", { epoch, check })) as { key?: string };
      return key ? new Uint8Array(Buffer.from(key, "base64url")) : undefined;
    },
    holders: (author) => [author, ...peersUp().filter((box) => box !== author)].filter((box) => box !== identity.boxId),
  });
}

function openEvidence({ clock, rows, log, identity }: SessionNeeds, admission: Admission, peers: Peers): EvidenceRoom {
  const stewards = () => admission.view()?.stewards ?? [];
  return createEvidence({ clock, rows, log, selfId: identity.boxId, stewards, ask: peers.ask });
}

function openGossip(needs: SessionNeeds, keyring: Keyring, hooks: Pick<GossipNeeds, "admit" | "onMember">): Gossip {
  const { clock, random, identity, advertise, profile, send, dial, onNews } = needs;
  const tags = needs.tags(keyring);
  const sealing = createSealing(keyring.keys, random);
  const log = needs.log.area("gossip");
  const name = identity.boxId;
  const own = { name, advertise, profile, tags };
  return createGossip({ clock, log, random, sealing, send, dial, onNews, ...own, ...hooks });
}
