/**
 * A driver for the membership core: UDP and TCP sockets, timers, a ring of keys (seal.ts). The core says what to
 * send; this class seals it, and opens what arrives. Used against real Serf agents, and it does what they ask of the
 * ring unless it is told to refuse.
 */
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Clock } from "../../src/kernel/clock.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { CoalescingConfig, Told } from "../../src/protocols/membership/coalescing.ts";
import { createCoalescer } from "../../src/protocols/membership/coalescing.ts";
import { PACKET_BYTES_MAX } from "../../src/protocols/membership/constants.ts";
import { StreamReader, labelHeader, splitLabel } from "../../src/protocols/membership/framing.ts";
import { createMembership } from "../../src/protocols/membership/membership.ts";
import type { Effect, Endpoint, Membership } from "../../src/protocols/membership/types.ts";
import type { MembershipConfig, MembershipEvent } from "../../src/protocols/membership/types.ts";
import { Seal } from "./seal.ts";

/** Streams that peers may have open here at one time. */
const INCOMING_STREAMS_MAX = 128;
/** A peer that does not finish its message in this time is cut off. */
const INCOMING_TIMEOUT_MS = 10_000;

export interface SerfDriverOptions {
  config: MembershipConfig;
  clock: Clock;
  random: Random;
  keys?: readonly Buffer[];
  /** memberlist's label: others than this one are refused. */
  label?: string;
  /** Requests about keys are refused with these words. */
  refuseKeys?: string;
  /** News wait for company before `onTold` hears them. */
  coalescing?: CoalescingConfig;
  onTold?: (told: Told) => void;
  /** Effects that are news for the program: members, events, queries, results. */
  onEffect: (effect: Effect) => void;
}

export class SerfDriver {
  readonly core: Membership;
  readonly seal: Seal;
  /** Packets and streams that no key opened, of another label, or that were no stream at all. */
  refused = 0;
  /** Addresses to and from which packets are lost; streams are not. */
  readonly cut = new Set<string>();
  /** Hears each packet before it is sealed. */
  onSend: (to: Endpoint, bytes: Uint8Array) => void = () => {};
  readonly #options: SerfDriverOptions;
  readonly #label: Uint8Array;
  readonly #coalescer: ReturnType<typeof createCoalescer>;
  #cancelTell: () => void = () => {};
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #incoming = new Map<number, Socket>();
  readonly #outgoing = new Set<Socket>();
  #incomingId = 0;
  #cancelWake: () => void = () => {};
  #closed = false;
  readonly #effects: Effect[] = [];
  #running = false;

  constructor(options: SerfDriverOptions) {
    this.#options = options;
    this.seal = new Seal(options.keys ?? [], options.label);
    this.#label = labelHeader(options.label ?? "");
    this.#coalescer = createCoalescer(options.coalescing ?? {});
    const overhead = this.seal.overheadBytes + this.#label.length;
    const packetBytesMax = (options.config.packetBytesMax ?? PACKET_BYTES_MAX) - overhead;
    this.core = createMembership({ ...options.config, packetBytesMax }, { random: options.random });
    this.#udp = createSocket(options.config.advertise.address.includes(":") ? "udp6" : "udp4");
    this.#tcp = createServer((socket) => this.#accept(socket));
    this.#tcp.maxConnections = INCOMING_STREAMS_MAX;
  }

