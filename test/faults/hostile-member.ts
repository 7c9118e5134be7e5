/**
 * A box that was admitted like any other, with the real links and records, and behaves as the test wants: it signs
 * what it likes, numbers as it likes and sends as fast as it likes.
 */
import { createLog } from "../../src/kernel/log.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import type { Identity } from "../../src/platform/identity.ts";
import type { LinkRequest } from "../../src/platform/link-messages.ts";
import type { LinkReply, Links } from "../../src/platform/links.ts";
import { createLinks } from "../../src/platform/links.ts";
import type { SignedRecord } from "../../src/protocols/records/record.ts";
import { signRecord } from "../../src/protocols/records/record.ts";
import { readCode } from "../../src/services/mesh/code.ts";
import { recordCrypto } from "../../src/services/mesh/crypto.ts";
import { joinCommunity } from "../../src/services/mesh/joining.ts";
import type { Joined } from "../../src/services/mesh/joining.ts";
import { MESH_PATH, createPeers } from "../../src/services/mesh/peers.ts";
import type { Box } from "../support/box.ts";

export interface HostileMember {
  identity: Identity;
  community: string;
  /** What it was handed when it was let in: the gossip keys, and who else is there. */
  joined: Joined;
  /** Answers in its stead what others ask of it; by default nothing of interest. */
  answerWith(answer: (path: string, body: Uint8Array, peer: string) => object): void;
  links: Links;
  /** A record as asked for, with a good signature by this box unless `by` says who signs. */
  record(wish: Partial<SignedRecord>, by?: Identity): SignedRecord;
  /** Raw bytes to a path of the mesh. */
  send(path: string, body: Uint8Array | string): Promise<LinkReply>;
  push(records: unknown[]): Promise<LinkReply>;
  /** The offer of a reconciliation that brings these records. */
  sync(records: unknown[]): Promise<LinkReply>;
  close(): Promise<void>;
}

/** A link of a box with a key of its own. */
function linkTo(box: Box, identity: Identity) {
  const clock = systemClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  let answer = (_path: string, _body: Uint8Array, _peer: string): object => ({});
  const handler = async ({ path, body, peer }: LinkRequest) => ({
    status: 200,
    body: Buffer.from(JSON.stringify({ nowMs: clock.wallMs(), body: answer(path, body, peer) })),
  });
  const links = createLinks({ identity, clock, log, handler, authorize: () => true });
  const peer = { address: box.bind, port: box.meshPort };
  const send = (path: string, body: Uint8Array | string) =>
    links.request({ peer, path: MESH_PATH + path, body: Buffer.from(body as string), timeoutMs: 20_000 });
  return { clock, links, send, answerWith: (next: typeof answer) => void (answer = next) };
}

/** Asks to be let in; rejects with the community's refusal. */
export async function tryJoin(box: Box, code: string, identity = newIdentity()) {
  const { clock, links, send, answerWith } = linkTo(box, identity);
  const peers = createPeers({ links, clock, mayAsk: () => false, addressOf: () => undefined });
  const self = { name: "Dolenta", owner: "Ningú", zone: "home" };
  try {
    const joined = await joinCommunity({ clock, identity, peers, code: readCode(code), self, ownSeq: 0 });
    return { identity, joined, links, send, answerWith };
  } catch (error) {
    await links.close();
    throw error;
  }
}

export async function joinHostile(box: Box, code: string): Promise<HostileMember> {
  const { identity, joined, links, send, answerWith } = await tryJoin(box, code);
  const { community } = joined;
  return {
    ...{ identity, community, joined, links, answerWith },
    record(wish, by = identity) {
      const seq = wish.seq ?? 100;
      const unsigned = {
        author: identity.boxId,
        seq,
        kind: "note",
        key: `k${seq}`,
        timeMs: systemClock().wallMs(),
        floor: 1,
        untilMs: null,
        body: { text: "x" },
        ...wish,
      };
      return {
        ...signRecord(unsigned, community, by.sign, recordCrypto.sha256).record,
        ...(wish.sig ? { sig: wish.sig } : {}),
      };
    },
    send,
    push: (records) => send("push", JSON.stringify({ records })),
    sync: (records) => send("sync", JSON.stringify({ compare: [], authors: [], fetch: [], records })),
    close: () => links.close(),
  };
}
