/** How slices, and what would change in one, look in answers. */
import { isoTime } from "../../kernel/clock.ts";
import { changeOf } from "../../protocols/compute/slice.ts";
import type { SliceSpec } from "../../protocols/compute/slice.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { Images } from "./images.ts";
import type { Slice, Sliver } from "./use/slice-store.ts";

export interface ShownNeeds {
  mesh: Pick<MeshClient, "box">;
  images: Pick<Images, "find">;
}

export function sliceShown({ mesh, images }: ShownNeeds, slice: Slice, slivers: readonly Sliver[]) {
  const { sliver: spec, count, wanted, endMs } = slice.spec;
  const shown = slivers.filter((one) => one.wanted !== "gone").map((one) => sliverShown(mesh, one));
  return {
    ...{ id: slice.id, name: slice.name, image: images.find(spec.image)?.name ?? spec.image.slice(0, 12) },
    ...{ kind: spec.kind, cores: spec.cores, memoryBytes: spec.memoryBytes, diskBytes: spec.diskBytes },
    ...{ running: shown.filter(({ state }) => state === "running").length, wanted: count },
    ...{ isStopped: wanted === "stopped", endsAt: isoTime(endMs), slivers: shown },
  };
}

function sliverShown(mesh: Pick<MeshClient, "box">, { id, index, host, state, addresses, trouble }: Sliver) {
  const box = mesh.box(host);
  const place = { box: box?.name ?? host.slice(0, 8), owner: box?.owner ?? "", zone: box?.zone ?? "" };
  return { id, number: index, ...place, state: state ?? ("unknown" as const), addresses, trouble: trouble ?? null };
}

type Change = "create" | "resize" | "remove" | "start" | "stop" | "keep";

/** What the wish would change in what is there; the end of the slice moves with each time that it is applied. */
export function planShown(
  { mesh }: ShownNeeds,
  wish: { name: string; spec: SliceSpec },
  before: Slice | undefined,
  slivers: readonly Sliver[],
) {
  const { spec } = wish;
  const living = new Map(slivers.filter(({ wanted }) => wanted !== "gone").map((one) => [one.index, one]));
  const changes: { change: Change; number: number; box: string; detail: string }[] = [];
  const boxOf = (sliver: Sliver | undefined) =>
    sliver ? (mesh.box(sliver.host)?.name ?? sliver.host.slice(0, 8)) : "";
  const add = (change: Change, number: number, detail = "") =>
    changes.push({ change, number, box: change === "create" ? "" : boxOf(living.get(number)), detail });
  for (const number of [...living.keys()].filter((index) => index >= spec.count)) add("remove", number);
  for (let number = 0; number < spec.count; number += 1) {
    const sliver = living.get(number);
    const kind = sliver && changeOf(sliver.spec, spec.sliver);
    if (!sliver || kind === "replace") {
      if (sliver) add("remove", number, "another image, kind or reach, or a smaller disk");
      add("create", number, `${spec.sliver.cores} × ${Math.round(spec.sliver.memoryBytes / 2 ** 20)} MiB`);
    } else if (kind === "resize") add("resize", number, detailOf(sliver, spec));
    else if (sliver.wanted !== spec.wanted) add(spec.wanted === "running" ? "start" : "stop", number);
    else add("keep", number);
  }
  const isSame = before?.isGone === false && changes.every(({ change }) => change === "keep");
  return { name: wish.name, isSame, changes };
}

function detailOf({ spec: before }: Sliver, { sliver: after }: SliceSpec): string {
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  const parts = [
    before.cores === after.cores ? [] : [`cores ${before.cores} → ${after.cores}`],
    before.memoryBytes === after.memoryBytes ? [] : [`memory ${mib(before.memoryBytes)} → ${mib(after.memoryBytes)}`],
    before.diskBytes === after.diskBytes ? [] : [`disk ${mib(before.diskBytes)} → ${mib(after.diskBytes)}`],
  ];
  return parts.flat().join(", ");
}
