/** The endpoints of whoever uses computers of others: slices by name and by file. */
import type { CallContext } from "../../kernel/contract.ts";
import { kernelErrors } from "../../kernel/errors.ts";
import { encodeBase32 } from "../../protocols/grid/base32.ts";
import { planSlice } from "../../protocols/compute/slice.ts";
import { boxName } from "../mesh/client.ts";
import { EXEC_TIMEOUT_MS, LEASE_MS, MESSAGE_TIMEOUT_MS, SLICES_PER_ACCOUNT_MAX, SLIVER_ID_BYTES } from "./constants.ts";
import { checkLenders } from "./architecture.ts";
import { computeErrors } from "./errors.ts";
import type { ComputeHandlers } from "./handlers.ts";
import { withFigures } from "./handlers-inside.ts";
import { EXEC_PATH, execAnswer } from "./messages.ts";
import { imageNamed, sliceNamed, sliverAt } from "./named.ts";
import type { ComputeParts } from "./parts.ts";
import { planShown, sliceShown } from "./slices-shown.ts";
import { HOST_FULL } from "./use/hosts.ts";
import { readSliceFile, specOf } from "./use/slice-file.ts";
import type { SliceWish } from "./use/slice-file.ts";
import type { Slice } from "./use/slice-store.ts";
import { untilGone, untilStands } from "./use/standing.ts";

const DAY_MS = 24 * 3_600_000;

type SliceNames = "launch" | "slices" | "slice" | "startSlice" | "stopSlice" | "renewSlice" | "deleteSlice" | "exec";

export function sliceHandlers(parts: ComputeParts): Pick<ComputeHandlers, SliceNames> {
  const { rows, slices, hosts, clock, accountOf } = parts;
  const shown = (slice: Slice) => sliceShown(parts, slice, rows.slivers(slice.id));
  const change = async (context: CallContext, name: string, spec: (slice: Slice) => Partial<Slice["spec"]>) => {
    const slice = sliceNamed(parts, context, name);
    rows.putSlice({ ...slice, spec: { ...slice.spec, ...spec(slice) } });
    await slices.follow(slice.id);
    return rows.slice(slice.id)!;
  };
  const want = async (context: CallContext, name: string, wanted: "running" | "stopped") => {
    const slice = await change(context, name, () => ({ wanted }));
    await untilStands(parts, slice.id, context.signal);
    tellFull(parts, slice.id);
    return shown(slice);
  };
  return {
    async launch(wish, context) {
      if (rows.named(accountOf(context), wish.name)) {
        throw computeErrors.fail("compute-slice-exists", { params: { name: wish.name } });
      }
      return shown(await untilRunning(parts, await put(parts, context, wish), context));
    },
    slices: (_input, context) => rows.slicesOf(accountOf(context)).map(shown),
    async slice({ name }, context) {
      const slice = sliceNamed(parts, context, name);
      await slices.follow(slice.id);
      return withFigures(parts, context, shown(slice));
    },
    startSlice: ({ name }, context) => want(context, name, "running"),
    stopSlice: ({ name }, context) => want(context, name, "stopped"),
    renewSlice: async ({ name, days }, context) =>
      shown(await change(context, name, () => ({ endMs: clock.wallMs() + days * DAY_MS }))),
    async deleteSlice({ name }, context) {
      const slice = sliceNamed(parts, context, name);
      rows.endSlice(slice);
      await slices.follow(slice.id);
      await untilGone(parts, slice.id, context.signal);
      tellFull(parts, slice.id);
      return {};
    },
    async exec({ name, command, number }, context) {
      const { id, host } = sliverAt(parts, context, number === undefined ? name : `${name}/${number}`);
      const answer = await hosts
        .ask(host, EXEC_PATH, execAnswer, { sliver: id, command }, context.signal, EXEC_TIMEOUT_MS + MESSAGE_TIMEOUT_MS)
        .catch((cause: unknown) => {
          context.signal.throwIfAborted();
          throw computeErrors.fail("compute-host-away", { params: { box: boxName(parts.mesh, host) }, cause });
        });
      if (answer.why === "engine-timeout") {
        throw computeErrors.fail("compute-exec-too-long", { params: { seconds: EXEC_TIMEOUT_MS / 1000 } });
      }
      if (answer.why === "compute-not-running") throw computeErrors.fail("compute-not-running");
      if (answer.why === "compute-busy") throw computeErrors.fail("compute-busy");
      if (!answer.ran) throw computeErrors.fail("compute-engine-failed");
      return answer.ran;
    },
  };
}

