/** The code that a simulated grid runs: what is shipped, unless a test hands in a copy with a planted mistake. */
import { careAccounts, createChecks } from "../../src/services/files/care/accounts.ts";
import { careStore } from "../../src/services/files/care/care-store.ts";
import { createCare } from "../../src/services/files/care/care.ts";
import { createDeposits } from "../../src/services/files/care/deposits.ts";
import { createNotes } from "../../src/services/files/care/notes.ts";
import { createPace } from "../../src/services/files/care/pace.ts";
import { createGrid } from "../../src/services/files/grid/community-grid.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import { KeyPool } from "../../src/services/files/grid/key-pool.ts";
import { Room } from "../../src/services/files/storage/room.ts";
import { Tree } from "../../src/services/files/tree/tree.ts";

export const shippedParts = {
  ...{ createGrid, GridWorkers, KeyPool, Room, Tree },
  ...{ careAccounts, careStore, createCare, createChecks, createDeposits, createNotes, createPace },
};

export type Parts = typeof shippedParts;
