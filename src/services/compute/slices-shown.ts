/** How slices, and what would change in one, look in answers. */
import { isoTime } from "../../kernel/clock.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { SliverSpec } from "../../protocols/compute/lending.ts";
import { planSlice } from "../../protocols/compute/slice.ts";
import type { SliceSpec, SliverFacts } from "../../protocols/compute/slice.ts";
import { boxName } from "../mesh/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import { LEASE_MS } from "./constants.ts";
import type { Images } from "./images.ts";
import { addressOf } from "./slice-address.ts";
import type { Slice, Sliver } from "./use/slice-store.ts";
import type { Slices } from "./use/slices.ts";

export interface ShownNeeds {
  clock: Pick<Clock, "wallMs">;
  mesh: Pick<MeshClient, "box" | "selfId">;
  images: Pick<Images, "find">;
  slices: Pick<Slices, "troubleOf">;
}

export function sliceShown({ clock, mesh, images, slices }: ShownNeeds, slice: Slice, slivers: readonly Sliver[]) {
  const { sliver: spec, count, wanted, endMs } = slice.spec;
  const isEnded = endMs <= clock.wallMs();
  const shown = slivers
    .filter((one) => one.wanted !== "gone")
    .map((one) => sliverShown(mesh, one, slices.troubleOf(one.id)));
  return {
    ...{ id: slice.id, name: slice.name, image: images.find(spec.image)?.name ?? spec.image.slice(0, 12) },
    ...{ kind: spec.kind, cores: spec.cores, memoryBytes: spec.memoryBytes, diskBytes: spec.diskBytes },
    ...{
      running: shown.filter(({ state }) => state === "running").length,
      wanted: count,
      // What has ended waits for no box.
      missing: isEnded ? 0 : Math.max(0, count - shown.length),
    },
    ...{ isStopped: wanted === "stopped", isEnded, endsAt: isoTime(endMs) },
    ...{ trouble: shown.find((one) => one.trouble !== null)?.trouble ?? null, slivers: shown },
  };
}

const NO_FIGURES = { usedCores: null, usedMemoryBytes: null, usedDiskBytes: null, processes: null };

function sliverShown(mesh: ShownNeeds["mesh"], sliver: Sliver, failed: string | undefined) {
  const { id, index, host, state, trouble } = sliver;
  const { owner = "", zone = "" } = mesh.box(host) ?? {};
  const place = { box: boxName(mesh, host), owner, zone, address: addressOf(mesh, sliver) };
  return {
    id,
    number: index,
    ...place,
    state: state ?? ("unknown" as const),
    trouble: trouble ?? failed ?? null,
    ...NO_FIGURES,
  };
}

type Change = "create" | "resize" | "remove" | "start" | "stop" | "keep";

/** What the wish would change in what is there; the end of the slice moves with each time that it is applied. */
export function planShown(
  { mesh }: Pick<ShownNeeds, "mesh">,
  wish: { name: string; spec: SliceSpec },
  before: Slice | undefined,
  { slivers, nowMs }: { slivers: readonly SliverFacts[]; nowMs: number },
) {
  const { sliver: spec, wanted } = wish.spec;
  const living = new Map(slivers.filter((one) => one.wanted !== "gone").map((one) => [one.id, one]));
  const changes: { change: Change; number: number; box: string; detail: string }[] = [];
  const add = (change: Change, { index, host }: SliverFacts, detail = "") =>
    changes.push({ change, number: index, box: boxName(mesh, host), detail });
  const kept = new Set(living.values());
  for (const action of planSlice(wish.spec, slivers, { nowMs, leaseMs: LEASE_MS })) {
    if (action.do === "create") {
      const detail = `${spec.cores} × ${mibText(spec.memoryBytes)}`;
      changes.push({ change: "create", number: action.index, box: "", detail });
      continue;
    }
    const sliver = living.get(action.id)!;
    // A lease that is renewed changes nothing that anybody sees.
    if (action.do === "renew") continue;
    kept.delete(sliver);
    if (action.do === "remove") add("remove", sliver, action.why);
    else if (action.do === "resize") add("resize", sliver, detailOf(sliver.spec, spec));
    else add(wanted === "running" ? "start" : "stop", sliver);
  }
  for (const sliver of kept) add("keep", sliver);
  changes.sort((a, b) => a.number - b.number);
  const isSame = before?.isGone === false && changes.every(({ change }) => change === "keep");
  return { name: wish.name, isSame, changes };
}

function detailOf(before: SliverSpec, after: SliverSpec): string {
  const parts = [
    before.cores === after.cores ? [] : [`cores ${before.cores} → ${after.cores}`],
    before.memoryBytes === after.memoryBytes
      ? []
      : [`memory ${mibText(before.memoryBytes)} → ${mibText(after.memoryBytes)}`],
    before.diskBytes === after.diskBytes ? [] : [`disk ${mibText(before.diskBytes)} → ${mibText(after.diskBytes)}`],
  ];
  return parts.flat().join(", ");
}

function mibText(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
