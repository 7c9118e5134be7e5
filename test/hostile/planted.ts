/**
 * One planted mistake for each promise of the records, and the test that has to notice it. docs/protocols/records.md
 * lists them for people. A replacement that no longer matches the code exactly once is itself a failure.
 */
export interface Planted {
  promise: string;
  mistakes: readonly { file: string; from: string; to: string }[];
  /** File and name of the test that must fail. */
  test: readonly [file: string, name: string];
}

const records = (name: string) => `src/protocols/records/${name}`;
const one = (file: string, from: string, to: string) => ({ file, from, to });

/** The merge's short way for the newest record, taken away: then the long one decides. */
const noShortWay = one(
  records("author-set.ts"),
  "const isNewest = !last || compareHeld(held, last) > 0;",
  "const isNewest = false;",
);

const LIMITS = records("limits.test.ts");
const ABSENCE = records("absence.test.ts");
const RECORDS = records("records.test.ts");
const HOSTILE = "test/hostile/records.test.ts";
const HOSTILE_TEST = "hostile records: nothing is taken that its author did not sign";
const MONTH = "a month away: one exchange, and nothing that was withdrawn comes back on either side";

export const planted: readonly Planted[] = [
  {
    promise: "nothing is taken that its author did not sign",
    mistakes: [one(records("records.ts"), 'if (!isGenuine(held, publicKey, this.#deps)) return "bad-signature";', "")],
    test: [HOSTILE, HOSTILE_TEST],
  },
  {
    promise: "nor what was signed for another community",
    mistakes: [
      one(
        records("record.ts"),
        'const scope = kind === GENESIS_KIND ? "" : community;',
        'const scope = community && "";',
      ),
    ],
    test: [RECORDS, "a record of another community, and a key that is not the author's, are refused"],
  },
  {
    promise: "an old number replaces nothing",
    mistakes: [
      one(records("live-set.ts"), "if (!other || compareHeld(held, other) > 0)", "if (held)"),
      one(records("author-set.ts"), 'if (other) return compareHeld(held, other) > 0 ? "new" : "superseded";', ""),
      noShortWay,
    ],
    test: [RECORDS, "an older record is superseded; a newer one replaces it in the store and for readers"],
  },
  {
    promise: "what is dated in the future is not taken",
    mistakes: [
      one(
        records("record.ts"),
        "return record.timeMs > nowMs + FUTURE_MAX_MS;",
        "return record.timeMs > Infinity + nowMs + FUTURE_MAX_MS;",
      ),
    ],
    test: [RECORDS, "records from the future and expired ones are refused; what expires later is dropped everywhere"],
  },
  {
    promise: "what was removed stays removed for who was away",
    mistakes: [
      one(
        records("live-set.ts"),
        "filter(isStanding)",
        "filter((held) => isStanding(held) && held.record.body !== null)",
      ),
      noShortWay,
    ],
    test: [ABSENCE, MONTH],
  },
  {
    promise: "what fell below a floor does not come back",
    mistakes: [
      one(records("live-set.ts"), "record.seq >= floor ||", "record.seq >= floor || record.body !== null ||"),
      one(records("author-set.ts"), "if (held.record.seq < witness.record.floor && !isPermanent(held))", "if (!held)"),
      noShortWay,
    ],
    test: [ABSENCE, MONTH],
  },
  {
    promise: "a merge by the short way is the merge",
    mistakes: [
      one(records("author-set.ts"), "if (other) gone.add(other);", "if (other && gone.size > 0) gone.add(other);"),
    ],
    test: [records("live-set.test.ts"), "taken one at a time, in any order, the same is left as of all at once"],
  },
  {
    promise: "a flood does not take away its author's own join, on which others lean",
    mistakes: [
      one(
        records("live-set.ts"),
        "(record.kind === GENESIS_KIND || record.kind === JOIN_KIND)",
        "record.kind === GENESIS_KIND && JOIN_KIND !== record.kind",
      ),
    ],
    test: [
      records("live-set.test.ts"),
      "no floor and no flood of its author takes a join away, on which others may lean",
    ],
  },
  {
    promise: "an author's share is limited, whoever brings its records",
    mistakes: [
      one(records("intake-rates.ts"), " || !this.#ofAuthor(via).has(author, nowMs)) return false;", ") return false;"),
    ],
    test: [LIMITS, "what reconciliation brings of one author is limited, too, before a signature is looked at"],
  },
  {
    promise: "what a neighbour sends unasked costs a limited number of signature checks",
    mistakes: [
      one(
        records("intake-rates.ts"),
        'return via === "sync" || this.#checksFrom.take(from, nowMs, checks);',
        "return checks > 0;",
      ),
    ],
    test: [LIMITS, "signatures of what a neighbour sends unasked are limited; what we ask for is not"],
  },
  {
    promise: "who forges is not listened to for a while",
    mistakes: [one(records("intake-rates.ts"), "    this.#forgeriesFrom.take(from, nowMs);\n", "")],
    test: [LIMITS, "who sends bad signatures is not listened to for a while; others are"],
  },
  {
    promise: "forgeries do not use up an author's share",
    mistakes: [
      one(
        records("records.ts"),
        "if (refusal) this.#rates.forged(from, nowMs);",
        "if (refusal) this.#rates.took(origin, nowMs);",
      ),
    ],
    test: [LIMITS, "pushes are limited by author; forgeries do not use up its share"],
  },
  {
    promise: "a session that brings nothing of use ends",
    mistakes: [
      one(
        records("sync-session.ts"),
        'if (this.#isUseless(request)) return this.#end("useless");',
        "this.#isUseless(request);",
      ),
    ],
    test: [LIMITS, "a session with a forger ends, and so does one that brings nothing of use"],
  },
  {
    promise: "one neighbour does not take all the room for those who wait",
    mistakes: [one(records("waiting-room.ts"), " || count >= WAITING_PER_PEER_MAX", "")],
    test: [LIMITS, "a record that comes before its author waits, of each neighbour a bounded number"],
  },
  {
    promise: "waiting costs no signatures",
    mistakes: [
      one(
        records("admission.ts"),
        'return this.#isGenuine(record) || "bad-signature";',
        "return this.#isGenuine(record);",
      ),
    ],
    test: [LIMITS, "waiting costs no signatures, and what will never be good does not wait"],
  },
  {
    promise: "a member cannot fill others with strangers",
    mistakes: [
      one(
        records("admission.ts"),
        'return vouchers.some(isGood) || "full";',
        "return vouchers.some(isGood) || vouchers.length > 0;",
      ),
    ],
    test: [LIMITS, "a member cannot fill the others with strangers that it welcomed"],
  },
  {
    promise: "scarce room is for those who need little",
    mistakes: [
      one(
        records("records.ts"),
        "this.#table.bytesOf(author) > AUTHOR_BYTES_CROWDED) return true;",
        "this.#table.bytesOf(author) > 1e9 + AUTHOR_BYTES_CROWDED) return true;",
      ),
    ],
    test: [LIMITS, "when the room gets scarce it is for those who need little"],
  },
  {
    promise: "who numbers twice is noticed, whichever came first",
    mistakes: [
      one(
        records("records.ts"),
        'const isProof = verdict === "superseded" && this.#isUnknownTwin(held);',
        'const isProof = verdict === "full" as never && this.#isUnknownTwin(held);',
      ),
    ],
    test: [RECORDS, "an equivocating author is noticed, and every box keeps the same of its records"],
  },
  {
    promise: "only a steward excludes, whoever passes it on",
    mistakes: [
      one(
        records("stewards.ts"),
        "for (let layer = [records.founder]; layer.length;) {",
        "for (let layer = [records.founder, ...records.exclusionsBy.keys()]; layer.length;) {",
      ),
      one(records("stewards.ts"), "if (!mayDecide(stewards, record.author, exclusion.atMs, record.seq)) continue;", ""),
    ],
    test: [
      records("admission.test.ts"),
      "stewards: granted by stewards, ended with what they decided standing, voided with all of it",
    ],
  },
  {
    promise: "an excluded author is not listened to",
    mistakes: [one(records("records.ts"), 'if (keeps && !keeps(record)) return "excluded";', "")],
    test: [
      RECORDS,
      "an excluded author's records go and are refused, but for what is to be kept, until it is restored",
    ],
  },
  {
    promise: "a join's evidence is checked before it is taken",
    mistakes: [one(records("admission.ts"), 'return this.#isGenuine(record) || "bad-signature";', "return true;")],
    test: [records("admission.test.ts"), "forged evidence of every sort is refused before it is stored"],
  },
  {
    promise: "the kept fold is the fold over all records",
    mistakes: [
      one(records("membership-fold.ts"), "if (wasFree !== isFree && order(one, vouching) >= 0) this.#doubt(one);", ""),
    ],
    test: [
      records("membership-fold.test.ts"),
      "random histories: kept up to date, the fold is that of all records at once, in any order",
    ],
  },
  {
    promise: "a box on an old copy of its disk asks before it numbers",
    mistakes: [one(records("own-records.ts"), "this.#adopting = adoptFirst;", "this.#adopting = adoptFirst && false;")],
    test: [ABSENCE, "an old copy of a disk asks first, and goes on after the last number that anybody knows"],
  },
  {
    promise: "with nobody to ask its numbers go on far ahead",
    mistakes: [one(records("own-records.ts"), "this.seen(Math.trunc(nowMs));", "this.seen(Math.trunc(nowMs / 1e12));")],
    test: [ABSENCE, "when nobody can be asked its numbers go on far ahead; what the other life wrote comes back"],
  },
  {
    promise: "no step of a message's records takes long",
    mistakes: [
      one("src/services/mesh/reconciling.ts", "room = CHECKS_PER_STEP_MAX;", "room = CHECKS_PER_STEP_MAX * 100;"),
    ],
    test: [
      "src/services/mesh/reconciling.test.ts",
      "a message's records are given in parts that cost no more than a step may",
    ],
  },
  {
    promise: "a box takes a bounded share of another's time",
    mistakes: [
      one(
        "src/services/mesh/work-share.ts",
        "(account.usedMs - PEER_BURST_MS) / PEER_SHARE;",
        "(account.usedMs - PEER_BURST_MS) / PEER_SHARE - 1e9;",
      ),
    ],
    test: [
      "src/services/mesh/work-share.test.ts",
      "a box that took its share waits as long as that wears off, or is refused",
    ],
  },
  {
    promise: "who stalls gives way to others",
    mistakes: [
      one(
        "src/services/mesh/reconciling.ts",
        "oldest[1].stopped = true;\n      runs.delete(oldest[0]);",
        "return undefined;",
      ),
    ],
    test: [
      "src/services/mesh/reconciling.test.ts",
      "one session with a box; a few at once; one that lasts too long gives way",
    ],
  },
  {
    promise: "a failing disk is not called a full one",
    mistakes: [
      one(
        "src/platform/disk-room.ts",
        "return bavail * bsize >= STORE_ROOM_BYTES_MIN;",
        "return bavail * bsize < STORE_ROOM_BYTES_MIN;",
      ),
    ],
    test: [
      "src/platform/store.test.ts",
      "a disk that fails though it has room is storage-failed, and the store goes on when it works again",
    ],
  },
];
