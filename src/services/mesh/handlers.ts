/**
 * The endpoints of the mesh service.
 */
import { isoTime } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { Handlers } from "../../kernel/contract.ts";
import { hostPort } from "../../platform/addresses.ts";
import { toBase64url } from "../../protocols/records/base64url.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import { POLICY_HISTORY_MAX } from "../../protocols/records/constants.ts";
import { readInvitation, welcomeBytes } from "../../protocols/records/membership-facts.ts";
import type { System } from "../../system.ts";
import { renderSVG } from "uqr";
import type { BoxView, CommunityView, MeshClient } from "./client.ts";
import { communityBytes, writeCode } from "./code.ts";
import type { Community } from "./community.ts";
import type { meshContract } from "./contract.ts";
import { meshErrors } from "./contract.ts";
import { gossipHandlers } from "./gossip-handlers.ts";
import type { GossipHandlersNeeds } from "./gossip-handlers.ts";
import { invitationKey } from "./invitations.ts";
import { changeKey } from "./key-change.ts";
import { readRequestBody } from "./kinds.ts";
import type { Session } from "./session.ts";
import type { MeshStore } from "./store.ts";

const HOUR_MS = 3_600_000;
const SEED_BYTES = 16;
/** Own invitations that can be open at one time; the record core bounds them, too. */
export const INVITATIONS_OPEN_MAX = 48;
/** Past invitations of our own are cleared away when there are more. */
const { fail } = meshErrors;

export interface HandlersNeeds {
  system: System;
  rows: MeshStore;
  client: MeshClient;
  community: Community;
  boxes: () => BoxView[];
  session: () => Session | undefined;
  /** Boxes that the lan service heard. */
  nearby: () => NearbyBox[];
  gossip: Pick<GossipHandlersNeeds, "log" | "broadcasting" | "settings">;
}

export interface NearbyBox {
  box: string;
  community: string;
  communityId: string;
  address: string;
  url: string;
  code: string;
}

export function meshHandlers(needs: HandlersNeeds): Handlers<typeof meshContract.endpoints> {
  const { system, community } = needs;
  const { clock, identity } = system;

  const opened = (): Session => {
    const session = needs.session();
    if (!session) throw fail("no-community");
    return session;
  };
  const asSteward = (): Session => {
    const session = opened();
    if (!session.admission.view()!.stewards.has(identity.boxId)) throw fail("not-steward");
    return session;
  };
  const find = (ref: string): BoxView => findBox(needs.boxes(), ref);
  const shown = (box: BoxView) => boxView(box, serviceCount(needs, box.id));
  const again = (id: string) => shown(needs.boxes().find((box) => box.id === id) ?? find(id));

  const founded = () => {
    const view = community.view()!;
    return { atMs: view.foundedMs, by: opened().admission.view()!.founder };
  };
  return {
    ...gossipHandlers({ ...needs.gossip, system, session: needs.session, asSteward, founded }),
    boxes({ all }) {
      const list = needs.boxes().filter((box) => all || box.state !== "excluded");
      return list.map(shown);
    },
    box: ({ id }) => shown(find(id)),
    exclude({ id, reason }) {
      const session = asSteward();
      const box = find(id);
      if (box.self) throw fail("founder-stays", { params: { box: box.name } });
      if (session.admission.view()!.founder === box.id) throw fail("founder-stays", { params: { box: box.name } });
      // Again would change the key again, for nothing.
      if (box.state === "excluded") throw fail("already-excluded", { params: { box: box.name } });
      const lastSeq = Math.max(0, ...session.replica.core.ofAuthor(box.id).map((record) => record.seq));
      // The name goes along, since the box's own records go.
      const { name, owner } = box;
      session.replica.put("exclude", box.id, { reason, lastSeq, atMs: clock.wallMs(), name, owner });
      // Also while a change is running, when one by hand must wait: an exclusion is never held up.
      changeKey(session, identity.boxId, clock.wallMs(), box.id);
      system.log.info("a box was excluded", { box: box.id });
      return again(box.id);
    },
    pardon({ id }) {
      const session = asSteward();
      const box = find(id);
      session.replica.remove("exclude", box.id);
      session.evidence.forget(box.id);
      return again(box.id);
    },
    admit({ id }) {
      const session = asSteward();
      const box = find(id);
      const request = session.replica.core.list("request").find((one) => one.key === box.id);
      const asked = request && readRequestBody(request.body);
      if (!asked) throw fail("box-unknown", { params: { box: id } });
      const atMs = clock.wallMs();
      const sig = toBase64url(identity.sign(welcomeBytes(session.community, asked.box, atMs, "steward")));
      session.replica.put("admit", asked.box, { box: asked.box, key: asked.key, atMs, sig });
      return again(box.id);
    },
    appointSteward({ id, steward }) {
      const session = asSteward();
      const box = find(id);
      if (box.state === "pending" || box.state === "excluded") throw fail("box-unknown", { params: { box: id } });
      if (session.admission.view()!.founder === box.id && !steward)
        throw fail("founder-stays", { params: { box: box.name } });
      const held = session.replica.core.get(identity.boxId, "steward", box.id)?.body as { atMs?: number } | undefined;
      const atMs = held?.atMs ?? clock.wallMs();
      session.replica.put("steward", box.id, steward ? { atMs } : { atMs, endedMs: clock.wallMs() });
      return again(box.id);
    },
    evidence() {
      const names = new Map(needs.boxes().map((box) => [box.id, box.name]));
      return asSteward()
        .evidence.list()
        .map(({ box, atMs, records }) => ({
          ...{ box, name: names.get(box) ?? box.slice(0, 8), number: records[0]!.seq, seenAt: isoTime(atMs) },
          records: records.map((record) => ({ ...record })),
        }));
    },
    community() {
      const view = community.view();
      return view && communityShape(needs, view);
    },
    found: async ({ name }) => communityShape(needs, await community.found(name)),
    join: async ({ code }) => communityShape(needs, await community.join(code)),
    async leave() {
      await community.leave();
      return {};
    },
    setPolicy(input) {
      const session = asSteward();
      setPolicy(session, input, clock.wallMs(), community.view()!);
      return community.view()!.policy;
    },
    invite: (input) => invite(needs, opened(), input),
    invitations: () => listInvitations(needs, opened()),
    revokeInvitation({ id }) {
      const session = opened();
      const record = session.replica.core.get(identity.boxId, "invitation", id);
      const body = record && readInvitation(record.body);
      if (!body) throw fail("invitation-unknown");
      session.replica.put("invitation", id, { ...body, revokedMs: clock.wallMs() } as unknown as Json);
      return {};
    },
    nearby: () => (community.view() ? [] : needs.nearby()),
  };
}

