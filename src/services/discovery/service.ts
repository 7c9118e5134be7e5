/**
 * The discovery service: what every box of the community offers, what this one offers, and how good each is from here.
 */
import type { Handlers, Metric, Service, Warning } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import type { Events } from "../../kernel/events.ts";
import type { Random } from "../../kernel/random.ts";
import { throttle } from "../../kernel/throttle.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import { createResolver } from "../../platform/resolve.ts";
import type { Store } from "../../platform/store.ts";
import type { CommunityView, MeshClient } from "../mesh/client.ts";
import { readBody, SERVICE_BODY_BYTES_MAX, SERVICE_KIND, SERVICES_PER_BOX_MAX } from "./body.ts";
import { createCatalogue } from "./catalogue.ts";
import type { Catalogue } from "./catalogue.ts";
import { checkService, measureService } from "./check.ts";
import type { Measured } from "./check.ts";
import type { DiscoveryClient, ServiceView } from "./client.ts";
import { discoveryContract, discoveryErrors, discoverySettings, publishInput } from "./contract.ts";
import { typeFacts } from "./kinds.ts";
import { createMeasure } from "./measure.ts";
import type { Measure } from "./measure.ts";
import { createOwnServices } from "./own.ts";
import type { CheckResult, OwnServices } from "./own.ts";
import { bodyOf, changeOwn, ownKeyOf, publishNew } from "./publishing.ts";
import { reportOf } from "./report.ts";
import { NEAR_MS } from "./schedule.ts";
import type { Candidate } from "./schedule.ts";
import { discoveryStore } from "./store.ts";
import type { DiscoveryStore, OwnService } from "./store.ts";
import { matches, serviceId } from "./view.ts";

/** A record of a box that nobody has seen for so long is forgotten. */
const RETENTION_MS = 30 * 86_400_000;
/** Pages hear of changes at most this often. */
const CHANGED_PAUSE_MS = 200;
const GROWTH_INTERVAL_MS = 3_600_000;
const GROWTH_DAYS = 90;

export interface DiscoveryNeeds {
  clock: Clock;
  random: Random;
  store: Store;
  config: Config;
  events: Events;
  mesh: MeshClient;
}

const { fail } = discoveryErrors;

export function discovery(
  needs: DiscoveryNeeds,
): Service<typeof discoveryContract.endpoints> & { client: DiscoveryClient } {
  const { clock, mesh } = needs;
  const rows = discoveryStore(needs.store);
  const settings = () => needs.config.section("discovery", discoverySettings);
  const tell = throttle(clock, CHANGED_PAUSE_MS, () => needs.events.emit("discovery.changed", "guest"));
  const changed = () => {
    catalogue.touch();
    tell();
  };
  mesh.registerKind({
    kind: SERVICE_KIND,
    retentionMs: RETENTION_MS,
    bodyMaxBytes: SERVICE_BODY_BYTES_MAX,
    livePerAuthorMax: SERVICES_PER_BOX_MAX,
    validate: (body) => readBody(body) !== null,
  });
  const selfHost = () => mesh.box(mesh.selfId)?.address ?? "127.0.0.1";
  /** What the host's check finds out is a measurement, too. */
  const check = async ({ key, body, check: kind }: OwnService): Promise<CheckResult> => {
    const { result, measured } = await checkService(clock, body, kind, selfHost());
    measure.note(serviceId(mesh.selfId, key), measured);
    return result;
  };
  const own = createOwnServices({
    clock,
    mesh,
    rows,
    settings,
    changed,
    check,
  });
  const measure = createMeasure({
    clock,
    random: needs.random,
    rows,
    touched: () => catalogue.touch(),
    changed,
    intervalMs: () => settings().measureIntervalS * 1000,
    boxes: () => catalogue.figures().boxes,
    candidates: () => candidatesOf(catalogue.all(), mesh.box(mesh.selfId)?.zone ?? ""),
    probe: measuring(needs, () => catalogue),
  });
  const catalogue = createCatalogue({ clock, mesh, own: own.all, measured: measure.of });
  const parts: Parts = { needs, rows, own, measure, catalogue, publicPage: () => settings().publicPage };

  const noteGrowth = () => {
    if (!mesh.community()) return;
    const { boxes, services } = catalogue.figures();
    ifRoom(() => rows.noteGrowth(isoTime(clock.wallMs()).slice(0, 10), boxes, services));
  };
  let cancelGrowth = () => {};
  return {
    contract: discoveryContract,
    handlers: handlersOf(parts),
    client: clientOf(parts, selfHost),
    async start() {
      mesh.onRecords(SERVICE_KIND, changed);
      mesh.onBoxes(changed);
      needs.config.listen({
        commit() {
          own.reschedule();
          measure.reschedule();
        },
      });
      own.start();
      measure.start();
      cancelGrowth = clock.every(GROWTH_INTERVAL_MS, noteGrowth);
      noteGrowth();
    },
    async stop() {
      own.stop();
      measure.stop();
      cancelGrowth();
    },
    health: () => warningsOf(own),
    metrics: () => metricsOf(catalogue, measure),
  };
}

