/**
 * Members of the gossip that are no boxes: a `serf` agent that holds the community's gossip key may join it, look on
 * and be seen. It is never a box: it is in no record, counts nowhere, and asks nothing over links. Only so many are
 * let in, so that somebody who holds the key cannot fill the table with names.
 *
 *   unknown ──its first word──► here ──fails or leaves──► gone ──forgotten by gossip──► unknown
 *                                ▲                          │
 *                                └────────came back─────────┘
 */
import { isBoxId } from "../../protocols/records/record.ts";

/** Agents here at one time. */
export const AGENTS_MAX = 32;
/** Names of agents in the table, those that are gone included: gossip forgets them after a day. */
export const AGENTS_KNOWN_MAX = 256;
/** As Serf itself allows. */
export const AGENT_NAME_LENGTH_MAX = 128;

export interface Agents {
  /** May gossip take this name in? Asked for a new name, and for new tags. */
  admit(name: string): boolean;
  /** Gossip tells what became of a member. */
  changed(change: string, name: string): void;
  /** All that gossip has in its table. */
  names(): string[];
  /** Those that are here. */
  count(): number;
}

/** Boxes are named by their id; every other name is an agent's. */
export function isAgentName(name: string): boolean {
  return !isBoxId(name);
}

export function createAgents(allowed: () => boolean): Agents {
  /** Name to whether it is here. */
  const known = new Map<string, boolean>();
  const count = () => [...known.values()].filter(Boolean).length;
  return {
    admit(name) {
      if (!allowed() || !isFit(name)) return false;
      if (known.get(name)) return true;
      if (count() >= AGENTS_MAX) return false;
      if (!known.has(name) && known.size >= AGENTS_KNOWN_MAX) return false;
      // At once, not when it is told: many may come in one message.
      known.set(name, true);
      return true;
    },
    changed(change, name) {
      if (!isAgentName(name)) return;
      if (change === "reap") known.delete(name);
      else if (change === "join") known.set(name, true);
      else if (change === "leave" || change === "failed") known.set(name, false);
    },
    names: () => [...known.keys()],
    count,
  };
}

/** A name that can be shown: it stands in lists beside boxes. */
function isFit(name: string): boolean {
  return name.length > 0 && name.length <= AGENT_NAME_LENGTH_MAX && !/\p{C}/u.test(name);
}
