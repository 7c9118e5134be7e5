/**
 * Many neighbours of one box, to see how it does in a large community: each with a key, a port, links and gossip of
 * its own, let in by the box through its real join endpoint, with services in records that each signs itself. What a
 * page needs of a neighbour is real; only its own memory and disk are saved: all of them in this process answer from
 * one copy of the records, as boxes do that have reconciled.
 */
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import type { Identity } from "../../src/platform/identity.ts";
import type { LinkAnswer, LinkRequest } from "../../src/platform/link-messages.ts";
import { createLinks } from "../../src/platform/links.ts";
import type { Links } from "../../src/platform/links.ts";
import { Admission } from "../../src/protocols/records/admission.ts";
import type { Json } from "../../src/protocols/records/canonical-json.ts";
import { RECORDS_PER_MESSAGE_MAX } from "../../src/protocols/records/constants.ts";
import { admissionKinds } from "../../src/protocols/records/membership-facts.ts";
import type { SignedRecord } from "../../src/protocols/records/record.ts";
import { createRecords } from "../../src/protocols/records/records.ts";
import type { Records, RecordsEvent } from "../../src/protocols/records/records.ts";
import {
  SERVICE_BODY_BYTES_MAX,
  SERVICE_KIND,
  SERVICES_PER_BOX_MAX,
  readBody,
} from "../../src/services/discovery/body.ts";
import type { ServiceBody } from "../../src/services/discovery/body.ts";
import { readCode } from "../../src/services/mesh/code.ts";
import { recordCrypto } from "../../src/services/mesh/crypto.ts";
import { createGossip } from "../../src/services/mesh/gossip.ts";
import type { Gossip } from "../../src/services/mesh/gossip.ts";
import { joinCommunity } from "../../src/services/mesh/joining.ts";
import type { Joined } from "../../src/services/mesh/joining.ts";
import { meshKinds } from "../../src/services/mesh/kinds.ts";
import type { BoxBody } from "../../src/services/mesh/kinds.ts";
import { createMeshPort } from "../../src/services/mesh/mesh-port.ts";
import type { MeshPort } from "../../src/services/mesh/mesh-port.ts";
import { createPeers } from "../../src/services/mesh/peers.ts";
import { createSealing } from "../../src/services/mesh/sealing.ts";
import type { Session } from "../../src/services/mesh/session.ts";
import type { Owner } from "./process.ts";

const ADDRESS = "127.0.0.1";
const MESH_PATH = "/mesh/1/";
/** All come from one address, of which a box takes 64 connections: a link each, and these streams. */
const GOSSIP_AT_ONCE = 5;
const RETENTION_MS = 30 * 86_400_000;
const KINDS = [
  ...admissionKinds,
  ...meshKinds,
  {
    kind: SERVICE_KIND,
    retentionMs: RETENTION_MS,
    bodyMaxBytes: SERVICE_BODY_BYTES_MAX,
    livePerAuthorMax: SERVICES_PER_BOX_MAX,
    validate: (body: Json) => readBody(body) !== null,
  },
];

export interface NeighboursPlan {
  /** An invitation for at least so many boxes. */
  code: string;
  count: number;
  /** What a neighbour offers, at most `SERVICES_PER_BOX_MAX`. */
  services: (neighbour: number) => ServiceBody[];
  describe: (neighbour: number) => { name: string; owner: string; zone: string };
  owner: Owner;
}

interface Neighbour {
  identity: Identity;
  links: Links;
  port: MeshPort;
  gossip?: Gossip;
  joined?: Joined;
}

const clock = systemClock();
const random = systemRandom();
const log = createLog({ clock, level: "error", write: (line) => void process.stderr.write(`${line}\n`) });

/** Resolves when all of them are in and gossip with the box; it learns their services on its own. */
export async function startNeighbours(plan: NeighboursPlan): Promise<void> {
  const neighbours: Neighbour[] = [];
  let shared: Replica | undefined;
  plan.owner.after(async () => {
    for (const { gossip } of neighbours) gossip?.stop();
    await Promise.all(neighbours.flatMap(({ links, port }) => [links.close(), port.close()]));
  });
  for (let index = 0; index < plan.count; index += 1) {
    const neighbour = await open(() => shared);
    neighbours.push(neighbour);
    neighbour.joined = await join(neighbour, plan, index);
    const records = ownRecords(neighbour, plan, index);
    shared ??= new Replica(neighbour.identity, neighbour.joined);
    shared.take([...neighbour.joined.rows.map(({ record }) => record), ...records]);
  }
  for (let at = 0; at < neighbours.length; at += GOSSIP_AT_ONCE) {
    const some = neighbours.slice(at, at + GOSSIP_AT_ONCE);
    await Promise.all(some.map(async (one, index) => gossipWith(one, plan, at + index)));
  }
}

/** The one copy of the records, with the rules by which every box takes them. */
class Replica {
  readonly core: Records;
  private readonly admission: Admission;

  constructor(identity: Identity, joined: Joined) {
    ({ core: this.core, admission: this.admission } = coreOf(identity, joined));
  }

