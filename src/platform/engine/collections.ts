/**
 * What instances stand on: networks, profiles, storage pools and projects. The engine keeps them alike: a name, a
 * description and its own keys; each has a little more.
 */
import { z } from "zod";
import { checked } from "./answers.ts";
import type { About } from "./errors.ts";
import type { Config, Devices } from "./instances.ts";
import { plainName } from "./names.ts";
import { task } from "./operations.ts";
import type { Transport } from "./transport.ts";

export interface Thing {
  name: string;
  description: string;
  config: Config;
  /** What uses it, as addresses of the engine; it cannot be deleted before. */
  usedBy: readonly string[];
}

export interface Network extends Thing {
  /** `bridge`, `macvlan`, …; `physical` for those of the host that the engine only sees. */
  type: string;
  /** Made by the engine. */
  managed: boolean;
}

export interface Profile extends Thing {
  devices: Devices;
}

export interface Pool extends Thing {
  /** `btrfs`, `dir`, `zfs`, … */
  driver: string;
}

/** `T` as it is told, `S` what is given to make one. */
export interface Collection<T extends Thing, S> {
  list(): Promise<T[]>;
  get(name: string): Promise<T>;
  create(spec: S & { name: string; description?: string; config?: Config }): Promise<void>;
  /** Merges into its config. */
  update(name: string, change: { description?: string; config?: Config; devices?: Devices }): Promise<void>;
  delete(name: string): Promise<void>;
}

export interface Networks extends Collection<Network, { type: string }> {
  /** Who has which address of it. */
  leases(name: string): Promise<{ hostname: string; mac: string; address: string }[]>;
}

export interface Pools extends Collection<Pool, { driver: string }> {
  space(name: string): Promise<{ totalBytes: number; usedBytes: number }>;
}

export type Profiles = Collection<Profile, { devices?: Devices }>;
export type Projects = Collection<Thing, unknown>;

const config = z.record(z.string(), z.string()).nullish();
const thing = z.object({
  ...{ name: z.string(), description: z.string().nullish(), config, used_by: z.array(z.string()).nullish() },
  ...{ type: z.string().nullish(), managed: z.boolean().nullish(), driver: z.string().nullish() },
  devices: z.record(z.string(), z.record(z.string(), z.string())).nullish(),
});
const leaseShape = z.object({ hostname: z.string(), hwaddr: z.string(), address: z.string() });
const spaceShape = z.object({ space: z.object({ total: z.number(), used: z.number() }) });

type Raw = z.infer<typeof thing>;

export function networks(transport: Transport): Networks {
  const base = collection(transport, "networks", "network", (one) => ({
    ...{ ...asThing(one), type: one.type ?? "", managed: one.managed ?? false },
  }));
  return {
    ...base,
    async leases(name) {
      const about: About = { kind: "network", name };
      const { metadata } = await transport.ask({ path: `/networks/${plainName(name)}/leases`, about });
      const all = checked(z.array(leaseShape), metadata, "leases");
      return all.map(({ hostname, hwaddr, address }) => ({ hostname, mac: hwaddr, address }));
    },
  };
}

export function pools(transport: Transport): Pools {
  const base = collection(transport, "storage-pools", "storage-pool", (one) => ({
    ...{ ...asThing(one), driver: one.driver ?? "" },
  }));
  return {
    ...base,
    async space(name) {
      const about: About = { kind: "storage-pool", name };
      const { metadata } = await transport.ask({ path: `/storage-pools/${plainName(name)}/resources`, about });
      const { space } = checked(spaceShape, metadata, "a pool's space");
      return { totalBytes: space.total, usedBytes: space.used };
    },
  };
}

export function profiles(transport: Transport): Profiles {
  return collection(transport, "profiles", "profile", (one) => ({ ...asThing(one), devices: one.devices ?? {} }));
}

export function projects(transport: Transport): Projects {
  return collection(transport, "projects", "project", asThing);
}

function asThing(one: Raw): Thing {
  const { name, description, config: keys, used_by: usedBy } = one;
  return { name, description: description ?? "", config: keys ?? {}, usedBy: usedBy ?? [] };
}

function collection<T extends Thing, S>(
  transport: Transport,
  path: string,
  kind: About["kind"],
  as: (one: Raw) => T,
): Collection<T, S> {
  const about = (name: string): About => ({ kind, name });
  const at = (name: string) => `/${path}/${plainName(name)}`;
  const get = async (name: string): Promise<T> =>
    as(checked(thing, (await transport.ask({ path: at(name), about: about(name) })).metadata, kind));
  return {
    async list() {
      const { metadata } = await transport.ask({ path: `/${path}`, query: { recursion: "1" }, about: about("") });
      return checked(z.array(thing), metadata, `a list (${kind})`).map(as);
    },
    get,
    async create(spec) {
      plainName(spec.name);
      await task(transport, { method: "POST", path: `/${path}`, json: spec, about: about(spec.name) });
    },
    async update(name, change) {
      // What a change does not say the engine keeps, but for the description, which it empties.
      const description = change.description ?? (await get(name)).description;
      await task(transport, { method: "PATCH", path: at(name), json: { ...change, description }, about: about(name) });
    },
    async delete(name) {
      await task(transport, { method: "DELETE", path: at(name), about: about(name) });
    },
  };
}
