/**
 * The asking side of a reconciliation: what is still to compare, ask for, fetch and push. It ends when the queues are
 * empty; then both sides hold the union (but for what one of them refuses).
 *
 *   compare "" -> differing children -> ... -> leaves: authors with digests
 *      child empty here  -> fetch            author missing here, or different -> ask with our refs -> records, want
 *      child empty there -> push             author missing there, or wanted   -> push
 */
import type { AuthorTable } from "./author-table.ts";
import {
  AUTHORS_PER_MESSAGE_MAX,
  COMPARES_PER_MESSAGE_MAX,
  FETCHES_PER_MESSAGE_MAX,
  MESSAGE_BUDGET_BYTES,
  RECORDS_PER_MESSAGE_MAX,
  SYNC_QUEUE_MAX,
  SYNC_ROUNDS_MAX,
  SYNC_UNKNOWN_PER_USELESS,
  SYNC_USELESS_RECORDS_MAX,
  SYNC_USELESS_ROUNDS_MAX,
} from "./constants.ts";
import { EMPTY_DIGEST } from "./digest-tree.ts";
import { Budget, ID_BYTES, REF_BYTES, type NodeAnswer, type SyncAnswer, type SyncRequest } from "./sync-messages.ts";
import { WorkQueue } from "./work-queue.ts";

export type SyncState =
  | { state: "ready" }
  | { state: "asked"; request: SyncRequest }
  | { state: "done"; outcome: SyncOutcome };

/**
 * `rounds` and `queue`: a limit was reached and the next session goes on. `protocol`: the answer made no sense.
 * `useless`: much came and nothing of it was any good.
 */
export type SyncOutcome = "complete" | "rounds" | "queue" | "protocol" | "useless";

export class SyncSession {
  readonly #table: AuthorTable;
  readonly #compares = new WorkQueue<[prefix: string, digest: string]>();
  readonly #authors = new WorkQueue<string>();
  readonly #fetches = new WorkQueue<[prefix: string, after: string]>();
  /** Authors of whom the other lacks the refs, or (null) everything. */
  readonly #pushes = new WorkQueue<[author: string, refs: string[] | null]>();
  /** Of the author that is being sent in parts: the refs that came already, whether we took them or not. */
  #part: { author: string; refs: Set<string> } | null = null;
  state: SyncState = { state: "ready" };
  rounds = 0;
  /** Records sent to the other side; received from it; of these taken; of these by authors not admitted. */
  sent = 0;
  received = 0;
  taken = 0;
  unknown = 0;
  #takenBefore = 0;
  /** Answers in a row that were of no use. */
  #uselessRounds = 0;

  /** About everything, or about one author only. */
  constructor(table: AuthorTable, author?: string) {
    this.#table = table;
    if (author === undefined) this.#compares.push(["", table.tree.digest("")]);
    else this.#authors.push(author);
  }

  /** The next request, or undefined when the session is done (see `state`). */
  next(): SyncRequest | undefined {
    if (this.state.state !== "ready") return undefined;
    const request = this.#compose();
    const { compare, authors, fetch, records } = request;
    const isEmpty = compare.length + authors.length + fetch.length + records.length === 0;
    if (isEmpty) this.#end("complete");
    else if (this.rounds >= SYNC_ROUNDS_MAX) this.#end("rounds");
    else {
      this.rounds++;
      this.sent += request.records.length;
      this.state = { state: "asked", request };
      return request;
    }
    return undefined;
  }

  /** What became of records that this session's answer brought; told before `answered`. */
  took(taken: number, unknown: number): void {
    this.taken += taken;
    this.unknown += unknown;
  }

  /** Takes the answer, whose records the caller took in before. `refs` are theirs, when it was cut. */
  answered(answer: SyncAnswer, refs: { author: string; ref: string }[]): void {
    if (this.state.state !== "asked") return;
    const { request } = this.state;
    this.state = { state: "ready" };
    if (!fits(request, answer)) return this.#end("protocol");
    this.received += answer.records.length;
    if (this.#isUseless(request)) return this.#end("useless");
    this.#compares.putBack(request.compare.slice(answer.compared));
    for (const node of answer.nodes) this.#compareNode(node);
    this.#afterAuthors(request, answer, refs);
    const [begun, ...unbegun] = request.fetch.slice(answer.fetched);
    if (begun) this.#fetches.putBack([[begun[0], answer.next ?? begun[1]], ...unbegun]);
    for (const author of answer.large) this.#authors.push(author);
    const queued = this.#compares.length + this.#authors.length + this.#fetches.length + this.#pushes.length;
    if (queued > SYNC_QUEUE_MAX) this.#end("queue");
  }

  /** The other side sent what is no answer. */
  failed(): void {
    this.#end("protocol");
  }

  #end(outcome: SyncOutcome): void {
    this.state = { state: "done", outcome };
    for (const queue of [this.#compares, this.#authors, this.#fetches, this.#pushes]) queue.clear();
  }

  #isUseless(request: SyncRequest): boolean {
    const isOfUse = this.taken > this.#takenBefore || request.records.length > 0;
    this.#takenBefore = this.taken;
    this.#uselessRounds = isOfUse ? 0 : this.#uselessRounds + 1;
    const refused = this.received - this.taken - this.unknown + this.unknown / SYNC_UNKNOWN_PER_USELESS;
    return this.#uselessRounds >= SYNC_USELESS_ROUNDS_MAX || refused > SYNC_USELESS_RECORDS_MAX + this.taken;
  }

  #compose(): SyncRequest {
    const budget = new Budget(MESSAGE_BUDGET_BYTES, RECORDS_PER_MESSAGE_MAX);
    const request: SyncRequest = {
      compare: this.#compares.takeUpTo(COMPARES_PER_MESSAGE_MAX),
      authors: [],
      fetch: [],
      records: [],
    };
    for (const [prefix] of request.compare) budget.take(prefix.length + 24);
    while (this.#authors.length && request.authors.length < AUTHORS_PER_MESSAGE_MAX && !budget.spent) {
      const author = this.#authors.take()!;
      const refs = this.#refsOf(author);
      request.authors.push([author, refs]);
      budget.take(ID_BYTES + refs.length * REF_BYTES);
    }
    if (request.compare.length + request.authors.length === 0)
      request.fetch = this.#fetches.takeUpTo(FETCHES_PER_MESSAGE_MAX);
    this.#composePushes(request, budget);
    return request;
  }

