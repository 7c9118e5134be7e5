/**
 * Two members with one name, as Serf settles it: who sees that another has its name asks all members where they know
 * that name (`_serf_conflict`), and the one that most of them know keeps it. A vote is no proof, since whoever is
 * inside can forge answers: the core only tells how it ended, and the program decides.
 */
import { addressFromBytes } from "../wire/address.ts";
import { WireError } from "../wire/errors.ts";
import { fromUtf8, utf8 } from "../wire/utf8.ts";
import { NAME_BYTES_MAX, NAME_VOTE_INTERVAL_MS, QUERIES_OWN_MAX, QUERY_RESPONSE_BYTES_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { view } from "./core.ts";
import { decodeConflictResponse, encodeConflictResponse } from "./internal-codec.ts";
import { ask, reply, responseBytes } from "./queries.ts";
import { INTERNAL_PREFIX } from "./serf.ts";
import type { Query } from "./serf.ts";
import { stateOf } from "./state.ts";

/** Says where we know the member whose name is the payload. About ourselves others are to speak. */
export function answerConflict(core: Core, query: Query): void {
  const name = nameIn(query.payload);
  if (name === undefined) return core.refuse("malformed");
  if (name === core.config.name) return;
  reply(core, query, 0, viewOf(core, query, name));
}

function nameIn(payload: Uint8Array): string | undefined {
  if (payload.length === 0 || payload.length > NAME_BYTES_MAX) return undefined;
  try {
    return fromUtf8(payload);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function viewOf(core: Core, query: Query, name: string): Uint8Array {
  const record = core.table.get(name);
  if (!record) return encodeConflictResponse(undefined);
  const { address, versions } = stateOf(record);
  const member = { ...view(record), address, versions };
  const whole = encodeConflictResponse(member);
  if (responseBytes(core, query, whole) <= QUERY_RESPONSE_BYTES_MAX) return whole;
  // Long names and many tags; the vote is about the address.
  return encodeConflictResponse({ ...member, tags: {} });
}

/**
 * Asks when this step showed that another has our name. Not while a vote runs, and not again soon: each costs an
 * answer of every member.
 */
export function voteOnOwnName(core: Core): void {
  if (core.nowMs < core.nameVoteUntilMs || core.phase !== "running") return;
  const { name } = core.config;
  if (!core.effects.some((effect) => effect.type === "name-conflict" && effect.name === name)) return;
  if (core.ownQueries.size >= QUERIES_OWN_MAX) return;
  core.nameVoteUntilMs = core.nowMs + NAME_VOTE_INTERVAL_MS;
  let responses = 0;
  let matching = 0;
  ask(
    core,
    { name: `${INTERNAL_PREFIX}conflict`, payload: utf8(name) },
    {
      onResponse: (_from, payload) => {
        const known = knownAt(payload);
        if (!known) return core.refuse("malformed");
        responses++;
        if (core.isSelf(known)) matching++;
      },
      onDone: () => {
        // As Serf: half is not enough. Where nobody answered nobody spoke against us, and we stay.
        const lost = responses > 0 && matching < Math.floor(responses / 2) + 1;
        core.emit({ type: lost ? "name-lost" : "name-kept", responses, matching });
      },
    },
  );
}

/** An empty address: the answerer does not know the name. Undefined: not an answer. */
function knownAt(payload: Uint8Array): { address: string; port: number } | undefined {
  try {
    const { address, port } = decodeConflictResponse(payload);
    return { address: addressFromBytes(address) ?? "", port };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
