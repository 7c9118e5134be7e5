/**
 * Drives the membership core with real packets, streams and time. The core decides everything; this file only seals,
 * sends, receives and opens. What cannot be opened is dropped and counted.
 */
import type { Socket } from "node:net";
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { TYPE } from "../../protocols/membership/codec.ts";
import { PACKET_BYTES_MAX, profiles, SEAL_OVERHEAD_BYTES } from "../../protocols/membership/constants.ts";
import { createMembership } from "../../protocols/membership/membership.ts";
import { StreamReader } from "../../protocols/membership/framing.ts";
import type {
  Effect,
  Endpoint,
  Member,
  MemberChange,
  Membership,
  MembershipEvent,
} from "../../protocols/membership/types.ts";
import type { Tags } from "../../protocols/membership/tags.ts";
import type { Sealing } from "./sealing.ts";

/** Streams of others that are open at one time; more are closed at once. */
export const STREAMS_IN_MAX = 64;
/** Bytes of unfinished messages of others, all streams together: anybody may begin one and claim a great size. */
export const STREAMS_IN_BYTES_MAX = 24 * 1024 * 1024;
/** A stream's one message must be whole within this time. */
export const STREAM_IN_TIMEOUT_MS = 10_000;

/** What an agent's `serf keys` shows for this box. */
export const KEYS_REFUSED = "keys of a Comú community change by signed records, and are never told over gossip";
/**
 * A box that got another address meets its own old one until the others have given that up: a minute or two. Whoever
 * goes on using our identity for so long is a copy; and after so long without a sign of it, it is gone.
 */
export const CONTEST_SURE_MS = 3 * 60_000;
export const CONTEST_OVER_MS = 5 * 60_000;

/** What the core tells besides who is here: for the log, for who sent an event or asked, for who measures. */
export type GossipNews = Extract<
  Effect,
  | { type: "user-event" | "query" | "query-ack" | "query-response" | "query-done" }
  | { type: "name-conflict" | "key-request" | "ping-done" }
>;
export type GossipCommand = Extract<MembershipEvent, { type: "user-event" | "query" | "respond" | "ping" }>;

export interface GossipNeeds {
  clock: Clock;
  log: Log;
  random: Random;
  name: string;
  advertise: Endpoint;
  profile: keyof typeof profiles;
  tags: Tags;
  sealing: Sealing;
  send: (bytes: Uint8Array, to: Endpoint) => void;
  dial: (to: Endpoint, timeoutMs: number) => Promise<Socket>;
  admit: (name: string) => boolean;
  onMember: (change: MemberChange, member: Member) => void;
  onNews?: (news: GossipNews) => void;
}

export interface Gossip {
  /** A datagram came in. */
  packet(bytes: Uint8Array, from: Endpoint): void;
  /** A TCP connection that is no link came in, with its first bytes. */
  stream(socket: Socket, first: Uint8Array): void;
  /** Resolves to how many of the addresses answered. */
  join(addresses: readonly Endpoint[]): Promise<number>;
  setTags(tags: Tags): void;
  /** Throws MembershipError. */
  command(command: GossipCommand): void;
  forget(name: string): void;
  readmit(name: string): void;
  /** Tells the others that we go, waits until it spread, and stops. */
  leave(): Promise<void>;
  stop(): void;
  core: Membership;
  /** Packets and streams that no key opens. */
  unopened(): number;
  /** Another machine has been using this box's identity, and still does. */
  contested(): boolean;
}

