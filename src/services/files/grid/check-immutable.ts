/**
 * Checks an immutable file: asks every server which shares it has and, when asked to verify, reads every byte of every
 * share and follows its hashes up to the cap. A verify cap is enough.
 */
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { storageIndexOf } from "../../../protocols/grid/caps.ts";
import type { ChkReadCap, ChkVerifyCap } from "../../../protocols/grid/caps.ts";
import { ChkFile } from "../../../protocols/grid/chk-decoder.ts";
import type { ChkShareReader, Progress } from "../../../protocols/grid/chk-share-reader.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { filesErrors } from "../errors.ts";
import { atMost } from "../../../kernel/at-most.ts";
import type { CheckOptions } from "./check-mutable.ts";
import { checkResult } from "./check-result.ts";
import type { CheckResult, ShareSeen } from "./grid.ts";
import { AUDITS_MAX, AUDIT_READ_BYTES, LISTINGS_MAX, SHARE_READ_BYTES } from "./mutable-constants.ts";
import { leasesFor } from "./mutable-file.ts";
import type { MutableNeeds } from "./mutable-file.ts";
import { ServerError } from "./server.ts";
import type { GridServer } from "./server.ts";

export type CareNeeds = Pick<
  MutableNeeds,
  "crypto" | "codeOf" | "clock" | "random" | "servers" | "encoding" | "leaseSecret"
>;

/** One share on one server. */
export interface Found {
  server: GridServer;
  share: number;
}

export async function checkImmutable(
  needs: CareNeeds,
  cap: ChkReadCap | ChkVerifyCap,
  { verify = false, renewLeases = false, signal }: CheckOptions = {},
): Promise<CheckResult> {
  const storageIndex = storageIndexOf(needs.crypto, cap)!;
  const index = encodeBase32(storageIndex);
  const silent = new Set<string>();
  const found: Found[] = [];
  await atMost(LISTINGS_MAX, needs.servers(), async (server) => {
    await orSilent(server, silent, async () => {
      const numbers = await server.shares("immutable", index, signal);
      for (const share of new Set(numbers)) if (share < cap.n) found.push({ server, share });
      if (!renewLeases || numbers.length === 0) return;
      await server.renewLease(index, leasesFor(needs, storageIndex, server), signal);
    });
  });
  const damaged = verify ? await auditAll(needs, cap, index, found, silent, signal) : new Set<Found>();
  const seen = (one: Found): ShareSeen => ({ share: one.share, server: one.server.id });
  return checkResult(needs, {
    storageIndex: index,
    needed: cap.k,
    total: cap.n,
    shares: found.filter((one) => !damaged.has(one)).map(seen),
    damaged: [...damaged].map(seen),
    silent: [...silent],
    versions: 1,
  });
}

async function orSilent(server: GridServer, silent: Set<string>, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    silent.add(server.id);
  }
}

/** `files-bad-cap` for a cap that no file can have. */
export function chkFile(needs: Pick<CareNeeds, "crypto" | "codeOf">, cap: ChkReadCap | ChkVerifyCap): ChkFile {
  try {
    return new ChkFile({ crypto: needs.crypto, code: needs.codeOf(cap.k, cap.n), cap });
  } catch (error) {
    if (error instanceof GridError) throw filesErrors.fail("files-bad-cap", { cause: error });
    throw error;
  }
}

async function auditAll(
  needs: CareNeeds,
  cap: ChkReadCap | ChkVerifyCap,
  index: string,
  found: readonly Found[],
  silent: Set<string>,
  signal?: AbortSignal,
): Promise<Set<Found>> {
  const file = chkFile(needs, cap);
  const damaged = new Set<Found>();
  await atMost(AUDITS_MAX, found, (one) =>
    orSilent(one.server, silent, async () => {
      try {
        const reader = file.share(one.share);
        await driven(one.server, index, reader, () => reader.audit(), signal);
      } catch (error) {
        if (!(error instanceof GridError)) throw error;
        damaged.add(one);
        void one.server.advise("immutable", index, one.share, error.message).catch(() => {});
      }
    }),
  );
  return damaged;
}

/** Fetches what a share reader asks for until it is satisfied; a little more each time, since more will be asked. */
export async function driven<T>(
  server: GridServer,
  index: string,
  reader: ChkShareReader,
  step: () => Progress<T>,
  signal?: AbortSignal,
  atLeastBytes = AUDIT_READ_BYTES,
): Promise<T> {
  for (;;) {
    const progress = step();
    if (progress.state === "ready") return progress.value;
    for (const range of progress.ranges) {
      const end = range.at + Math.max(range.length, atLeastBytes);
      for (let at = range.at; at < end; at += SHARE_READ_BYTES) {
        const part = { at, length: Math.min(SHARE_READ_BYTES, end - at) };
        const bytes = await server.read("immutable", index, reader.number, part, signal);
        reader.feed(part, bytes);
        // It ends here.
        if (bytes.length < part.length) break;
      }
    }
  }
}
