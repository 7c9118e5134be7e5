/**
 * Looking at a service from here: the host's own check, and the measurement of other boxes' services, which goes only
 * where `targets.ts` lets it. Nothing is sent but a connection, or a request for exactly the path that a click opens:
 * no cookie, no password, no account; redirects are not followed.
 */
import type { Clock } from "../../kernel/clock.ts";
import { probe } from "../../platform/probe.ts";
import type { ProbeReason, ProbeResult } from "../../platform/probe.ts";
import type { Resolver } from "../../platform/resolve.ts";
import type { ServiceBody } from "./body.ts";
import type { ServiceView } from "./client.ts";
import type { Sample } from "./history.ts";
import { typeFacts } from "./kinds.ts";
import type { CheckKind } from "./kinds.ts";
import type { CheckResult } from "./own.ts";
import { mayMeasureAt } from "./targets.ts";
import type { Whereabouts } from "./targets.ts";

/** A connection that took so long needed a second SYN: the first one, or its answer, was lost (RFC 6298, section 2). */
export const SYN_RETRY_MS = 1000;

/**
 * What came of it: a sample, and the host as the record names it; "refused" when the address is not to be touched, or
 * the service is of a kind that cannot be asked; "later" when it must be tried another time.
 */
export type Measured = { sample: Omit<Sample, "atMs">; host: string } | "refused" | "later";

/** The host's own check: where the service runs, as others reach it. */
export async function checkService(
  clock: Clock,
  body: ServiceBody,
  kind: CheckKind,
  selfHost: string,
): Promise<{ result: CheckResult; measured: Measured }> {
  if (kind === "none") return { result: { ok: true }, measured: "refused" };
  const { port, path, scheme } = body;
  const host = body.host ?? selfHost;
  const found = await look(clock, { host, port, path, scheme }, kind);
  const { ok, reason } = found;
  return { result: reason === undefined ? { ok } : { ok, reason }, measured: { sample: sampleOf(found), host } };
}

export interface MeasureOptions {
  clock: Clock;
  resolver: Resolver;
  where: Whereabouts;
  timeoutMs?: number;
}

/** Looks at a service of another box, or at an own one as others would. Never rejects. */
export async function measureService(
  service: Pick<ServiceView, "host" | "port" | "path" | "url" | "type" | "own">,
  { clock, resolver, where, timeoutMs }: MeasureOptions,
): Promise<Measured> {
  const { host, port, path, own } = service;
  const kind = typeFacts(service.type).check;
  if (kind === "none" || host === "") return "refused";
  const found = await resolver.resolve(host);
  if ("reason" in found) {
    if (found.reason === "busy") return "later";
    return { sample: { ok: false, lost: false, rttMs: null, firstByteMs: null }, host };
  }
  const { address } = found;
  if (!own && !mayMeasureAt(address, where)) return "refused";
  const scheme = service.url.slice(0, service.url.indexOf(":"));
  const result = await look(clock, { host, address, port, path, scheme, timeoutMs }, kind);
  return { sample: sampleOf(result), host };
}

function sampleOf({ ok, reason, rttMs, firstByteMs }: ProbeResult): Omit<Sample, "atMs"> {
  const silent = rttMs === undefined && (reason === "timeout" || reason === "no-route");
  const lost = silent || (rttMs !== undefined && rttMs >= SYN_RETRY_MS);
  return { ok, lost, rttMs: rounded(rttMs), firstByteMs: rounded(firstByteMs) };
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}

interface Target {
  host: string;
  address?: string | undefined;
  port: number;
  path: string;
  scheme: string;
  timeoutMs?: number | undefined;
}

async function look(
  clock: Clock,
  { host, address, port, path, scheme, timeoutMs }: Target,
  kind: Exclude<CheckKind, "none">,
): Promise<ProbeResult> {
  const asked = kind === "http" && scheme === "https" ? "https" : kind;
  const sent = requestPath(path);
  if (sent === undefined) return { ok: false, reason: "bad-target" satisfies ProbeReason };
  return probe({ scheme: asked, host, address, port, path: sent }, { clock, ...(timeoutMs ? { timeoutMs } : {}) });
}

/** The path as a browser sends it: escaped once, dots resolved, without what follows a #. */
function requestPath(path: string): string | undefined {
  const url = URL.parse(`http://host${path === "" ? "/" : path}`);
  return url ? url.pathname + url.search : undefined;
}
