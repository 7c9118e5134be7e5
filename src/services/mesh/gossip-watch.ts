/**
 * What goes on beside a session and outlives it: the event log, messages to all and their answers, and the door for
 * agents. A session tells it everything by its hooks.
 */
import type { z } from "zod";
import type { System } from "../../system.ts";
import { createBroadcasting } from "./broadcasting.ts";
import { meshSettings } from "./contract.ts";
import { createEventLog } from "./event-log.ts";
import type { GossipHandlersNeeds } from "./gossip-handlers.ts";
import { createGossipLog } from "./gossip-log.ts";
import type { Session, SessionNeeds } from "./session.ts";
import type { MeshStore } from "./store.ts";

/** What is refused is counted, and written down this often. */
const REFUSED_INTERVAL_MS = { lan: 60_000, mesh: 60_000, test: 2_000 } as const;

export interface GossipWatch {
  hooks: Pick<SessionNeeds, "onMember" | "onNews" | "onKey" | "onAdmission" | "agentsAllowed">;
  forHandlers: Pick<GossipHandlersNeeds, "log" | "broadcasting" | "settings">;
  /** See `GossipLog.flapping`. */
  flapping(): boolean;
  /** A session has been made and not started. */
  begin(): void;
  /** The session is over. */
  end(): void;
  /** The community was left. */
  forget(): void;
  stop(): void;
}

export interface GossipWatchNeeds {
  system: System;
  rows: MeshStore;
  session: () => Session | undefined;
  /** This box holds a new key. */
  onKey: () => void;
}

export function createGossipWatch({ system, rows, session, onKey }: GossipWatchNeeds): GossipWatch {
  const { clock, events, config } = system;
  const settings = (): z.output<typeof meshSettings> => config.section("mesh", meshSettings);
  const log = createEventLog({ clock, rows, onNews: () => events.emit("mesh.logged", "member") });
  const lines = createGossipLog({ clock, selfId: system.identity.boxId, log, session });
  const broadcasting = createBroadcasting({
    clock,
    gossip: () => session()?.gossip,
    onAsked: lines.onAsked,
    answers: {
      "comu-ping": () => "pong",
      "comu-version": () => system.version,
      "comu-uptime": () => `${Math.round((clock.wallMs() - system.startedMs) / 1000)} s`,
    },
  });
  let cancelCounting = () => {};

  /** Agents that are in when the door is shut are put out, and may come back when it is opened. */
  let allowed = settings().agents;
  let putOut: string[] = [];
  const takeSetting = () => {
    const open = session();
    const { agents } = settings();
    if (agents === allowed) return;
    allowed = agents;
    if (!agents) putOut = open?.agents.names() ?? [];
    for (const name of putOut) {
      if (agents) open?.gossip.readmit(name);
      else open?.gossip.forget(name);
    }
  };
  config.listen({ commit: takeSetting });

  return {
    hooks: {
      onMember: lines.onMember,
      onNews(news) {
        lines.onNews(news);
        broadcasting.hear(news);
      },
      onKey(key) {
        lines.onKey(key);
        onKey();
      },
      onAdmission: lines.onAdmission,
      agentsAllowed: () => allowed,
    },
    forHandlers: { log, broadcasting, settings },
    flapping: lines.flapping,
    begin() {
      lines.begin();
      putOut = [];
      cancelCounting = clock.every(REFUSED_INTERVAL_MS[settings().profile], lines.countRefused);
    },
    end() {
      cancelCounting();
      broadcasting.close();
      log.flush();
    },
    forget: log.clear,
    stop: log.stop,
  };
}