  async start(): Promise<void> {
    const { address, port } = this.#options.config.advertise;
    this.#udp.on("message", (bytes, from) => this.#packet(bytes, { address: from.address, port: from.port }));
    this.#udp.bind(port, address);
    this.#tcp.listen(port, address);
    await Promise.all([once(this.#udp, "listening"), once(this.#tcp, "listening")]);
    // A refused port comes back as an error of a later send; the core notices by itself that nobody answers.
    this.#udp.on("error", () => {});
    this.dispatch({ type: "tick" });
  }

  /** Sockets shut, nothing said: to others this is a crash, unless "leave" went before. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelWake();
    this.#cancelTell();
    this.#udp.close();
    this.#tcp.close();
    for (const socket of [...this.#incoming.values(), ...this.#outgoing]) socket.destroy();
  }

  dispatch(event: MembershipEvent): void {
    if (this.#closed) return;
    this.#effects.push(...this.core.step(this.#options.clock.monotonicMs(), event));
    // A handler of an effect may dispatch again; its effects come after ours, so that the last wake is the newest.
    if (this.#running) return;
    this.#running = true;
    try {
      for (let effect = this.#effects.shift(); effect; effect = this.#effects.shift()) this.#run(effect);
    } finally {
      this.#running = false;
    }
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case "send": {
        this.onSend(effect.to, effect.bytes);
        if (this.cut.has(effect.to.address)) return;
        return this.#udp.send(this.#labelled(this.seal.sealPacket(effect.bytes)), effect.to.port, effect.to.address);
      }
      case "stream":
        return this.#stream(effect);
      case "stream-reply":
        this.#incoming.get(effect.id)?.end(this.#labelled(this.seal.sealStream(effect.bytes)));
        return;
      case "stream-close":
        this.#incoming.get(effect.id)?.destroy();
        return;
      case "wake": {
        this.#cancelWake();
        const delayMs = Math.max(0, effect.atMs - this.#options.clock.monotonicMs());
        this.#cancelWake = this.#options.clock.after(Math.ceil(delayMs), () => this.dispatch({ type: "tick" }));
        return;
      }
      case "key-request": {
        const { refuseKeys } = this.#options;
        const done = refuseKeys ? { ok: false, message: refuseKeys } : this.seal.change(effect.op, effect.secret);
        this.dispatch({ type: "answer-key-request", query: effect.key, ...done });
        return this.#options.onEffect(effect);
      }
      default:
        this.#tell(this.#coalescer.take(this.#options.clock.monotonicMs(), effect));
        return this.#options.onEffect(effect);
    }
  }

  /** To those who want news together. */
  #tell(told: Told[]): void {
    for (const one of told) this.#options.onTold?.(one);
    this.#cancelTell();
    const nextMs = this.#coalescer.nextMs();
    if (nextMs === undefined) return;
    const { clock } = this.#options;
    const delayMs = Math.ceil(Math.max(0, nextMs - clock.monotonicMs()));
    this.#cancelTell = clock.after(delayMs, () => this.#tell(this.#coalescer.tick(clock.monotonicMs())));
  }

  #packet(bytes: Uint8Array, from: Endpoint): void {
    if (this.cut.has(from.address)) return;
    const sealed = this.#unlabelled(bytes);
    const opened = sealed && this.seal.openPacket(sealed);
    if (opened) this.dispatch({ type: "packet", from, bytes: opened });
    else this.refused++;
  }

  #openStream(bytes: Uint8Array): Uint8Array | undefined {
    const sealed = this.#unlabelled(bytes);
    return sealed && this.seal.openStream(sealed);
  }

  #labelled(bytes: Uint8Array): Uint8Array {
    return this.#label.length > 0 ? Buffer.concat([this.#label, bytes]) : bytes;
  }

  /** Undefined when the label is another, or cut. */
  #unlabelled(bytes: Uint8Array): Uint8Array | undefined {
    try {
      const { label, rest } = splitLabel(bytes);
      return label === (this.#options.label ?? "") ? rest : undefined;
    } catch {
      return undefined;
    }
  }

  #stream(effect: Extract<Effect, { type: "stream" }>): void {
    const socket = connect(effect.to.port, effect.to.address);
    this.#outgoing.add(socket);
    const cancel = this.#options.clock.after(effect.timeoutMs, () => socket.destroy());
    let answered = false;
    readOne(socket, (bytes) => {
      const message = this.#openStream(bytes);
      if (!message) this.refused++;
      else {
        answered = true;
        this.dispatch({ type: "stream-answer", id: effect.id, bytes: message });
      }
      socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      cancel();
      this.#outgoing.delete(socket);
      if (!answered) this.dispatch({ type: "stream-failed", id: effect.id });
    });
    socket.write(this.#labelled(this.seal.sealStream(effect.bytes)));
  }

  #accept(socket: Socket): void {
    const id = ++this.#incomingId;
    this.#incoming.set(id, socket);
    const cancel = this.#options.clock.after(INCOMING_TIMEOUT_MS, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => {
      cancel();
      this.#incoming.delete(id);
    });
    readOne(socket, (bytes) => {
      const message = this.#openStream(bytes);
      const from = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
      if (message) return this.dispatch({ type: "stream-received", id, from, bytes: message });
      this.refused++;
      socket.destroy();
    });
  }
}

/** Calls `done` with the first whole message; a socket that sends anything else is destroyed. */
function readOne(socket: Socket, done: (bytes: Uint8Array) => void): void {
  const reader = new StreamReader();
  let finished = false;
  socket.on("data", (chunk: Buffer) => {
    if (finished) return;
    try {
      const message = reader.push(chunk);
      if (!message) return;
      finished = true;
      done(message);
    } catch {
      socket.destroy();
    }
  });
}
