/**
 * The list of services as seen from here: own ones and those of the community's records, each with its box and its
 * quality. The list is made when asked for and kept for a moment, since several readers ask at once.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { BoxView, MeshClient } from "../mesh/client.ts";
import { readBody, SERVICE_KIND } from "./body.ts";
import type { ServiceView } from "./client.ts";
import { discoveryErrors } from "./contract.ts";
import type { MeasuredFacts } from "./measure.ts";
import type { OwnService } from "./store.ts";
import { AWAY_SHOWN_MS, viewOf } from "./view.ts";

/** A list that nothing has touched is made anew after this, for round trips and ages that drift. */
export const LIST_KEPT_MS = 1_000;

export interface CatalogueNeeds {
  clock: Clock;
  mesh: MeshClient;
  own: () => OwnService[];
  measured: (id: string, host: string) => MeasuredFacts;
}

export interface Catalogue {
  /** Everything that this box may see, the withdrawn and long gone included. */
  all(): ServiceView[];
  /** What people are shown. */
  shown(): ServiceView[];
  /** Throws `service-unknown`. */
  find(id: string): ServiceView;
  get(id: string): ServiceView | undefined;
  /** Something changed: the next reader gets a new list. */
  touch(): void;
  figures(): Figures;
  counts(): { own: number; community: number };
}

export interface Figures {
  boxes: number;
  boxesUp: number;
  owners: number;
  zones: number;
  services: number;
}

const { fail } = discoveryErrors;

export function createCatalogue(needs: CatalogueNeeds): Catalogue {
  let kept: { all: ServiceView[]; shown: ServiceView[]; untilMs: number } | undefined;

  const lists = () => {
    const nowMs = needs.clock.monotonicMs();
    if (!kept || nowMs >= kept.untilMs) kept = { ...make(needs), untilMs: nowMs + LIST_KEPT_MS };
    return kept;
  };
  const get = (id: string) => lists().all.find((service) => service.id === id);
  const counts = () => ({
    own: needs.own().filter((service) => service.state !== "withdrawn").length,
    community: lists().shown.length,
  });

  return {
    all: () => lists().all,
    shown: () => lists().shown,
    get,
    find(id) {
      const found = get(id);
      if (!found) throw fail("service-unknown", { params: { id } });
      return found;
    },
    touch: () => (kept = undefined),
    figures() {
      const boxes = needs.mesh.boxes().filter((box) => box.state !== "pending" && box.state !== "excluded");
      const distinct = (values: string[]) => new Set(values.filter((value) => value !== "")).size;
      return {
        boxes: boxes.length,
        boxesUp: boxes.filter((box) => box.state === "up" || box.state === "suspect").length,
        owners: distinct(boxes.map((box) => box.owner)),
        zones: distinct(boxes.map((box) => box.zone)),
        services: lists().shown.length,
      };
    },
    counts,
  };
}

function make({ clock, mesh, own, measured }: CatalogueNeeds): { all: ServiceView[]; shown: ServiceView[] } {
  const boxes = new Map(mesh.boxes().map((box) => [box.id, box]));
  const self = boxes.get(mesh.selfId)!;
  const ours = own();
  const mine = new Set(ours.map((service) => service.key));
  const nowMs = clock.wallMs();
  const all = ours.map((one) => viewOf({ box: self, key: one.key, body: one.body, own: one, measured, nowMs }));
  for (const record of mesh.records(SERVICE_KIND)) {
    const box = boxes.get(record.author);
    const body = readBody(record.body);
    if (!box || !body || (box.self && mine.has(record.key))) continue;
    if (body.scope === "local" || (body.scope === "zone" && !box.self && box.zone !== self.zone)) continue;
    all.push(viewOf({ box, key: record.key, body, measured, nowMs }));
  }
  return { all, shown: all.filter((service) => isShown(service, boxes.get(service.boxId), nowMs)) };
}

function isShown(service: ServiceView, box: BoxView | undefined, nowMs: number): boolean {
  if (service.state === "withdrawn") return false;
  return service.state !== "away" || nowMs - (box?.seenMs ?? 0) < AWAY_SHOWN_MS;
}
