/**
 * The services of a box, in the order in which they start: one line each. The command line reads only the contracts;
 * the daemon loads the rest.
 */
import type { Contract, Service } from "../kernel/contract.ts";
import type { System } from "../system.ts";
import { boxContract } from "./box/contract.ts";
import { computeContract } from "./compute/contract.ts";
import { discoveryContract } from "./discovery/contract.ts";
import { filesContract } from "./files/contract.ts";
import { kvContract } from "./kv/contract.ts";
import { lanContract } from "./lan/contract.ts";
import { meshContract } from "./mesh/contract.ts";
import { peopleContract } from "./people/contract.ts";

export interface ServiceEntry {
  contract: Contract;
  /** Makes the service from the parts of the system, and adds its client to them where others need it. */
  make: (system: System) => Promise<Service>;
}

export const services: readonly ServiceEntry[] = [
  {
    contract: peopleContract,
    make: async (system) => provide(system, "people", (await import("./people/service.ts")).people(system)),
  },
  {
    contract: meshContract,
    make: async (system) => provide(system, "mesh", (await import("./mesh/service.ts")).mesh(system)),
  },
  {
    contract: discoveryContract,
    make: async (system) => provide(system, "discovery", (await import("./discovery/service.ts")).discovery(system)),
  },
  { contract: kvContract, make: async (system) => provide(system, "kv", (await import("./kv/service.ts")).kv(system)) },
  {
    contract: filesContract,
    make: async (system) => provide(system, "files", (await import("./files/service.ts")).files(system)),
  },
  {
    contract: computeContract,
    make: async (system) => (await import("./compute/service.ts")).compute(system),
  },
  { contract: lanContract, make: async (system) => (await import("./lan/service.ts")).lan(system) },
  { contract: boxContract, make: async (system) => (await import("./box/service.ts")).box(system) },
];

/** Makes a service's client known to the services that come after it. */
function provide<K extends "people" | "mesh" | "discovery" | "kv" | "files">(
  system: System,
  name: K,
  made: Service & { client: System[K] },
): Service {
  system[name] = made.client;
  return made;
}
