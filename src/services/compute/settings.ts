/** The settings of the compute service: what this box lends, to whom and how. Nothing, unless its host says so. */
import { z } from "zod";
import { SLIVER_PORTS_MAX } from "./constants.ts";
import { CORES_MAX, HOST_SLIVERS_MAX } from "../../protocols/compute/constants.ts";
import { REACHES } from "../../protocols/compute/lending.ts";
import type { LendPolicy } from "../../protocols/compute/lending.ts";

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const mib = z.number().int().min(0).max(1_000_000_000);

export const LEND_TO = ["nobody", "zone", "community", "named"] as const;

export const computeSettings = z.object({
  lendTo: z.enum(LEND_TO).default("nobody").describe("Who may use computers of this box."),
  lendNamed: z
    .array(z.string().trim().min(1).max(200))
    .max(200)
    .default([])
    .describe("The owners who may, when only named ones may."),
  lendCores: z.number().int().min(0).max(CORES_MAX).default(0).describe("Cores that are lent altogether."),
  lendMemoryMiB: mib.default(0).describe("Memory that is lent altogether, in MiB."),
  lendDiskMiB: mib.default(0).describe("Disk that is lent altogether, in MiB."),
  lendEgressKiBps: mib
    .default(0)
    .describe("What may leave all slivers together towards other networks, in KiB a second."),
  lendSlivers: z.number().int().min(0).max(HOST_SLIVERS_MAX).default(16).describe("Slivers at most."),
  lendReach: z.enum(REACHES).default("slice").describe("How far slivers may speak beyond their slice."),
  lendTunnelPort: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe("The UDP port at which other hosts reach the slivers' network here. 0: that of the mesh and 1000."),
  lendPorts: z
    .number()
    .int()
    .min(0)
    .max(SLIVER_PORTS_MAX)
    .default(0)
    .describe("Ports of each sliver that the community may see at this box."),
  lendVms: z.boolean().default(false).describe("Lend virtual machines as well as containers."),
  lendDays: z
    .number()
    .int()
    .min(1)
    .max(90)
    .default(30)
    .describe("A lease lasts so many days at most before it is renewed."),
  lendSharePercent: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(100)
    .describe("What one box may have of it at most, in percent."),
  lendFirst: z
    .enum(["effort", "arrival"])
    .default("effort")
    .describe("Who comes first when little is left: who lends more of what they have, or who asks first."),
  lendPrice: z
    .number()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe("Community credits for an hour of one core, for boxes of other zones."),
});

export type ComputeSettings = z.output<typeof computeSettings>;

/** `sliversMax`: what the engine can give. */
export function policyOf(settings: ComputeSettings, sliversMax: number): LendPolicy {
  return {
    lent: {
      cores: settings.lendCores,
      memoryBytes: settings.lendMemoryMiB * MIB,
      diskBytes: settings.lendDiskMiB * MIB,
      egressBytesPerS: settings.lendEgressKiBps * 1024,
    },
    slivers: Math.min(settings.lendSlivers, sliversMax),
    to: settings.lendTo,
    named: settings.lendNamed,
    reach: settings.lendReach,
    vms: settings.lendVms,
    leaseMaxMs: settings.lendDays * DAY_MS,
    perBorrower: settings.lendSharePercent / 100,
    priority: settings.lendFirst,
    priceAcrossZones: settings.lendPrice,
  };
}