export function sliceFileHandlers(parts: ComputeParts): Pick<ComputeHandlers, "plan" | "apply"> {
  const { rows, slices, clock, images, accountOf } = parts;
  return {
    async plan(_input, context) {
      const wish = await readSliceFile(textOf(context));
      const slice = rows.named(accountOf(context), wish.name);
      const nowMs = clock.wallMs();
      const spec = specOf(wish, imageNamed(images, wish.image).hash, nowMs);
      const there = slice ? slices.facts(slice.id) : [];
      return planShown(parts, { name: wish.name, spec }, slice, { slivers: there, nowMs });
    },
    async apply({ wait, replace }, context) {
      const wish = await readSliceFile(textOf(context));
      if (!replace) refuseToLose(parts, context, wish);
      const slice = await put(parts, context, wish);
      const now = wait ? await untilRunning(parts, slice, context) : slice;
      return sliceShown(parts, now, rows.slivers(now.id));
    },
  };
}

/** What is in a sliver goes with it: that takes a word more than an edited line. Throws `compute-would-lose`. */
function refuseToLose({ rows, slices, images, clock, accountOf }: ComputeParts, context: CallContext, wish: SliceWish) {
  const slice = rows.named(accountOf(context), wish.name);
  if (!slice) return;
  const nowMs = clock.wallMs();
  const spec = specOf(wish, imageNamed(images, wish.image).hash, nowMs);
  const actions = planSlice(spec, slices.facts(slice.id), { nowMs, leaseMs: LEASE_MS });
  const lost = actions.filter((action) => action.do === "remove" && ["changed", "unwanted"].includes(action.why));
  if (lost.length > 0) throw computeErrors.fail("compute-would-lose", { params: { count: lost.length } });
}

/** What waits for room on the disk of a host is done when there is some. Throws `compute-host-full`. */
function tellFull({ rows, mesh }: ComputeParts, slice: string): void {
  const waiting = rows.slivers(slice).find(({ trouble }) => trouble === HOST_FULL);
  if (waiting) throw computeErrors.fail(HOST_FULL, { params: { box: boxName(mesh, waiting.host) } });
}

/**
 * What is there becomes as it is wished; what is not there is made. Resolves when that was tried once. Throws
 * `disk-full`: then there is no new slice.
 */
async function put(parts: ComputeParts, context: CallContext, wish: SliceWish): Promise<Slice> {
  const { rows, slices, clock, random, images, accountOf } = parts;
  const account = accountOf(context);
  const there = rows.named(account, wish.name);
  if (there?.isGone) throw computeErrors.fail("compute-slice-exists", { params: { name: wish.name } });
  if (!there && rows.slicesOf(account).length >= SLICES_PER_ACCOUNT_MAX) {
    throw computeErrors.fail("compute-too-many", { params: { limit: SLICES_PER_ACCOUNT_MAX } });
  }
  const nowMs = clock.wallMs();
  const id = there?.id ?? encodeBase32(random.bytes(SLIVER_ID_BYTES));
  const image = imageNamed(images, wish.image);
  if (wish.slivers > 0 && there?.spec.sliver.image !== image.hash) checkLenders(parts, image);
  const spec = specOf(wish, image.hash, nowMs);
  const slice = { id, account, name: wish.name, spec, madeMs: there?.madeMs ?? nowMs, isGone: false };
  if (there) rows.putSlice(slice);
  else rows.draft(slice);
  const failure = await slices.follow(id);
  if (failure && (there || rows.dropDraft(id))) throw failure;
  rows.keepDraft(id);
  return slice;
}

/**
 * Or until it was long enough; what is not there yet goes on being made. Throws `compute-no-offers` when nobody lends,
 * and `compute-host-full` when who would has no room on the disk.
 */
async function untilRunning(parts: ComputeParts, slice: Slice, { signal }: CallContext): Promise<Slice> {
  const { rows, mesh, slices } = parts;
  const { count } = slice.spec;
  const isEmpty = () => rows.slivers(slice.id).every(({ wanted }) => wanted === "gone");
  if (!isEmpty()) await untilStands(parts, slice.id, signal);
  if (count === 0 || !isEmpty()) return slice;
  const full = slices.fullHost(slice.id);
  if (full !== undefined) throw computeErrors.fail(HOST_FULL, { params: { box: boxName(mesh, full) } });
  throw computeErrors.fail("compute-no-offers", { params: { missing: count } });
}

function textOf({ bytes }: CallContext): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw kernelErrors.fail("bad-input", { params: { field: "file", reason: "not UTF-8" }, cause });
  }
}
