/** The answering side of a reconciliation: a function of what is held and of one request. */
import type { AuthorTable } from "./author-table.ts";
import { MESSAGE_BUDGET_BYTES, RECORDS_PER_MESSAGE_MAX } from "./constants.ts";
import type { Held } from "./record.ts";
import {
  Budget,
  DIGEST_BYTES,
  ID_BYTES,
  REF_BYTES,
  type NodeAnswer,
  type SyncAnswer,
  type SyncRequest,
} from "./sync-messages.ts";

/** Answers `compare`, `authors` and `fetch`; the caller has taken in `records` before. */
export function answerSync(table: AuthorTable, request: SyncRequest): SyncAnswer {
  const answer: SyncAnswer = {
    compared: 0,
    nodes: [],
    answered: 0,
    cut: false,
    want: [],
    fetched: 0,
    next: null,
    large: [],
    records: [],
  };
  const budget = new Budget(MESSAGE_BUDGET_BYTES, RECORDS_PER_MESSAGE_MAX);
  answerCompares(table, request, answer, budget);
  answerAuthors(table, request, answer, budget);
  for (const fetch of request.fetch) {
    if (budget.spent || !answerFetch(table, fetch, answer, budget)) break;
    answer.fetched++;
  }
  return answer;
}

function answerCompares(table: AuthorTable, request: SyncRequest, answer: SyncAnswer, budget: Budget): void {
  const { tree } = table;
  for (const [prefix, digest] of request.compare) {
    if (budget.spent) return;
    answer.compared++;
    if (tree.digest(prefix) === digest) continue;
    const view = tree.view(prefix);
    const node: NodeAnswer = view.shape === "inner" ? [prefix, "inner", view.children] : [prefix, "leaf", view.authors];
    budget.take(prefix.length + 20 + node[2].length * (DIGEST_BYTES + (view.shape === "leaf" ? ID_BYTES : 0)));
    answer.nodes.push(node);
  }
}

function answerAuthors(table: AuthorTable, request: SyncRequest, answer: SyncAnswer, budget: Budget): void {
  for (const [author, refs] of request.authors) {
    if (budget.spent) return;
    answer.answered++;
    const theirs = new Set(refs);
    const lacking = table.kept(author).filter((held) => !theirs.has(held.ref));
    answer.cut = !sendAll(lacking, answer, budget);
    if (answer.cut) return;
    const wanted = refs.filter((ref) => !table.heldBy(author, ref));
    if (wanted.length === 0) continue;
    answer.want.push([author, wanted]);
    budget.take(ID_BYTES + wanted.length * REF_BYTES);
  }
}

/** False when not all of them fitted. */
function sendAll(lacking: readonly Held[], answer: SyncAnswer, budget: Budget): boolean {
  for (const held of lacking) {
    if (budget.spent) return false;
    answer.records.push(held.record);
    budget.take(held.size, 1);
  }
  return true;
}

/** False when cut. Whole authors only, so that the place to go on is an author; too large ones are only named. */
function answerFetch(
  table: AuthorTable,
  [prefix, after]: [string, string],
  answer: SyncAnswer,
  budget: Budget,
): boolean {
  let last = after;
  for (const [author] of table.tree.authors(prefix)) {
    if (author <= after) continue;
    const kept = table.kept(author);
    let bytes = 0;
    for (const held of kept) bytes += held.size;
    if (bytes > MESSAGE_BUDGET_BYTES / 2 || kept.length > RECORDS_PER_MESSAGE_MAX / 2) {
      answer.large.push(author);
      budget.take(ID_BYTES);
    } else if (bytes > budget.bytes || kept.length > budget.records) {
      if (last !== after) answer.next = last;
      return false;
    } else sendAll(kept, answer, budget);
    last = author;
  }
  return true;
}