/** Others' services whose box is there, and of a kind that can be asked. */
function candidatesOf(services: readonly ServiceView[], zone: string): Candidate[] {
  const some = services.filter((one) => !one.own && one.state === "up" && one.host !== "");
  return some
    .filter((one) => typeFacts(one.type).check !== "none")
    .map(({ id, host, boxId, open, quality, ...one }) => ({
      id,
      host,
      boxId,
      open,
      near: (zone !== "" && one.zone === zone) || (quality.rttMs ?? Infinity) <= NEAR_MS,
    }));
}

/** Measures the service of this id as it is now; one that is gone is not measured. */
function measuring({ clock, mesh }: DiscoveryNeeds, catalogue: () => Catalogue): (id: string) => Promise<Measured> {
  const resolver = createResolver({ clock });
  return async (id) => {
    const service = catalogue().get(id);
    if (!service) return "later";
    const box = mesh.box(service.boxId);
    // What its record says counts only where it answers gossip, too.
    const isSure = box?.address != null && box.address === box.answersAt;
    const where = { box: isSure ? box.address : null, self: mesh.box(mesh.selfId)?.address ?? null };
    return measureService(service, { clock, resolver, where });
  };
}

interface Parts {
  needs: DiscoveryNeeds;
  rows: DiscoveryStore;
  own: OwnServices;
  measure: Measure;
  catalogue: Catalogue;
  /** May strangers see the public page? */
  publicPage: () => boolean;
}

function handlersOf(parts: Parts): Handlers<typeof discoveryContract.endpoints> {
  const { own, measure, catalogue, needs } = parts;
  const { selfId } = needs.mesh;
  const keyOf = (id: string) => ownKeyOf(own, catalogue, selfId, id);
  const viewOfKey = (key: string) => catalogue.find(serviceId(selfId, key));
  return {
    list: (input) => (input.all ? catalogue.all() : catalogue.shown()).filter((service) => matches(service, input)),
    show({ id }) {
      const found = catalogue.find(id);
      measure.looked(id);
      return found;
    },
    quality({ id }) {
      const found = catalogue.find(id);
      measure.looked(id);
      return reportOf(found, needs.mesh.box(found.boxId)!, measure, needs.clock.wallMs());
    },
    publish(input) {
      needs.mesh.checkClock();
      return viewOfKey(publishNew(own, needs.random, selfId, input, needs.clock.wallMs()));
    },
    change({ id, ...patch }) {
      const key = keyOf(id);
      changeOwn(own, key, patch);
      return viewOfKey(key);
    },
    withdraw: ({ id }) => viewOfKey(own.withdraw(keyOf(id)).key),
    restore: ({ id }) => viewOfKey(own.restore(keyOf(id)).key),
    async measure({ id }) {
      await measure.now(catalogue.find(id).id);
      return catalogue.find(id);
    },
    publicPage: () => publicPage(parts),
  };
}

function publicPage({ needs, catalogue, rows, publicPage: isOn }: Parts) {
  if (!isOn()) throw fail("public-page-off");
  const community = needs.mesh.community();
  const self = needs.mesh.box(needs.mesh.selfId);
  const open = catalogue.shown().filter((one) => one.open && one.scope === "community" && one.state === "up");
  return {
    community: community && communityCard(community),
    box: { name: self?.name ?? "", owner: self?.owner ?? "", zone: self?.zone ?? "" },
    figures: catalogue.figures(),
    growth: rows.growth(GROWTH_DAYS),
    admission: community?.policy.admission ?? null,
    services: open,
  };
}

function communityCard({ id, name, policy, foundedMs }: CommunityView) {
  return { id, name, about: policy.about, accent: policy.accent, foundedAt: isoTime(foundedMs) };
}

function clientOf({ needs, own, catalogue }: Parts, selfHost: () => string): DiscoveryClient {
  const { mesh, clock, random } = needs;
  return {
    list: catalogue.shown,
    publish(input) {
      const key = publishNew(own, random, mesh.selfId, publishInput.parse(input), clock.wallMs());
      return catalogue.find(serviceId(mesh.selfId, key));
    },
    offer: (key, input) => own.offer(key, bodyOf(publishInput.parse(input), clock.wallMs())),
    unoffer: (key) => own.unoffer(key),
    ownAt(host, port) {
      const isThere = ({ body }: { body: { host: string | null; port: number } }) =>
        body.port === port && (body.host ?? selfHost()) === host;
      const found = own.all().find((one) => one.state !== "withdrawn" && isThere(one));
      return found ? serviceId(mesh.selfId, found.key) : null;
    },
    categoryOf: (type) => typeFacts(type).category,
    counts: catalogue.counts,
  };
}

function warningsOf(own: OwnServices): Warning[] {
  const failing = own.all().filter((service) => service.state === "failing");
  return failing.map(({ body, reason }) => ({
    code: "own-service-failing",
    severity: "warning",
    params: { title: body.title, reason: reason ?? "timeout" },
  }));
}

function metricsOf(catalogue: Catalogue, measure: Measure): Metric[] {
  const { own, community } = catalogue.counts();
  const { services, measurements, bytes } = measure.counts();
  return [
    { name: "services_measured", type: "gauge", help: "Services with a history of quality.", value: services },
    { name: "service_measurements_total", type: "counter", help: "Measurements since the start.", value: measurements },
    { name: "service_history_bytes", type: "gauge", help: "Text of all histories of quality.", value: bytes },
    { name: "services_own", type: "gauge", help: "Services that this box offers.", value: own },
    { name: "services_community", type: "gauge", help: "Services visible from here.", value: community },
  ];
}
