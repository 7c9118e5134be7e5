/**
 * The host's side of the talk between boxes: offers, reservations, and what borrowers want of their slivers. Only the
 * box that reserved a sliver can do anything with it; for all others it is not there.
 */
import { z } from "zod";
import type { Clock } from "../../../kernel/clock.ts";
import { isFailure, kernelErrors } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Borrower, SliverSpec, Wish } from "../../../protocols/compute/lending.ts";
import type { MeshClient } from "../../mesh/client.ts";
import { EXECS_MAX, EXECS_PER_BOX_MAX } from "../constants.ts";
import {
  EXEC_PATH,
  LOOK_PATH,
  OFFER_PATH,
  RESERVE_PATH,
  WANT_PATH,
  decodeMessage,
  encodeMessage,
  execQuestion,
  lookQuestion,
  offerQuestion,
  reserveQuestion,
  wantQuestion,
} from "../messages.ts";
import { SETTLE_PATH, settleQuestion } from "../messages-settle.ts";
import type { Ran } from "../messages.ts";
import type { Books, Entry } from "./books.ts";
import type { Reconciler } from "./reconciler.ts";
import { settled } from "./settling.ts";

export interface HostingNeeds {
  clock: Clock;
  log: Log;
  mesh: Pick<MeshClient, "selfId" | "box" | "serve">;
  books: Books;
  reconciler: Reconciler;
  /** 0 to 1: what this box lends of what it has, as it announces it. */
  effortOf: (boxId: string) => number;
  hasImage: (image: string) => boolean;
  /** Whether the books could be written; true where it is not said. */
  hasRoom?: () => boolean;
  /** Further questions of borrowers, by path. */
  more?: Readonly<Record<string, Answer>>;
  /** Runs a command in an instance of the engine. Throws failures. */
  run: (name: string, command: string) => Promise<Ran>;
}

type Respond = (path: string, peer: string, body: Uint8Array) => Promise<object>;
export type Answer = (peer: string, body: Uint8Array) => object | Promise<object>;

/** Called before the mesh starts. */
export function serveHosting(needs: HostingNeeds): { answer: Respond } {
  const answers: Record<string, Answer> = {
    [OFFER_PATH]: (peer, body) => offer(needs, peer, decodeMessage(offerQuestion, body)),
    [RESERVE_PATH]: (peer, body) => reserve(needs, peer, decodeMessage(reserveQuestion, body)),
    [LOOK_PATH]: (peer, body) => look(needs, peer, decodeMessage(lookQuestion, body).slivers),
    [WANT_PATH]: (peer, body) => want(needs, peer, decodeMessage(wantQuestion, body)),
    [EXEC_PATH]: fewAtOnce((peer, body) => exec(needs, peer, decodeMessage(execQuestion, body))),
    [SETTLE_PATH]: (peer, body) => settle(needs, peer, decodeMessage(settleQuestion, body)),
    ...needs.more,
  };
  const respond: Respond = async (path, peer, body) => {
    // Nobody may take "not known" for "gone" before it is known what runs here.
    if (!needs.reconciler.isReady) throw kernelErrors.fail("unavailable");
    try {
      return await answers[path]!(peer, body);
    } catch (cause) {
      if (!(cause instanceof z.ZodError) && !(cause instanceof SyntaxError)) throw cause;
      throw kernelErrors.fail("bad-input", { params: { field: path, reason: "not understood" }, cause });
    }
  };
  for (const path of Object.keys(answers)) {
    needs.mesh.serve(path, async ({ peer, body }) => encodeMessage(await respond(path, peer, body)));
  }
  return { answer: respond };
}

function offer(needs: HostingNeeds, peer: string, question: { spec: SliverSpec; leaseMs: number }) {
  const { books, hasRoom = () => true } = needs;
  const { verdict, fits } = books.offer(wishOf(needs, peer, { ...question, sliver: "" }));
  const hasImage = needs.hasImage(question.spec.image);
  if (verdict.state === "refused") return { fits, hasImage, price: 0, why: verdict.why };
  return hasRoom() ? { fits, hasImage, price: verdict.price } : { fits: 0, hasImage, price: 0, why: "disk-full" };
}