/** By id, by a beginning of it that only one has, or by name. Throws `box-unknown`. */
function findBox(boxes: BoxView[], ref: string): BoxView {
  const exact = boxes.find((box) => box.id === ref);
  const begins = ref.length >= 4 ? boxes.filter((box) => box.id.startsWith(ref)) : [];
  const named = boxes.filter((box) => box.name.toLowerCase() === ref.toLowerCase());
  if (!exact && begins.length !== 1 && named.length > 1) throw fail("box-ambiguous", { params: { box: ref } });
  const found = exact ?? (begins.length === 1 ? begins[0] : undefined) ?? (named.length === 1 ? named[0] : undefined);
  if (!found) throw fail("box-unknown", { params: { box: ref } });
  return found;
}

function serviceCount({ client }: HandlersNeeds, box: string): number {
  return client.records("service").filter((record) => record.author === box).length;
}

function boxView(box: BoxView, services: number) {
  const time = (ms: number | null) => (ms === null ? null : isoTime(ms));
  return {
    id: box.id,
    name: box.name,
    owner: box.owner,
    zone: box.zone,
    state: box.state,
    self: box.self,
    steward: box.steward,
    address: box.address === null || box.meshPort === null ? null : hostPort(box.address, box.meshPort),
    version: box.version,
    rttMs: box.rttMs,
    seenAt: time(box.seenMs),
    since: time(box.sinceMs),
    startedAt: time(box.startedMs),
    services,
    health: box.health,
  };
}

function communityShape({ boxes, client }: HandlersNeeds, view: CommunityView) {
  const members = boxes().filter((box) => box.state !== "pending" && box.state !== "excluded");
  const distinct = (values: string[]) => new Set(values.filter((value) => value !== "")).size;
  return {
    id: view.id,
    name: view.name,
    policy: view.policy,
    foundedAt: isoTime(view.foundedMs),
    steward: view.steward,
    figures: {
      boxes: members.length,
      boxesUp: members.filter((box) => box.state === "up" || box.state === "suspect").length,
      owners: distinct(members.map((box) => box.owner)),
      zones: distinct(members.map((box) => box.zone)),
      services: client.records("service").length,
    },
  };
}

