/**
 * Checks a mutable file: which versions there are, how many shares of each, and, when asked to verify, whether every
 * byte of every share is as its writer made it. A verify cap is enough for all but one thing: that the private key in
 * the shares is the right one only the write cap tells; without it, the key that most shares have is taken for it.
 */
import { nextTurn } from "../../../kernel/clock.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { openKeys } from "../../../protocols/grid/mutable-keys.ts";
import { blockEntry, segmentCount } from "../../../protocols/grid/mutable-layout.ts";
import type { MutableHeader } from "../../../protocols/grid/mutable-layout.ts";
import { verifyBlock, verifyBlockHashes, verifyHeader } from "../../../protocols/grid/mutable-reading.ts";
import { compareVersions } from "../../../protocols/grid/server-map.ts";
import type { MutableVersion } from "../../../protocols/grid/server-map.ts";
import { atMost } from "../../../kernel/at-most.ts";
import { checkResult } from "./check-result.ts";
import type { CheckResult, ShareSeen } from "./grid.ts";
import { AUDITS_MAX, AUDIT_READ_BYTES } from "./mutable-constants.ts";
import { leasesFor } from "./mutable-file.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import { prefixName } from "./mutable-read.ts";
import type { MutableShare } from "./mutable-share.ts";
import { adviseDamage, surveyMutable } from "./mutable-survey.ts";
import type { Surveyed } from "./mutable-survey.ts";
import { ServerError } from "./server.ts";

export interface CheckOptions {
  verify?: boolean | undefined;
  renewLeases?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface CheckedMutable {
  result: CheckResult;
  surveyed: Surveyed;
  /** Names of shares that were found damaged behind their header. */
  damaged: ReadonlySet<string>;
}

export async function checkMutable(
  needs: MutableNeeds,
  file: MutableFile,
  { verify = false, renewLeases = false, signal }: CheckOptions = {},
): Promise<CheckedMutable> {
  const surveyed = await surveyMutable(needs, file, { mode: "check", isPatient: true, ...(signal ? { signal } : {}) });
  const { map, servers, shares, standingOf } = surveyed;
  const silent = new Set(servers.filter((server) => standingOf(server) !== "answered").map(({ id }) => id));
  const damaged = new Set<string>();
  if (verify) for (const name of await audited(needs, file, surveyed, silent, signal)) damaged.add(name);
  if (renewLeases) {
    const holders = servers.filter(({ id }) => map.seen.some((one) => one.server === id));
    await renewAll(needs, file, holders, silent, signal);
  }
  const isGood = (seen: ShareSeen) => !damaged.has(`${seen.share}/${seen.server}`);
  const header = map.best?.header ?? map.versions[0]?.header;
  const { needed, total } = needs.encoding();
  const result = checkResult(needs, {
    storageIndex: file.index,
    needed: header?.k ?? needed,
    total: header?.n ?? total,
    shares: map.best ? holdingsOf(map.best).filter(isGood) : [],
    damaged: [...shares.values()]
      .filter((share) => share.header === undefined || damaged.has(share.name))
      .map(({ number, server }) => ({ share: number, server: server.id })),
    silent: [...silent],
    versions: new Set(map.versions.map((version) => prefixName(version.header))).size,
  });
  return { result, surveyed, damaged };
}

export function holdingsOf({ shares }: MutableVersion): ShareSeen[] {
  return [...shares].flatMap(([share, servers]) => servers.map((server) => ({ share, server })));
}

async function renewAll(
  needs: MutableNeeds,
  file: MutableFile,
  holders: Surveyed["servers"],
  silent: Set<string>,
  signal?: AbortSignal,
): Promise<void> {
  const renew = async (server: (typeof holders)[number]) => {
    try {
      await server.renewLease(file.index, leasesFor(needs, file.storageIndex, server), signal);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      silent.add(server.id);
    }
  };
  await Promise.all(holders.map(renew));
}

/** Names of the shares that are damaged. Those that could not be read to their end make their server a silent one. */
async function audited(
  needs: MutableNeeds,
  file: MutableFile,
  { map, shares }: Surveyed,
  silent: Set<string>,
  signal?: AbortSignal,
): Promise<string[]> {
  const damaged: string[] = [];
  /** Per signed prefix: sealed key → the shares that have it. */
  const sealedKeys = new Map<string, Map<string, MutableShare[]>>();
  const fail = (share: MutableShare, error: GridError) => {
    damaged.push(share.name);
    adviseDamage(share, error);
  };
  const good = [...shares.values()].filter(({ header }) => header !== undefined);
  await atMost(AUDITS_MAX, good, async (share) => {
    try {
      const key = Buffer.from(await auditShare(needs, file, share, share.header!, signal)).toString("hex");
      const prefix = prefixName(share.header!);
      const keys = sealedKeys.get(prefix) ?? new Map<string, MutableShare[]>();
      sealedKeys.set(prefix, keys.set(key, [...(keys.get(key) ?? []), share]));
    } catch (error) {
      if (error instanceof GridError) fail(share, error);
      else if (error instanceof ServerError) silent.add(share.server.id);
      else throw error;
    }
  });
  for (const keys of sealedKeys.values()) {
    const [, ...others] = [...keys.values()].toSorted((a, b) => b.length - a.length);
    for (const share of others.flat()) fail(share, new GridError("bad-key", "another private key than most shares"));
  }
  // With the signature of the best version and another table of offsets: nobody who could sign has written that.
  const { best } = map;
  for (const version of best ? map.versions : []) {
    if (version === best || compareVersions(version.header, best!.header) !== 0) continue;
    for (const { share, server } of holdingsOf(version)) {
      const odd = shares.get(`${share}/${server}`)!;
      if (!damaged.includes(odd.name)) fail(odd, new GridError("bad-share", "another table of offsets"));
    }
  }
  return damaged;
}

/** Gives the sealed private key. Throws GridError for a damaged share, ServerError, or the signal's reason. */
async function auditShare(
  { crypto }: MutableNeeds,
  file: MutableFile,
  share: MutableShare,
  header: MutableHeader,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { sections } = header;
  const { number } = share;
  const read = (section: { start: number; end: number }) => share.read(section, signal);
  const keyPair = { publicKey: await read(sections.publicKey), signature: await read(sections.signature) };
  verifyHeader(crypto, header, file.fingerprint, keyPair);
  const sealed = await read(sections.encryptedPrivateKey);
  if (file.writeKey) openKeys(crypto, { writeKey: file.writeKey, fingerprint: file.fingerprint }, sealed);
  const trees = { chain: await read(sections.chain), blockHashes: await read(sections.blockHashes) };
  const hashes = verifyBlockHashes(crypto, header, number, trees);
  const segments = segmentCount(header);
  for (let first = 0; first < segments;) {
    const from = blockEntry(header, first).start;
    let end = first + 1;
    while (end < segments && blockEntry(header, end).end - from <= AUDIT_READ_BYTES) end++;
    const base = sections.data.start;
    const to = blockEntry(header, end - 1).end;
    const bytes = await share.peek({ start: base + from, end: base + to }, signal);
    for (let index = first; index < end; index++) {
      const entry = blockEntry(header, index);
      verifyBlock(crypto, header, { number, index, hashes }, bytes.subarray(entry.start - from, entry.end - from));
    }
    first = end;
    await nextTurn();
  }
  return sealed;
}
