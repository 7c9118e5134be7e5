/**
 * Looking at a service from here: the host's own check, and the measurement of other boxes' services. A foreign
 * service may name any host; one that points back into this machine is not touched, so that no record can make this
 * box knock at its own doors.
 */
import type { Clock } from "../../kernel/clock.ts";
import { isLocal } from "../../platform/addresses.ts";
import { probe } from "../../platform/probe.ts";
import type { ProbeResult } from "../../platform/probe.ts";
import type { ServiceBody } from "./body.ts";
import type { ServiceView } from "./client.ts";
import type { CheckKind } from "./kinds.ts";
import type { CheckResult } from "./own.ts";
import type { Sample } from "./store.ts";

/** The host's own check: where the service runs, as others reach it. */
export async function checkService(
  clock: Clock,
  body: ServiceBody,
  kind: CheckKind,
  selfHost: string,
): Promise<CheckResult> {
  const { ok, reason } = await look(
    clock,
    { host: body.host ?? selfHost, port: body.port, path: body.path, scheme: body.scheme },
    kind,
  );
  return reason === undefined ? { ok } : { ok, reason };
}

/** A sample of somebody else's service, or undefined when it is not to be touched. `boxHost` is its box's address. */
export async function measureService(
  clock: Clock,
  service: ServiceView,
  kind: CheckKind,
  boxHost: string | null,
): Promise<Omit<Sample, "atMs"> | undefined> {
  const { host, port, path } = service;
  const scheme = service.url.slice(0, service.url.indexOf(":"));
  if (!service.own && host !== boxHost && isLocal(host)) return undefined;
  // A name may still mean this machine: then the probe hangs up before it says a word.
  const refuse = service.own || host === boxHost ? undefined : (address: string) => isLocal(address);
  const result = await look(clock, { host, port, path, scheme, refuse }, kind);
  return { ok: result.ok, rttMs: result.rttMs ?? null, firstByteMs: result.firstByteMs ?? null };
}

interface Target {
  host: string;
  port: number;
  path: string;
  scheme: string;
  refuse?: ((address: string) => boolean) | undefined;
}

async function look(clock: Clock, { host, port, path, scheme, refuse }: Target, kind: CheckKind): Promise<ProbeResult> {
  if (kind === "none") return { ok: true };
  const asked = { http: scheme === "https" ? "https" : "http", dns: "dns", tcp: "tcp" }[kind];
  return probe({ scheme: asked, host, port, ...(path ? { path: encodeURI(path) } : {}) }, { clock, refuse });
}