interface PolicyInput {
  admission?: "open" | "invitation" | "approval";
  inviters?: "members" | "stewards";
  accent?: string;
  about?: string;
}

function setPolicy(session: Session, input: PolicyInput, nowMs: number, view: CommunityView): void {
  const policy = view.policy;
  if (input.admission !== undefined || input.inviters !== undefined) {
    // The first term is the founder's and stands in the community's first record.
    const [founding, ...terms] = session.admission.view()!.terms;
    const next = { admission: input.admission ?? policy.admission, inviters: input.inviters ?? policy.inviters };
    const fromMs = Math.max(nowMs, (terms.at(-1) ?? founding!).fromMs + 1);
    session.replica.put("policy", "self", {
      terms: [...terms, { fromMs, ...next }].slice(-POLICY_HISTORY_MAX),
    } as unknown as Json);
  }
  if (input.accent !== undefined || input.about !== undefined) {
    const next = { accent: input.accent ?? policy.accent, about: input.about ?? policy.about };
    session.replica.put("about", "self", { ...next, atMs: nowMs });
  }
}

interface InviteInput {
  uses: number;
  hours: number;
  zone: string;
  note: string;
}

function invite({ system, rows }: HandlersNeeds, session: Session, input: InviteInput) {
  const view = session.admission.view()!;
  const { boxId } = system.identity;
  if (view.policy.inviters === "stewards" && !view.stewards.has(boxId)) throw fail("not-inviter");
  if (!view.members.has(boxId)) throw fail("excluded");
  const nowMs = system.clock.wallMs();
  tidyInvitations(session, boxId, nowMs);
  const { seed, key } = newInvitation(system.random);
  const expiresMs = Math.ceil(nowMs + input.hours * HOUR_MS);
  const { uses, note } = input;
  // A neighbour brings a neighbour: without a wish, the newcomer begins in the zone of who invites.
  const zone = input.zone || String(system.config.values()["box"]!["zone"]);
  session.replica.put("invitation", key.id, { expiresMs, uses, ...(zone ? { zone } : {}), ...(note ? { note } : {}) });
  const others = rows.addresses().filter((one) => session.isMember(one.box) && one.box !== boxId);
  const addresses = [session.advertise, ...others.map(({ address, port }) => ({ address, port }))];
  const code = writeCode({ community: communityBytes(session.community), invitation: { seed, expiresMs }, addresses });
  return { id: key.id, code, expiresAt: isoTime(expiresMs), uses, qrSvg: renderSVG(code.toUpperCase(), { border: 2 }) };
}

/** An id that begins with a dash would be taken for a flag on the command line; one in 64 does. */
function newInvitation(random: Random) {
  for (;;) {
    const seed = random.bytes(SEED_BYTES);
    const key = invitationKey(seed);
    if (!key.id.startsWith("-")) return { seed, key };
  }
}

/** Own invitations that cannot be used any more make room, oldest first, when there are too many. */
function tidyInvitations(session: Session, boxId: string, nowMs: number): void {
  const own = session.replica.core.ofAuthor(boxId).filter((record) => record.kind === "invitation");
  if (own.length < INVITATIONS_OPEN_MAX) return;
  const past = own.filter((record) => (readInvitation(record.body)?.expiresMs ?? 0) <= nowMs);
  const oldest = past.sort((a, b) => a.timeMs - b.timeMs)[0];
  if (!oldest) throw fail("invitations-full", { params: { limit: INVITATIONS_OPEN_MAX } });
  session.replica.remove("invitation", oldest.key);
}

function listInvitations({ boxes, system }: HandlersNeeds, session: Session) {
  const views = session.admission.view()!.invitations;
  const names = new Map(boxes().map((box) => [box.id, box.name]));
  const nowMs = system.clock.wallMs();
  const list = session.replica.core.list("invitation").toSorted((a, b) => b.timeMs - a.timeMs);
  return list.flatMap((record) => {
    const view = views.get(`${record.author} ${record.key}`);
    const body = readInvitation(record.body);
    if (!view || !body) return [];
    const state = view.state === "open" && view.expiresMs <= nowMs ? ("expired" as const) : view.state;
    return [
      {
        id: record.key,
        note: body.note ?? "",
        by: names.get(record.author) ?? record.author.slice(0, 8),
        uses: body.uses,
        used: view.used,
        zone: body.zone ?? "",
        state: state === "used-up" ? ("used" as const) : state,
        createdAt: isoTime(record.timeMs),
        expiresAt: isoTime(body.expiresMs),
      },
    ];
  });
}
