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
} from "./constants.ts";
import { EMPTY_DIGEST } from "./digest-tree.ts";
import { Budget, ID_BYTES, REF_BYTES, type NodeAnswer, type SyncAnswer, type SyncRequest } from "./sync-messages.ts";

export type SyncState =
  | { state: "ready" }
  | { state: "asked"; request: SyncRequest }
  | { state: "done"; outcome: SyncOutcome };

/** `rounds` and `queue`: a limit was reached and the next session goes on. `protocol`: the answer made no sense. */
export type SyncOutcome = "complete" | "rounds" | "queue" | "protocol";

export class SyncSession {
  readonly #table: AuthorTable;
  #compares: [prefix: string, digest: string][] = [];
  #authors: string[] = [];
  #fetches: [prefix: string, after: string][] = [];
  /** Authors of whom the other lacks the refs, or (null) everything. */
  #pushes: [author: string, refs: string[] | null][] = [];
  /** Of the author that is being sent in parts: the refs that came already, whether we took them or not. */
  #part: { author: string; refs: Set<string> } | null = null;
  state: SyncState = { state: "ready" };
  rounds = 0;
  /** Records sent to and received from the other side. */
  sent = 0;
  received = 0;

  constructor(table: AuthorTable) {
    this.#table = table;
    this.#compares.push(["", table.tree.digest("")]);
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

  /** Takes the answer; its records are the caller's to take in, which it does after this. `refs` are theirs. */
  answered(answer: SyncAnswer, refs: { author: string; ref: string }[]): void {
    if (this.state.state !== "asked") return;
    const { request } = this.state;
    this.state = { state: "ready" };
    if (!fits(request, answer)) return this.#end("protocol");
    this.received += answer.records.length;
    this.#compares.unshift(...request.compare.slice(answer.compared));
    for (const node of answer.nodes) this.#compareNode(node);
    this.#afterAuthors(request, answer, refs);
    const [begun, ...unbegun] = request.fetch.slice(answer.fetched);
    if (begun) this.#fetches.unshift([begun[0], answer.next ?? begun[1]], ...unbegun);
    this.#authors.push(...answer.large);
    const queued = this.#compares.length + this.#authors.length + this.#fetches.length + this.#pushes.length;
    if (queued > SYNC_QUEUE_MAX) this.#end("queue");
  }

  /** The other side sent what is no answer. */
  failed(): void {
    this.#end("protocol");
  }

  #end(outcome: SyncOutcome): void {
    this.state = { state: "done", outcome };
    this.#compares = [];
    this.#authors = [];
    this.#fetches = [];
    this.#pushes = [];
  }

  #compose(): SyncRequest {
    const budget = new Budget(MESSAGE_BUDGET_BYTES, RECORDS_PER_MESSAGE_MAX);
    const request: SyncRequest = {
      compare: this.#compares.splice(0, COMPARES_PER_MESSAGE_MAX),
      authors: [],
      fetch: [],
      records: [],
    };
    for (const [prefix] of request.compare) budget.take(prefix.length + 24);
    while (this.#authors.length && request.authors.length < AUTHORS_PER_MESSAGE_MAX && !budget.spent) {
      const author = this.#authors.shift()!;
      const refs = this.#refsOf(author);
      request.authors.push([author, refs]);
      budget.take(ID_BYTES + refs.length * REF_BYTES);
    }
    if (request.compare.length + request.authors.length === 0)
      request.fetch = this.#fetches.splice(0, FETCHES_PER_MESSAGE_MAX);
    this.#composePushes(request, budget);
    return request;
  }

  #composePushes(request: SyncRequest, budget: Budget): void {
    while (this.#pushes.length && !budget.spent) {
      const [author, refs] = this.#pushes.shift()!;
      const todo = refs ?? this.#table.kept(author).map((held) => held.ref);
      for (let i = 0; i < todo.length; i++) {
        if (budget.spent) {
          this.#pushes.unshift([author, todo.slice(i)]);
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
      const ours = tree.digest(prefix + char);
      if (ours === digest) continue;
      if (ours === EMPTY_DIGEST) this.#fetches.push([prefix + char, ""]);
      else this.#compares.push([prefix + char, ours]);
    }
    for (const [author] of tree.authors(prefix))
      if (!theirs.has(author[prefix.length]!)) this.#pushes.push([author, null]);
  }

  #compareAuthors(prefix: string, theirs: Map<string, string>): void {
    const { tree } = this.#table;
    for (const [author, digest] of theirs) if (tree.get(author) !== digest) this.#authors.push(author);
    for (const [author] of tree.authors(prefix)) if (!theirs.has(author)) this.#pushes.push([author, null]);
  }

  #afterAuthors(request: SyncRequest, answer: SyncAnswer, refs: { author: string; ref: string }[]): void {
    const asked = request.authors.map(([author]) => author);
    this.#authors.unshift(...asked.slice(answer.answered));
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
    this.#authors.unshift(author);
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
