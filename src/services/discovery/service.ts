/**
 * The discovery service: what every box of the community offers, what this one offers, and how good each is from here.
 */
import type { z } from "zod";
import type { Handlers, Metric, Service, Warning } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import type { Events } from "../../kernel/events.ts";
import type { Random } from "../../kernel/random.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import type { Store } from "../../platform/store.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { PeopleClient } from "../people/client.ts";
import { readBody, SERVICE_BODY_BYTES_MAX, SERVICE_KIND, SERVICES_PER_BOX_MAX } from "./body.ts";
import type { ServiceBody } from "./body.ts";
import { checkService, measureService } from "./check.ts";
import type { DiscoveryClient, PublishInput, ServiceView } from "./client.ts";
import { discoveryContract, discoveryErrors, discoverySettings, publishInput } from "./contract.ts";
import { typeFacts } from "./kinds.ts";
import type { CheckKind } from "./kinds.ts";
import { createMeasure } from "./measure.ts";
import { createOwnServices } from "./own.ts";
import { discoveryStore } from "./store.ts";
import type { OwnService } from "./store.ts";
import { AWAY_SHOWN_MS, matches, serviceId, viewOf } from "./view.ts";

/** A record of a box that nobody has seen for so long is forgotten. */
const RETENTION_MS = 30 * 86_400_000;
/** Pages hear of changes at most this often. */
const CHANGED_PAUSE_MS = 200;
const GROWTH_INTERVAL_MS = 3_600_000;
const GROWTH_DAYS = 90;
const KEY_LENGTH = 8;
const KEY_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

export interface DiscoveryNeeds {
  clock: Clock;
  random: Random;
  store: Store;
  config: Config;
  events: Events;
  mesh: MeshClient;
  people: PeopleClient;
}

const { fail } = discoveryErrors;