  step(event: RecordsEvent): object {
    let answer = {};
    for (const effect of this.core.step(clock.wallMs(), event)) {
      if (effect.type === "changed") this.admission.apply(effect.changes);
      if (effect.type === "recheckSoon") this.step({ type: "recheck" });
      if (effect.type === "syncAnswer") answer = effect.answer;
    }
    return answer;
  }

  take(records: readonly SignedRecord[]): void {
    for (let at = 0; at < records.length; at += RECORDS_PER_MESSAGE_MAX) {
      const some = records.slice(at, at + RECORDS_PER_MESSAGE_MAX);
      this.step({ type: "received", records: some, from: "", via: "sync" });
      this.step({ type: "recheck" });
    }
  }
}

function coreOf(identity: Identity, joined: Joined): { core: Records; admission: Admission } {
  const { community, genesis, rows, ownSeq } = joined;
  const admission = new Admission({ community }, recordCrypto);
  const core = createRecords(
    { community, self: identity.boxId, selfKey: identity.publicKey, kinds: KINDS, adoptFirst: false },
    {
      ...recordCrypto,
      sign: identity.sign,
      publicKeyOf: (author, record) => admission.publicKeyOf(author, record),
      mayWrite: (author, record) => admission.mayWrite(author, record),
    },
  );
  const records = rows.map(({ record }) => record);
  admission.load([genesis, ...records]);
  core.load(records, ownSeq);
  return { core, admission };
}

async function open(shared: () => Replica | undefined): Promise<Neighbour> {
  const identity = newIdentity();
  const handler = async (request: LinkRequest): Promise<LinkAnswer> => {
    const body = answer(shared(), request);
    return { status: 200, body: Buffer.from(JSON.stringify({ nowMs: clock.wallMs(), body })) };
  };
  const links = createLinks({ identity, clock, log, handler, authorize: () => true });
  const neighbour: Neighbour = {
    identity,
    links,
    // The port needs of a session only its gossip.
    port: createMeshPort({
      clock,
      log,
      links,
      session: () => (neighbour.gossip ? (neighbour as unknown as Session) : undefined),
    }),
  };
  await neighbour.port.listen(0, ADDRESS);
  return neighbour;
}

/** What other boxes ask of a member. */
function answer(shared: Replica | undefined, { path, body, peer }: LinkRequest): object {
  if (!shared || !path.startsWith(MESH_PATH)) return {};
  const asked: unknown = JSON.parse(new TextDecoder().decode(body));
  if (path === `${MESH_PATH}sync`) return shared.step({ type: "syncRequest", request: asked, from: peer });
  const { records } = asked as { records?: SignedRecord[] };
  if (path === `${MESH_PATH}push` && Array.isArray(records)) shared.take(records);
  return {};
}

async function join({ links, identity }: Neighbour, plan: NeighboursPlan, index: number): Promise<Joined> {
  const peers = createPeers({ links, clock, mayAsk: () => false, addressOf: () => undefined });
  const self = plan.describe(index);
  return joinCommunity({ clock, identity, peers, code: readCode(plan.code), self, ownSeq: 0 });
}

/** What the neighbour says of itself and offers, each record with its signature. */
function ownRecords({ identity, joined, port }: Neighbour, plan: NeighboursPlan, index: number): SignedRecord[] {
  const { core } = coreOf(identity, joined!);
  const box: BoxBody = {
    ...plan.describe(index),
    version: "0.1.0",
    address: ADDRESS,
    meshPort: port.number(),
    webPort: 0,
    startedMs: clock.wallMs(),
  };
  const events: RecordsEvent[] = [{ type: "put", kind: "box", key: "self", body: box as unknown as Json }];
  for (const [at, body] of plan.services(index).entries()) {
    events.push({ type: "put", kind: SERVICE_KIND, key: `s${at}`, body: body as unknown as Json });
  }
  const effects = events.flatMap((event) => core.step(clock.wallMs(), event));
  const refused = effects.find((effect) => effect.type === "putRefused");
  if (refused) throw new Error(`a neighbour's own record was refused: ${JSON.stringify(refused)}`);
  return effects.flatMap((effect) => (effect.type === "store" ? effect.put.map(({ record }) => record) : []));
}

async function gossipWith(neighbour: Neighbour, plan: NeighboursPlan, index: number): Promise<void> {
  const { identity, joined, port } = neighbour;
  const keys = joined!.keys.toSorted((a, b) => b.epoch - a.epoch).map(({ key }) => key);
  neighbour.gossip = createGossip({
    clock,
    log,
    random,
    name: identity.boxId,
    advertise: { address: ADDRESS, port: port.number() },
    profile: "lan",
    tags: { role: "comu", n: plan.describe(index).name, l: "10", h: "o" },
    sealing: createSealing(() => keys, random),
    send: port.send,
    dial: port.dial,
    admit: () => true,
    onMember: () => undefined,
  });
  const answered = await neighbour.gossip.join(readCode(plan.code).addresses.slice(0, 1));
  if (answered === 0) throw new Error(`the box does not gossip with neighbour ${index}`);
}
