/** One planted mistake for each promise of the files, and the plan that must catch it within some seeds. */
import type { Mistake } from "./planted.ts";

export interface FilesMutation {
  name: string;
  plan: string;
  mistakes: readonly Mistake[];
  /** The first one to try: one that is known to find it. 1 by default. */
  seed?: number;
}

const at = (folder: string) => (file: string, from: string, to: string) => ({ file: `${folder}/${file}`, from, to });
const [grid, tree, care] = ["grid", "tree", "care"].map((name) => at(`services/files/${name}`)) as [At, At, At];
const storage = at("services/files/storage");
const formats = at("protocols/grid");
type At = ReturnType<typeof at>;

const reading: readonly FilesMutation[] = [
  {
    name: "blocks are not checked, and neither is what comes of them",
    seed: 9,
    plan: "harm",
    mistakes: [
      formats("chk-run.ts", "if (numbers.length > 0) return", "if (numbers.length < 0) return"),
      formats(
        "chk-run.ts",
        "if (!sameBytes(crypttextSegmentHash(",
        "if (count < 0 && !sameBytes(crypttextSegmentHash(",
      ),
    ],
  },
  {
    name: "a damaged block is not laid at the door of its share",
    seed: 9,
    plan: "harm",
    mistakes: [formats("chk-run.ts", "if (numbers.length > 0) return", "if (numbers.length < 0) return")],
  },
  {
    name: "a block of a mutable share is not checked",
    seed: 6,
    plan: "harm",
    mistakes: [
      formats(
        "mutable-reading.ts",
        "if (!sameBytes(blockHash(crypto, entry), hashAt(place.hashes, place.index))) {",
        "if (entry.length < 0) {",
      ),
    ],
  },
  {
    name: "a signature is not checked",
    seed: 4,
    plan: "harm",
    mistakes: [
      formats(
        "mutable-reading.ts",
        "if (!crypto.rsaVerify(publicKey, header.prefix, signature)) {",
        "if (signature.length < 0) {",
      ),
    ],
  },
  {
    name: "the oldest version is read",
    plan: "rollback",
    mistakes: [
      grid("mutable-read.ts", "sequence === pool[0]?.header.sequence", "sequence === pool.at(-1)?.header.sequence"),
    ],
  },
];

const storing: readonly FilesMutation[] = [
  {
    name: "an upload is done before it is spread",
    plan: "spread",
    mistakes: [
      grid("upload.ts", "if (happiness < options.encoding.happy || shares < k) throw", "if (shares < 0) throw"),
      grid("upload.ts", "outlook.happiness >= options.encoding.happy && outlook.shares >= k", "outlook.shares >= 0"),
    ],
  },
  {
    name: "a share counts before its last byte is stored",
    seed: 3,
    plan: "spread",
    mistakes: [
      grid("upload-share.ts", "if (isComplete && this.#state", "if ((isComplete || missing.length < 2) && this.#state"),
    ],
  },
  {
    name: "a small share for which there is no room counts as stored",
    plan: "quotas",
    mistakes: [
      grid(
        "upload-placing.ts",
        "[...here, ...alreadyHave, ...stored] : alreadyHave",
        "wished : [...wished, ...alreadyHave]",
      ),
    ],
  },
  {
    name: "a change is done when one server has it",
    plan: "spread",
    mistakes: [
      grid(
        "mutable-publish.ts",
        "if (sharesIn(holdings) >= needed && reached >= wanted) return",
        "if (reached >= 0) return",
      ),
    ],
  },
  {
    name: "a change is done when it can be read",
    plan: "spread",
    mistakes: [grid("mutable-modify.ts", "Math.min(this.#spread ? needed : total,", "Math.min(needed,")],
  },
  {
    name: "a writer forgets what it has written",
    seed: 24,
    plan: "spread",
    mistakes: [
      grid(
        "mutable-memory.ts",
        "<= NEWEST_KEPT_MS ? newest.sequence : 0n",
        "<= NEWEST_KEPT_MS ? newest.sequence * 0n : 0n",
      ),
    ],
  },
  {
    name: "what is known is written over without a test",
    plan: "turns",
    mistakes: [formats("mutable-writes.ts", "return { test: [testVector(known)], write", "return { test: [], write")],
  },
  {
    name: "what was known once is known for ever",
    plan: "turns",
    mistakes: [grid("mutable-memory.ts", "nowMs - known.atMs <= KNOWN_FRESH_MS", "nowMs >= known.atMs")],
  },
  {
    name: "a writer that met another one takes its change for done",
    seed: 2,
    plan: "weather",
    mistakes: [
      grid(
        "mutable-publish.ts",
        'if (outcomes.includes("conflict") || looked.includes("conflict")) return',
        "if (outcomes.length < 0) return",
      ),
    ],
  },
  {
    name: "a change is made on what was read before the other's",
    seed: 2,
    plan: "weather",
    mistakes: [
      grid("mutable-modify.ts", ": this.#change(content);", ": this.#change((this.#first ??= content));"),
      grid("mutable-modify.ts", "  #hasMet = false;", "  #hasMet = false;\n  #first: Uint8Array | undefined;"),
    ],
  },
  {
    name: "one write enabler for all servers",
    plan: "harm",
    mistakes: [
      grid(
        "mutable-file.ts",
        "yield writeEnabler(needs.crypto, file.writeKey, server.tubId)",
        "yield writeEnabler(needs.crypto, file.writeKey, new Uint8Array(20))",
      ),
    ],
  },
  {
    name: "a late server is waited for",
    plan: "frozen",
    mistakes: [
      grid("mutable-publish.ts", "after(lateMs + sendingMs,", "after(lateMs * 100,"),
      grid("mutable-publish.ts", "after(lateAfterMs(server) + sendingMs,", "after(lateMs * 100,"),
    ],
  },
  {
    name: "whoever does not say what it has is waited for",
    plan: "frozen",
    mistakes: [
      grid(
        "mutable-survey.ts",
        "this.#needs.clock.after(lateAfterMs(one.server), setLate)",
        "this.#needs.clock.after(20_000, setLate)",
      ),
    ],
  },
  {
    name: "a late reading is not doubled",
    plan: "frozen",
    mistakes: [
      grid(
        "download-run.ts",
        "if (this.#needs.clock.monotonicMs() - reading.startedMs < lateMs) return;",
        "if (lateMs > 0) return;",
      ),
    ],
  },
  {
    name: "a member's share is counted twice",
    plan: "quotas",
    mistakes: [storage("room.ts", "?? 0) + bytes;\n    if (used > 0)", "?? 0) + 2 * bytes;\n    if (used > 0)")],
  },
  {
    name: "who has no room for two shares gets none",
    plan: "quotas",
    mistakes: [
      grid(
        "upload-placing.ts",
        "server), ...this.#allocated.values()]);\n    const readOnly",
        "server)]);\n    const readOnly",
      ),
    ],
  },
];

