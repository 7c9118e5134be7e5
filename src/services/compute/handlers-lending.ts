/** The endpoints of whoever lends, and of whoever asks what is lent. */
import { isoTime } from "../../kernel/clock.ts";
import { bytesOf, mibOf } from "../../kernel/size.ts";
import { boxName } from "../mesh/client.ts";
import { computeErrors } from "./errors.ts";
import type { ComputeHandlers } from "./handlers.ts";
import type { Entry } from "./host/books.ts";
import { imageNamed } from "./named.ts";
import type { ComputeParts } from "./parts.ts";

const KIB = 1024;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function lendingHandlers(
  parts: ComputeParts,
): Pick<ComputeHandlers, "status" | "lend" | "stopLending" | "lent" | "evict" | "offers"> {
  const { books, reconciler, status, change, mesh, clock, hosts, images } = parts;
  const lentShown = (entry: Entry) => ({
    ...{ sliver: entry.sliver, box: boxName(mesh, entry.borrower.box) },
    ...{ owner: entry.borrower.owner, state: reconciler.stateOf(entry), cores: entry.spec.cores },
    ...{
      memoryBytes: entry.spec.memoryBytes,
      diskBytes: entry.spec.diskBytes,
      snapshots: books.snapshotsOf(entry.sliver),
      leaseEndsAt: isoTime(entry.leaseEndMs),
    },
  });
  return {
    status: () => status(),
    async lend({ cores, memory, disk, egress, slivers, to, named, reach, ports, days }) {
      const lends = (cores ?? 0) > 0;
      if (lends && to !== "nobody" && status().engine.state === "missing")
        throw computeErrors.fail("compute-no-engine");
      const limit = parts.sliversMax();
      if (slivers !== undefined && slivers > limit)
        throw computeErrors.fail("compute-too-few-ids", { params: { limit } });
      await change({
        ...(cores === undefined ? {} : { lendCores: cores }),
        ...(memory === undefined ? {} : { lendMemoryMiB: mibOf(memory) }),
        ...(disk === undefined ? {} : { lendDiskMiB: mibOf(disk) }),
        ...(egress === undefined ? {} : { lendEgressKiBps: bytesOf(egress) / KIB }),
        ...(slivers === undefined ? {} : { lendSlivers: slivers }),
        // Who says how much and not to whom means everybody of the community.
        ...(to === undefined
          ? lends && parts.policy().to === "nobody"
            ? { lendTo: "community" }
            : {}
          : { lendTo: to }),
        ...(named === undefined ? {} : { lendNamed: named }),
        ...(reach === undefined ? {} : { lendReach: reach }),
        ...(ports === undefined ? {} : { lendPorts: ports }),
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
      const hash = image === undefined ? "0".repeat(64) : imageNamed(images, image).hash;
      const sizes = { cores, memoryBytes: bytesOf(memory), diskBytes: bytesOf(disk), egressBytesPerS: 0 };
      const spec = { kind: "container", image: hash, reach: "slice", ...sizes } as const;
      const found = await hosts.offers({ spec, leaseMs: DAY_MS }, context.signal);
      return found.map(({ box, why, rttMs, ...one }) => ({
        ...one,
        ...{ box: boxName(mesh, box), rttMs: rttMs ?? null, why: why ?? null },
      }));
    },
  };
}
