/** The code that a simulated community of hosts runs: what is shipped, unless a test hands in one with a mistake. */
import { Books } from "../../src/services/compute/host/books.ts";
import { serveHosting } from "../../src/services/compute/host/hosting.ts";
import { NetworkBooks, networkAnswers } from "../../src/services/compute/host/network-books.ts";
import { Reconciler } from "../../src/services/compute/host/reconciler.ts";
import { createHosts } from "../../src/services/compute/use/hosts.ts";
import { networkTelling } from "../../src/services/compute/use/network-telling.ts";
import { sliceStore } from "../../src/services/compute/use/slice-store.ts";
import { Slices } from "../../src/services/compute/use/slices.ts";

export const shippedParts = {
  ...{ Books, serveHosting, Reconciler, createHosts, sliceStore, Slices },
  ...{ NetworkBooks, networkAnswers, networkTelling },
};

export type Parts = typeof shippedParts;
