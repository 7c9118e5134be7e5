/** What the small scenarios have in common: a fast profile, checked record by record. */
import type { WorldConfig } from "../world.ts";

export const small: Omit<WorldConfig, "seed" | "boxes"> = {
  profile: "test",
  graph: "flat",
  records: "admission",
  copyMessages: true,
  audits: true,
};

/** At rest a box of the test profile, which probes ten times a second, sends less than this. */
export const REST_BYTES_PER_SECOND = 6000;
