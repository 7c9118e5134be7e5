/** The endpoints of the compute service. */
import type { CallContext, Handlers } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import { kernelErrors } from "../../kernel/errors.ts";
import { mibOf } from "../../kernel/size.ts";
import { encodeBase32 } from "../../protocols/grid/base32.ts";
import type { Entry } from "./host/books.ts";
import type { computeContract } from "./contract.ts";
import { EXEC_TIMEOUT_MS, LAUNCH_WAIT_MS, SLICES_PER_ACCOUNT_MAX, SLIVER_ID_BYTES } from "./constants.ts";
import { computeErrors } from "./errors.ts";
import { EXEC_PATH, execAnswer } from "./messages.ts";
import type { ComputeParts } from "./parts.ts";
import { planShown, sliceShown } from "./slices-shown.ts";
import { readSliceFile, specOf } from "./use/slice-file.ts";
import type { SliceWish } from "./use/slice-file.ts";
import type { Slice } from "./use/slice-store.ts";

type All = Handlers<typeof computeContract.endpoints>;

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LOOK_STEP_MS = 500;

export function computeHandlers(parts: ComputeParts): All {
  return { ...lendingHandlers(parts), ...sliceHandlers(parts), ...fileHandlers(parts), ...imageHandlers(parts) };
}

function lendingHandlers(
  parts: ComputeParts,
): Pick<All, "status" | "lend" | "stopLending" | "lent" | "evict" | "offers"> {
  const { books, reconciler, status, change, mesh, clock, hosts, images } = parts;
  const lentShown = (entry: Entry) => ({
    ...{ sliver: entry.sliver, box: mesh.box(entry.borrower.box)?.name ?? entry.borrower.box.slice(0, 8) },
    ...{ owner: entry.borrower.owner, state: reconciler.stateOf(entry), cores: entry.spec.cores },
    ...{ memoryBytes: entry.spec.memoryBytes, diskBytes: entry.spec.diskBytes, leaseEndsAt: isoTime(entry.leaseEndMs) },
  });
  return {
    status: () => status(),
    async lend({ cores, memory, disk, slivers, to, named, reach, days }) {
      const lends = (cores ?? 0) > 0;
      if (lends && to !== "nobody" && status().engine.state === "missing")
        throw computeErrors.fail("compute-no-engine");
      await change({
        ...(cores === undefined ? {} : { lendCores: cores }),
        ...(memory === undefined ? {} : { lendMemoryMiB: mibOf(memory) }),
        ...(disk === undefined ? {} : { lendDiskMiB: mibOf(disk) }),
        ...(slivers === undefined ? {} : { lendSlivers: slivers }),
        // Who says how much and not to whom means everybody of the community.
        ...(to === undefined
          ? lends && parts.policy().to === "nobody"
            ? { lendTo: "community" }
            : {}
          : { lendTo: to }),
        ...(named === undefined ? {} : { lendNamed: named }),
        ...(reach === undefined ? {} : { lendReach: reach }),
        ...(days === undefined ? {} : { lendDays: days }),
      });
      return status();
    },
    async stopLending() {
      await change({ lendTo: "nobody" });
      return status();
    },
    lent: () => books.all().map(lentShown),
    evict({ sliver, hours }) {
      const entry = books.get(sliver);
      if (!entry) throw computeErrors.fail("compute-sliver-unknown", { params: { number: sliver } });
      books.shorten(sliver, clock.wallMs() + hours * HOUR_MS);
      reconciler.poke();
      return lentShown(books.get(sliver)!);
    },
    async offers({ image, cores, memory, disk }, context) {
      const hash = image === undefined ? "0".repeat(64) : imageOf(images, image).hash;
      const sizes = { cores, memoryBytes: mibOf(memory) * MIB, diskBytes: mibOf(disk) * MIB, egressBytesPerS: 0 };
      const spec = { kind: "container", image: hash, reach: "slice", ...sizes } as const;
      const found = await hosts.offers({ spec, leaseMs: DAY_MS }, context.signal);
      return found.map(({ box, why, rttMs, ...one }) => ({
        ...one,
        ...{ box: mesh.box(box)?.name ?? box.slice(0, 8), rttMs: rttMs ?? null, why: why ?? null },
      }));
    },
  };
}

type SliceNames = "launch" | "slices" | "slice" | "startSlice" | "stopSlice" | "renewSlice" | "deleteSlice" | "exec";