export function createGossip(needs: GossipNeeds): Gossip {
  const { clock, log, sealing } = needs;
  const core = createMembership(
    {
      name: needs.name,
      advertise: needs.advertise,
      profile: profiles[needs.profile],
      tags: needs.tags,
      packetBytesMax: PACKET_BYTES_MAX - SEAL_OVERHEAD_BYTES,
      admit: needs.admit,
    },
    { random: needs.random },
  );
  const inbound = new Map<number, Socket>();
  const joins = new Map<string, ((ok: boolean) => void)[]>();
  const queue: Effect[] = [];
  let draining = false;
  const contest = createContest();
  let nextStreamId = 1;
  let bytesIn = 0;
  let unopened = 0;
  let stopped = false;
  let cancelWake = () => {};
  let onLeft = () => {};

  /** Effects are carried out in order, also those of a step that is taken while an effect is being carried out. */
  const step = (event: MembershipEvent) => {
    if (stopped) return;
    queue.push(...core.step(clock.monotonicMs(), event));
    if (draining) return;
    draining = true;
    try {
      for (let effect = queue.shift(); effect; effect = queue.shift()) carryOut(effect);
    } finally {
      draining = false;
    }
  };

  const carryOut = (effect: Effect) => {
    switch (effect.type) {
      case "send":
        return needs.send(sealing.sealPacket(effect.bytes), effect.to);
      case "stream":
        return void askStream(effect);
      case "stream-reply":
        return replyStream(effect.id, effect.bytes);
      case "stream-close":
        return closeInbound(effect.id);
      case "member":
        return needs.onMember(effect.change, effect.member);
      case "name-conflict": {
        const whose = effect.name === needs.name ? "this box's identity" : "the name of another member";
        log.warn(`another machine uses ${whose}`, { name: effect.name, address: effect.other.address });
        if (effect.name === needs.name) contest.seen(clock.monotonicMs());
        return needs.onNews?.(effect);
      }
      case "name-kept":
      case "name-lost": {
        // Serf's agent stops when it lost. Here a name is a key, and anybody inside could forge the votes.
        const outcome = effect.type === "name-lost" ? "the other" : "this one";
        return log.warn(`two machines have this box's identity; most members know ${outcome}`, {
          answers: effect.responses,
          forThisOne: effect.matching,
        });
      }
      case "key-request":
        log.info("refused to change or tell keys over gossip", { op: effect.op, from: effect.from });
        needs.onNews?.(effect);
        return step({ type: "answer-key-request", query: effect.key, ok: false, message: KEYS_REFUSED });
      case "join-result":
        return joinResult(effect.to, effect.ok);
      case "left":
        return onLeft();
      case "wake":
        cancelWake();
        cancelWake = clock.after(Math.max(0, effect.atMs - clock.monotonicMs()), () => step({ type: "tick" }));
        return;
      case "user-event":
      case "query":
      case "query-ack":
      case "query-response":
      case "query-done":
      case "ping-done":
        return needs.onNews?.(effect);
      default:
        return; // A report about keys: we never ask for one.
    }
  };

  const askStream = async ({ id, to, bytes, timeoutMs }: Extract<Effect, { type: "stream" }>) => {
    try {
      const socket = await needs.dial(to, timeoutMs);
      const answer = readMessage(socket, new Uint8Array(0), timeoutMs);
      socket.write(sealing.sealStream(bytes));
      const opened = open(await answer);
      socket.destroy();
      step(opened ? { type: "stream-answer", id, bytes: opened } : { type: "stream-failed", id });
    } catch {
      step({ type: "stream-failed", id });
    }
  };

  /** A message that is not sealed is refused, like one that no key opens. */
  const open = (message: Uint8Array): Uint8Array | undefined => {
    const opened = message[0] === TYPE.encrypt ? sealing.openStream(message) : undefined;
    if (!opened) unopened += 1;
    return opened;
  };

  const readMessage = (socket: Socket, first: Uint8Array, timeoutMs: number, isTheirs = false): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      const reader = new StreamReader();
      let held = 0;
      const cancel = clock.after(timeoutMs, () => socket.destroy(new Error("no whole message in time")));
      const take = (chunk: Uint8Array) => {
        if (isTheirs) {
          held += chunk.length;
          bytesIn += chunk.length;
          if (bytesIn > STREAMS_IN_BYTES_MAX) return void socket.destroy(new Error("too much is held for others"));
        }
        try {
          const message = reader.push(chunk);
          if (!message) return;
          cancel();
          socket.off("data", take);
          resolve(message);
        } catch (error) {
          socket.destroy(error as Error);
        }
      };
      socket.on("error", reject);
      socket.on("close", () => {
        cancel();
        bytesIn -= held;
        reject(new Error("the stream was closed"));
      });
      if (first.length > 0) take(first);
      socket.on("data", take);
      socket.resume();
    });

  const replyStream = (id: number, bytes: Uint8Array) => {
    const socket = inbound.get(id);
    inbound.delete(id);
    socket?.end(sealing.sealStream(bytes));
  };
  const closeInbound = (id: number) => {
    inbound.get(id)?.destroy();
    inbound.delete(id);
  };
  const joinResult = (to: Endpoint, ok: boolean) => {
    const key = `${to.address} ${to.port}`;
    for (const done of joins.get(key) ?? []) done(ok);
    joins.delete(key);
  };

  step({ type: "tick" });
  return {
    core,
    unopened: () => unopened,
    contested: () => contest.isOn(clock.monotonicMs()),
    packet(bytes, from) {
      const opened = sealing.openPacket(bytes);
      if (opened) step({ type: "packet", from, bytes: opened });
      else unopened += 1;
    },
    stream(socket, first) {
      if (stopped || inbound.size >= STREAMS_IN_MAX) return void socket.destroy();
      const id = nextStreamId++;
      const from = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
      inbound.set(id, socket);
      socket.once("close", () => inbound.delete(id));
      readMessage(socket, first, STREAM_IN_TIMEOUT_MS, true).then(
        (message) => {
          const opened = open(message);
          if (opened) step({ type: "stream-received", id, from, bytes: opened });
          else closeInbound(id);
        },
        () => closeInbound(id),
      );
    },
    async join(addresses) {
      const results = addresses.map(
        (to) =>
          new Promise<boolean>((resolve) => {
            const key = `${to.address} ${to.port}`;
            joins.set(key, [...(joins.get(key) ?? []), resolve]);
          }),
      );
      step({ type: "join", addresses });
      return (await Promise.all(results)).filter(Boolean).length;
    },
    setTags: (tags) => step({ type: "set-tags", tags }),
    command: step,
    forget: (name) => step({ type: "forget", name }),
    readmit: (name) => step({ type: "readmit", name }),
    async leave() {
      const profile = profiles[needs.profile];
      await new Promise<void>((resolve) => {
        onLeft = resolve;
        clock.after(profile.leaveIntentMs + profile.leavePropagateMs + 1000, resolve);
        step({ type: "leave" });
      });
      this.stop();
    },
    stop() {
      stopped = true;
      cancelWake();
      for (const socket of inbound.values()) socket.destroy();
      inbound.clear();
      for (const key of [...joins.keys()]) {
        const [address = "", port = "0"] = key.split(" ");
        joinResult({ address, port: Number(port) }, false);
      }
    },
  };
}

/** How long another has used our identity. */
function createContest() {
  let firstMs = -Infinity;
  let lastMs = -Infinity;
  return {
    seen(nowMs: number) {
      if (nowMs - lastMs > CONTEST_OVER_MS) firstMs = nowMs;
      lastMs = nowMs;
    },
    isOn: (nowMs: number) => lastMs - firstMs >= CONTEST_SURE_MS && nowMs - lastMs <= CONTEST_OVER_MS,
  };
}
