/** What other services may ask of discovery: announce what they offer, and read what the community offers. */
import type { z } from "zod";
import type { publishInput, service } from "./contract.ts";

export type ServiceView = z.output<typeof service>;
export type PublishInput = z.input<typeof publishInput>;

export interface DiscoveryClient {
  /** Everything visible from here. */
  list(): ServiceView[];
  publish(input: PublishInput): ServiceView;
  /** Announces a service of the daemon itself under a fixed key; the same key replaces. Not listed in the store. */
  offer(key: string, input: PublishInput): void;
  unoffer(key: string): void;
  /** The category that a type of service belongs to. */
  categoryOf(type: string): ServiceView["category"];
  /** Own published services by address, to tell what is already published. */
  ownAt(host: string, port: number): string | null;
  counts(): { own: number; community: number };
}