const tending: readonly FilesMutation[] = [
  {
    name: "a repair replaces a newer version",
    plan: "rollback",
    mistakes: [grid("repair-mutable.ts", 'state === "refused" || ', "")],
  },
  {
    name: "a repair takes damaged shares for good ones",
    plan: "harm",
    mistakes: [grid("check-immutable.ts", "const damaged = verify ? ", "const damaged = !verify && verify ? ")],
  },
  {
    name: "leases of immutable files are not renewed",
    plan: "leases",
    mistakes: [
      grid(
        "check-immutable.ts",
        "if (!renewLeases || numbers.length === 0) return;",
        "if (numbers.length >= 0) return;",
      ),
    ],
  },
  {
    name: "one lease of each folder is forgotten",
    plan: "leases",
    mistakes: [
      grid(
        "check-mutable.ts",
        "await Promise.all(holders.map(renew));",
        "await Promise.all(holders.slice(1).map(renew));",
      ),
    ],
  },
  {
    name: "a walk passes the folders by",
    plan: "destroyed",
    mistakes: [
      tree(
        "deep.ts",
        'if (child.cap.kind === "directory") left.push',
        'if (child.cap.kind === "directory" && entries < 0) left.push',
      ),
    ],
  },
  {
    name: "what is missed on boxes that are away is never made again",
    plan: "destroyed",
    mistakes: [care("checking.ts", "return allAnswered || isUrgent || isOld;", "return allAnswered;")],
  },
  {
    name: "care works as fast as it can",
    plan: "destroyed",
    mistakes: [care("pace.ts", "while (owedBytes > 0) {", "while (owedBytes < 0) {")],
  },
  {
    name: "who keeps nothing looks after nobody",
    plan: "owner-away",
    mistakes: [
      care(
        "care.ts",
        "return await needs.deposits.tend(beforeMs, signal);\n    }\n    if (round",
        "return;\n    }\n    if (round",
      ),
    ],
  },
  {
    name: "only what is nearly lost is made again for others",
    plan: "owner-away",
    mistakes: [care("deposits.ts", "{ weakSinceMs }, clock", "undefined, clock")],
  },
  {
    name: "new boxes are not noticed",
    plan: "new-boxes",
    mistakes: [care("server-changes.ts", "if (ids === settled.ids) candidate", "if (settled.sinceMs > 0) candidate")],
  },
];

export const filesMutations: readonly FilesMutation[] = [...reading, ...storing, ...tending];