export function discovery(needs: DiscoveryNeeds): Service<typeof discoveryContract.endpoints> & { client: DiscoveryClient } {
  const { clock, mesh } = needs;
  const rows = discoveryStore(needs.store);
  const settings = () => needs.config.section("discovery", discoverySettings);
  const changed = throttle(clock, () => needs.events.emit("discovery.changed", "guest"));
  mesh.registerKind({
    kind: SERVICE_KIND,
    retentionMs: RETENTION_MS,
    bodyMaxBytes: SERVICE_BODY_BYTES_MAX,
    livePerAuthorMax: SERVICES_PER_BOX_MAX,
    validate: (body) => readBody(body) !== null,
  });

  const own = createOwnServices({
    clock,
    mesh,
    rows,
    settings,
    changed,
    check: (service) => checkService(clock, service.body, service.check, selfHost()),
  });
  const measure = createMeasure({
    clock,
    rows,
    changed,
    intervalMs: () => settings().measureIntervalS * 1000,
    candidates: () => all().filter((service) => !service.own && service.state === "up"),
    probe: (service) => measureService(clock, service, typeFacts(service.type).check, mesh.box(service.boxId)?.address ?? null),
  });

  const selfHost = () => mesh.box(mesh.selfId)?.address ?? "127.0.0.1";

  const ownView = (service: OwnService): ServiceView => {
    const box = mesh.box(mesh.selfId)!;
    const measured = measure.of(serviceId(box.id, service.key));
    return viewOf({ box, key: service.key, body: service.body, own: service, measured });
  };

  /** Everything that this box may see, the withdrawn and long gone included. */
  const all = (): ServiceView[] => {
    const boxes = new Map(mesh.boxes().map((box) => [box.id, box]));
    const self = boxes.get(mesh.selfId);
    const views = self ? own.all().map(ownView) : [];
    const mine = new Set(own.all().map((service) => service.key));
    for (const record of mesh.records(SERVICE_KIND)) {
      const box = boxes.get(record.author);
      const body = readBody(record.body);
      if (!box || !body || (box.self && mine.has(record.key))) continue;
      if (body.scope === "local" || (body.scope === "zone" && !box.self && box.zone !== self?.zone)) continue;
      views.push(viewOf({ box, key: record.key, body, measured: measure.of(serviceId(box.id, record.key)) }));
    }
    return views;
  };

  const shown = (service: ServiceView): boolean => {
    if (service.state === "withdrawn") return false;
    if (service.state !== "away") return true;
    const seenMs = mesh.box(service.boxId)?.seenMs ?? 0;
    return clock.wallMs() - seenMs < AWAY_SHOWN_MS;
  };

  const find = (id: string): ServiceView => {
    const found = all().find((service) => service.id === id);
    if (!found) throw fail("service-unknown", { params: { id } });
    return found;
  };

  const ownKey = (id: string): string => {
    const key = id.startsWith(`${serviceId(mesh.selfId, "")}`) ? id.slice(serviceId(mesh.selfId, "").length) : undefined;
    if (key !== undefined && own.get(key)) return key;
    throw find(id) && fail("service-not-ours", { params: { id } });
  };

  const bodyFrom = (input: z.output<typeof publishInput>, sinceMs: number): ServiceBody => {
    const facts = typeFacts(input.type);
    const scheme = input.scheme ?? facts.scheme;
    const body = {
      type: input.type,
      title: input.title,
      description: input.description,
      category: input.category ?? facts.category,
      scope: input.scope,
      open: input.open,
      host: input.host ?? null,
      port: input.port,
      path: input.path ?? (scheme.startsWith("http") ? "/" : ""),
      scheme,
      version: input.version,
      sinceMs,
    };
    const read = readBody(body);
    if (!read) throw fail("service-unacceptable", { params: { scheme } });
    return read;
  };

  const checkKind = (input: z.output<typeof publishInput>): CheckKind =>
    input.check === "auto" ? typeFacts(input.type).check : input.check;

  const publish = (input: z.output<typeof publishInput>): ServiceView => {
    const body = bodyFrom(input, clock.wallMs());
    const host = body.host ?? "";
    const twin = own.all().find((one) => one.state !== "withdrawn" && one.body.port === body.port && (one.body.host ?? "") === host && one.body.path === body.path && one.body.type === body.type);
    if (twin) throw fail("service-exists", { params: { title: twin.body.title, id: serviceId(mesh.selfId, twin.key) } });
    return ownView(own.save(newKey(needs.random), body, checkKind(input)));
  };

  const handlers: Handlers<typeof discoveryContract.endpoints> = {
    list(input) {
      return all().filter((service) => (input.all || shown(service)) && matches(service, input));
    },
    show({ id }) {
      const history = measure.history(id).map(({ atMs, ...sample }) => ({ at: isoTime(atMs), ...sample }));
      return { ...find(id), history };
    },
    publish: (input) => publish(input),
    change({ id, ...patch }) {
      const key = ownKey(id);
      const { body, check } = own.get(key)!;
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
      const { sinceMs, host, path, ...rest } = body;
      const before = { ...rest, ...(host ? { host } : {}), ...(path ? { path } : {}), check };
      const input = publishInput.parse({ ...before, ...given });
      return ownView(own.save(key, bodyFrom(input, sinceMs), checkKind(input)));
    },
    withdraw: ({ id }) => ownView(own.withdraw(ownKey(id))),
    restore: ({ id }) => ownView(own.restore(ownKey(id))),
    async measure({ id }) {
      await measure.measure(find(id));
      return find(id);
    },
    publicPage() {
      if (!settings().publicPage) throw fail("public-page-off");
      const community = mesh.community();
      const services = all().filter(shown);
      return {
        community: community && {
          id: community.id,
          name: community.name,
          about: community.policy.about,
          accent: community.policy.accent,
          foundedAt: isoTime(community.foundedMs),
        },
        box: selfFacts(),
        figures: figures(services.length),
        growth: rows.growth(GROWTH_DAYS),
        admission: community?.policy.admission ?? null,
        services: services.filter((service) => service.open && service.scope === "community" && service.state === "up"),
      };
    },
  };

  const selfFacts = () => {
    const self = mesh.box(mesh.selfId);
    return { name: self?.name ?? "", owner: self?.owner ?? "", zone: self?.zone ?? "" };
  };
  const figures = (services: number) => {
    const boxes = mesh.boxes().filter((box) => box.state !== "pending" && box.state !== "excluded");
    const distinct = (values: string[]) => new Set(values.filter((value) => value !== "")).size;
    return {
      boxes: boxes.length,
      boxesUp: boxes.filter((box) => box.state === "up" || box.state === "suspect").length,
      owners: distinct(boxes.map((box) => box.owner)),
      zones: distinct(boxes.map((box) => box.zone)),
      services,
    };
  };

  const counts = () => ({
    own: own.all().filter((service) => service.state !== "withdrawn").length,
    community: all().filter(shown).length,
  });
  const noteGrowth = () => {
    if (!mesh.community()) return;
    const { boxes, services } = figures(counts().community);
    ifRoom(() => rows.noteGrowth(isoTime(clock.wallMs()).slice(0, 10), boxes, services));
  };

  const client: DiscoveryClient = {
    list: () => all().filter(shown),
    publish: (input: PublishInput) => publish(publishInput.parse(input)),
    offer: (key, input) => own.offer(key, bodyFrom(publishInput.parse(input), clock.wallMs())),
    unoffer: (key) => own.unoffer(key),
    ownAt(host, port) {
      const at = own.all().find((one) => one.state !== "withdrawn" && one.body.port === port && (one.body.host ?? selfHost()) === host);
      return at ? serviceId(mesh.selfId, at.key) : null;
    },
    counts,
  };

  let cancelGrowth = () => {};
  return {
    contract: discoveryContract,
    handlers,
    client,
    async start() {
      mesh.onRecords(SERVICE_KIND, changed);
      mesh.onBoxes(changed);
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
    health: (): Warning[] =>
      own
        .all()
        .filter((service) => service.state === "failing")
        .map(({ body, reason }) => ({
          code: "own-service-failing",
          severity: "warning",
          params: { title: body.title, reason: reason ?? "timeout" },
        })),
    metrics: (): Metric[] => {
      const { own: mine, community } = counts();
      return [
        { name: "services_own", type: "gauge", help: "Services that this box offers.", value: mine },
        { name: "services_community", type: "gauge", help: "Services visible from here.", value: community },
      ];
    },
  };
}

function newKey(random: Random): string {
  return Array.from(random.bytes(KEY_LENGTH), (byte) => KEY_ALPHABET[byte % KEY_ALPHABET.length]).join("");
}

/** Calls `run` at once, and then at most once in each pause. */
function throttle(clock: Clock, run: () => void): () => void {
  let waiting = false;
  let again = false;
  const fire = () => {
    run();
    waiting = true;
    clock.after(CHANGED_PAUSE_MS, () => {
      waiting = false;
      if (again) {
        again = false;
        fire();
      }
    });
  };
  return () => {
    if (waiting) again = true;
    else fire();
  };
}