function reserve(needs: HostingNeeds, peer: string, question: ReturnType<typeof reserveQuestion.parse>) {
  const { books, log } = needs;
  const verdict = books.reserve(wishOf(needs, peer, question), question.wanted);
  if (verdict.state === "refused") {
    log.debug("a sliver was refused", { peer, ...verdict });
    return { granted: false, price: 0, why: verdict.why };
  }
  want(needs, peer, question);
  return { granted: true, price: verdict.price };
}

function look(needs: HostingNeeds, peer: string, slivers: readonly string[]) {
  const found = slivers.flatMap((sliver) => own(needs, peer, sliver) ?? []);
  return { slivers: found.map((entry) => standing(needs, entry)) };
}

async function settle(needs: HostingNeeds, peer: string, question: { slivers: string[]; waitMs: number }) {
  const { slivers, waitMs } = question;
  const stand = await settled(needs, slivers, waitMs, (sliver) => own(needs, peer, sliver));
  return { settled: stand, ...(stand && look(needs, peer, slivers)) };
}

function want(needs: HostingNeeds, peer: string, question: ReturnType<typeof wantQuestion.parse>) {
  const entry = own(needs, peer, question.sliver);
  if (!entry) return { known: false };
  try {
    needs.books.want(entry.sliver, question.wanted);
  } finally {
    // What is to go goes also when that cannot be written down.
    needs.reconciler.poke(entry.sliver);
  }
  return { known: true };
}

/** Each takes four lines to the engine, which others need as well. */
function fewAtOnce(answer: (peer: string, body: Uint8Array) => Promise<object>): Answer {
  const running: string[] = [];
  return async (peer, body) => {
    const ofPeer = running.filter((one) => one === peer).length;
    if (running.length >= EXECS_MAX || ofPeer >= EXECS_PER_BOX_MAX) return { why: "compute-busy" };
    running.push(peer);
    try {
      return await answer(peer, body);
    } finally {
      running.splice(running.indexOf(peer), 1);
    }
  };
}

async function exec(needs: HostingNeeds, peer: string, question: { sliver: string; command: string }) {
  const entry = own(needs, peer, question.sliver);
  const instance = entry && needs.reconciler.instanceOf(entry.sliver);
  if (!entry || instance?.state !== "running") return { why: "compute-not-running" };
  try {
    return { ran: await needs.run(instance.name, question.command) };
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { why: error.code };
  }
}

function own({ books }: HostingNeeds, peer: string, sliver: string): Entry | undefined {
  const entry = books.get(sliver);
  return entry?.borrower.box === peer ? entry : undefined;
}

function standing({ reconciler, clock }: HostingNeeds, entry: Entry) {
  const { sliver, leaseEndMs, wanted } = entry;
  const { cores, memoryBytes, diskBytes, egressBytesPerS } = entry.spec;
  const booked = wanted !== "gone" && { wanted, limits: { cores, memoryBytes, diskBytes, egressBytesPerS } };
  const leaseMs = Math.max(0, leaseEndMs - clock.wallMs());
  const hasNetwork = reconciler.instanceOf(sliver)?.hasNetwork ?? false;
  const trouble = reconciler.troubleOf(sliver);
  const state = reconciler.stateOf(entry);
  return { sliver, state, leaseMs, ...(booked && { booked }), hasNetwork, ...(trouble && { trouble }) };
}

function wishOf(
  { clock, mesh, effortOf }: HostingNeeds,
  peer: string,
  { sliver, slice, spec, leaseMs }: { sliver: string; slice?: string | undefined; spec: SliverSpec; leaseMs: number },
): Wish {
  const box = mesh.box(peer);
  const borrower: Borrower = { box: peer, owner: box?.owner ?? "", zone: box?.zone ?? "", effort: effortOf(peer) };
  const nowMs = clock.wallMs();
  return { sliver, borrower, slice, spec, leaseEndMs: nowMs + leaseMs, nowMs, zone: mesh.box(mesh.selfId)?.zone ?? "" };
}
