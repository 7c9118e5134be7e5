/** The endpoints by which ports of slivers become services of the community. */
import { explain } from "../../kernel/words.ts";
import { isFailure } from "../../kernel/errors.ts";
import { boxName } from "../mesh/client.ts";
import { SLIVER_PORTS_MAX } from "./constants.ts";
import { computeErrors } from "./errors.ts";
import type { ComputeHandlers } from "./handlers.ts";
import { sliverAt } from "./named.ts";
import { PORT_SILENT } from "./messages-ports.ts";
import type { ComputeParts } from "./parts.ts";
import { HOST_FULL } from "./use/hosts.ts";
import type { Published } from "./use/publishing.ts";
import type { Slice, Sliver } from "./use/slice-store.ts";

export function portHandlers(
  parts: ComputeParts,
): Pick<ComputeHandlers, "published" | "publishPort" | "unpublishPort"> {
  const { rows, publishing, accountOf, mesh } = parts;
  const tellNow = async (sliver: Sliver, signal: AbortSignal) => {
    try {
      await publishing.tell(sliver, signal);
    } catch (cause) {
      signal.throwIfAborted();
      if (isFailure(cause, HOST_FULL)) throw cause;
      throw computeErrors.fail("compute-host-away", { params: { box: boxName(mesh, sliver.host) }, cause });
    }
  };
  return {
    published: (_input, context) =>
      rows.slicesOf(accountOf(context)).flatMap((slice) => {
        const slivers = rows.slivers(slice.id);
        return publishing.of(slice.id).map((one) => publishedShown(parts, slice, slivers, one));
      }),
    async publishPort({ sliver: place, port, title, type }, context) {
      const sliver = sliverAt(parts, context, place);
      const slice = rows.slice(sliver.slice)!;
      const number = sliver.index;
      const there = publishing.of(slice.id).filter((one) => one.number === number);
      if (there.length >= SLIVER_PORTS_MAX && !there.some((one) => one.port === port)) {
        throw computeErrors.fail("compute-too-many", { params: { limit: SLIVER_PORTS_MAX } });
      }
      const one: Published = { slice: slice.id, number, port, type, title: title ?? `${slice.name} ${port}` };
      publishing.put(one);
      try {
        await tellNow(sliver, context.signal);
        const why = publishing.placeOf(sliver.id, port)?.why;
        const box = boxName(mesh, sliver.host);
        if (why) {
          const { text: reason } = explain(parts.words, context.language, "compute.why", why);
          throw computeErrors.fail("compute-port-refused", { params: { box, why, reason } });
        }
      } catch (error) {
        // What the host has not taken is not kept as a wish: its owner would not see what becomes of it. A host without
        // room on its disk is asked again, and that was said.
        if (!isFailure(error, HOST_FULL) && !there.some((each) => each.port === port)) publishing.drop(one);
        throw error;
      }
      return publishedShown(parts, slice, rows.slivers(slice.id), one);
    },
    async unpublishPort({ sliver: place, port }, context) {
      const sliver = sliverAt(parts, context, place);
      if (!publishing.drop({ slice: sliver.slice, number: sliver.index, port })) {
        throw computeErrors.fail("compute-port-unknown", { params: { port } });
      }
      await tellNow(sliver, context.signal);
      return {};
    },
  };
}

export function publishedShown(
  { mesh, publishing, services }: Pick<ComputeParts, "mesh" | "publishing" | "services">,
  slice: Slice,
  slivers: readonly Sliver[],
  { number, port, title, type }: Published,
) {
  const sliver = slivers.find(({ index, wanted }) => index === number && wanted !== "gone");
  const place = sliver && publishing.placeOf(sliver.id, port);
  const isIt = ({ boxId, port: at, state }: ReturnType<typeof services>[number]) =>
    boxId === sliver?.host && at === place?.hostPort && state === "up";
  const url = (place && services().find(isIt)?.url) ?? null;
  // Its host has opened it, and announces it when somebody listens there.
  const silent = url === null && place?.hostPort != null && sliver?.state === "running" ? PORT_SILENT : null;
  return {
    ...{ slice: slice.name, number, port, title, type, box: sliver ? boxName(mesh, sliver.host) : "" },
    ...{ url, why: place?.why ?? silent },
  };
}