function sliceHandlers(parts: ComputeParts): Pick<All, SliceNames> {
  const { rows, slices, hosts, clock, accountOf } = parts;
  const shown = (slice: Slice) => sliceShown(parts, slice, rows.slivers(slice.id));
  const change = async (context: CallContext, name: string, spec: (slice: Slice) => Partial<Slice["spec"]>) => {
    const slice = sliceOf(parts, context, name);
    rows.putSlice({ ...slice, spec: { ...slice.spec, ...spec(slice) } });
    await slices.follow(slice.id);
    return shown(rows.slice(slice.id)!);
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
      const slice = sliceOf(parts, context, name);
      await slices.follow(slice.id);
      return shown(slice);
    },
    startSlice: ({ name }, context) => change(context, name, () => ({ wanted: "running" })),
    stopSlice: ({ name }, context) => change(context, name, () => ({ wanted: "stopped" })),
    renewSlice: ({ name, days }, context) => change(context, name, () => ({ endMs: clock.wallMs() + days * DAY_MS })),
    async deleteSlice({ name }, context) {
      const slice = sliceOf(parts, context, name);
      rows.putSlice({ ...slice, isGone: true });
      await slices.follow(slice.id);
      return {};
    },
    async exec({ name, command, number }, context) {
      const slice = sliceOf(parts, context, name);
      const sliver = rows.slivers(slice.id).find((one) => one.index === number && one.wanted !== "gone");
      if (!sliver) throw computeErrors.fail("compute-sliver-unknown", { params: { number } });
      const box = parts.mesh.box(sliver.host)?.name ?? sliver.host.slice(0, 8);
      const question = { sliver: sliver.id, command };
      const answer = await hosts
        .ask(sliver.host, EXEC_PATH, execAnswer, question, context.signal, EXEC_TIMEOUT_MS)
        .catch((cause: unknown) => {
          context.signal.throwIfAborted();
          throw computeErrors.fail("compute-host-away", { params: { box }, cause });
        });
      if (!answer.ran) throw computeErrors.fail("compute-not-running", { params: { why: answer.why ?? "" } });
      return answer.ran;
    },
  };
}

function fileHandlers(parts: ComputeParts): Pick<All, "plan" | "apply"> {
  const { rows, clock, images, accountOf } = parts;
  return {
    async plan(_input, context) {
      const wish = await readSliceFile(textOf(context));
      const slice = rows.named(accountOf(context), wish.name);
      const spec = specOf(wish, imageOf(images, wish.image).hash, clock.wallMs());
      return planShown(parts, { name: wish.name, spec }, slice, slice ? rows.slivers(slice.id) : []);
    },
    async apply({ wait }, context) {
      const slice = await put(parts, context, await readSliceFile(textOf(context)));
      const now = wait ? await untilRunning(parts, slice, context) : slice;
      return sliceShown(parts, now, rows.slivers(now.id));
    },
  };
}

function imageHandlers({
  images,
  mesh,
  engine,
  accountOf,
}: ComputeParts): Pick<All, "images" | "addImage" | "dropImage"> {
  const shown = (image: ReturnType<typeof images.list>[number], here: ReadonlySet<string>) => {
    const box = mesh.box(image.box);
    return {
      ...{ name: image.name, hash: image.hash, bytes: image.bytes, arch: image.arch, owner: box?.owner ?? "" },
      ...{ box: box?.name ?? image.box.slice(0, 8), own: image.box === mesh.selfId, isHere: here.has(image.hash) },
    };
  };
  return {
    async images() {
      const here = await engine.imagesHere();
      return images.list().map((image) => shown(image, here));
    },
    async addImage({ name, path, arch }, context) {
      const image = await images.publish({ account: accountOf(context), name, path, arch }, context.signal);
      return shown(image, new Set());
    },
    dropImage({ name }, context) {
      images.withdraw(accountOf(context), name);
      return {};
    },
  };
}

/** What is there becomes as it is wished; what is not there is made. Resolves when that was tried once. */
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
  const spec = specOf(wish, imageOf(images, wish.image).hash, nowMs);
  const slice = { id, account, name: wish.name, spec, madeMs: there?.madeMs ?? nowMs, isGone: false };
  rows.putSlice(slice);
  await slices.follow(id);
  return slice;
}

/** Or until it was long enough; what is not there yet goes on being made. `compute-no-offers` when nobody lends. */
async function untilRunning(parts: ComputeParts, slice: Slice, { signal }: CallContext): Promise<Slice> {
  const { rows, slices, clock } = parts;
  const untilMs = clock.monotonicMs() + LAUNCH_WAIT_MS;
  for (;;) {
    const slivers = rows.slivers(slice.id).filter(({ wanted }) => wanted !== "gone");
    const { count, wanted } = slice.spec;
    if (slivers.length === 0 && count > 0) {
      throw computeErrors.fail("compute-no-offers", { params: { missing: count } });
    }
    if (slivers.filter(({ state }) => state === wanted).length >= slivers.length) return slice;
    if (clock.monotonicMs() > untilMs) return slice;
    await new Promise<void>((resolve) => clock.after(LOOK_STEP_MS, resolve));
    signal.throwIfAborted();
    await slices.follow(slice.id);
  }
}

function sliceOf({ rows, accountOf }: ComputeParts, context: CallContext, name: string): Slice {
  const slice = rows.named(accountOf(context), name);
  if (!slice || slice.isGone) throw computeErrors.fail("compute-slice-unknown", { params: { name } });
  return slice;
}

function imageOf(images: ComputeParts["images"], nameOrHash: string) {
  const image = images.find(nameOrHash);
  if (!image) throw computeErrors.fail("compute-image-unknown", { params: { name: nameOrHash } });
  return image;
}

function textOf({ bytes }: CallContext): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw kernelErrors.fail("bad-input", { params: { field: "file", reason: "not UTF-8" }, cause });
  }
}
