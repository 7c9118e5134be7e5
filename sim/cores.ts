/** The cores that a world runs: the shipped ones, unless a test hands in copies with a planted mistake. */
import { createMembership } from "../src/protocols/membership/membership.ts";
import { Admission } from "../src/protocols/records/admission.ts";
import { createRecords } from "../src/protocols/records/records.ts";

export interface Cores {
  createMembership: typeof createMembership;
  createRecords: typeof createRecords;
  Admission: typeof Admission;
}

export const shippedCores: Cores = { createMembership, createRecords, Admission };