  #composePushes(request: SyncRequest, budget: Budget): void {
    while (this.#pushes.length && !budget.spent) {
      const [author, refs] = this.#pushes.take()!;
      const todo = refs ?? this.#table.kept(author).map((held) => held.ref);
      for (let i = 0; i < todo.length; i++) {
        if (budget.spent) {
          this.#pushes.putBack([[author, todo.slice(i)]]);
          return;
        }
        const held = this.#table.heldBy(author, todo[i]!);
        if (!held) continue;
        request.records.push(held.record);
        budget.take(held.size, 1);
      }
    }
  }

  #refsOf(author: string): string[] {
    const refs = new Set(this.#table.kept(author).map((held) => held.ref));
    if (this.#part?.author === author) for (const ref of this.#part.refs) refs.add(ref);
    return [...refs];
  }

  #compareNode([prefix, shape, items]: NodeAnswer): void {
    if (shape === "inner") this.#compareChildren(prefix, new Map(items));
    else this.#compareAuthors(prefix, new Map(items));
  }

  #compareChildren(prefix: string, theirs: Map<string, string>): void {
    const { tree } = this.#table;
    for (const [char, digest] of theirs) {
      const own = tree.digest(prefix + char);
      if (own === digest) continue;
      if (own === EMPTY_DIGEST) this.#fetches.push([prefix + char, ""]);
      else this.#compares.push([prefix + char, own]);
    }
    const ours = tree.view(prefix);
    if (ours.shape === "leaf") {
      for (const [author] of ours.authors) if (!theirs.has(author[prefix.length]!)) this.#pushes.push([author, null]);
      return;
    }
    for (const [char] of ours.children) {
      if (theirs.has(char)) continue;
      for (const [author] of tree.authors(prefix + char)) this.#pushes.push([author, null]);
    }
  }

  #compareAuthors(prefix: string, theirs: Map<string, string>): void {
    const { tree } = this.#table;
    for (const [author, digest] of theirs) if (tree.get(author) !== digest) this.#authors.push(author);
    for (const [author] of tree.authors(prefix)) if (!theirs.has(author)) this.#pushes.push([author, null]);
  }

  #afterAuthors(request: SyncRequest, answer: SyncAnswer, refs: { author: string; ref: string }[]): void {
    const asked = request.authors.map(([author]) => author);
    this.#authors.putBack(asked.slice(answer.answered));
    for (const want of answer.want) this.#pushes.push(want);
    if (!answer.cut) {
      this.#part = null;
      return;
    }
    const author = asked[answer.answered - 1]!;
    const before = this.#part?.author === author ? this.#part.refs : new Set<string>();
    const part = { author, refs: new Set(before) };
    for (const item of refs) if (item.author === author) part.refs.add(item.ref);
    // Nothing new came: asking again would go round for ever.
    if (part.refs.size === before.size && answer.answered === 1 && answer.compared === 0) return;
    this.#part = part;
    this.#authors.putBack([author]);
  }
}

/** An answer may only speak of what was asked, and must get at least one step further. */
function fits(request: SyncRequest, answer: SyncAnswer): boolean {
  const prefixes = new Set(request.compare.slice(0, answer.compared).map(([prefix]) => prefix));
  const authors = new Set(request.authors.slice(0, answer.answered).map(([author]) => author));
  const onlyAsked =
    answer.compared <= request.compare.length &&
    answer.answered <= request.authors.length &&
    answer.nodes.every(([prefix]) => prefixes.has(prefix)) &&
    answer.want.every(([author]) => authors.has(author)) &&
    (!answer.cut || answer.answered > 0);
  if (!onlyAsked) return false;
  const begun = request.fetch[answer.fetched];
  const isPlaceGood = answer.next === null || (begun && answer.next.startsWith(begun[0]) && answer.next > begun[1]);
  const areLargeGood = answer.large.every((author) => request.fetch.some(([prefix]) => author.startsWith(prefix)));
  if (answer.fetched > request.fetch.length || !isPlaceGood || !areLargeGood) return false;
  const asks = request.compare.length + request.authors.length + request.fetch.length;
  const steps = answer.compared + answer.answered + answer.fetched + Number(answer.next !== null);
  return asks === 0 || steps > 0;
}
