/**
 * A driver for the membership core: UDP and TCP sockets, AES-GCM with a key ring, timers. The core says what to
 * send; this class seals it, and opens what arrives. Used against real Serf agents; made of parts that a daemon can
 * take over (Seal has no socket, SerfDriver has no policy).
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Clock } from "../../src/kernel/clock.ts";
import type { Random } from "../../src/kernel/random.ts";
import { PACKET_BYTES_MAX, SEAL_NONCE_BYTES, SEAL_OVERHEAD_BYTES } from "../../src/protocols/membership/constants.ts";
import { SEAL_TAG_BYTES, SEAL_VERSION } from "../../src/protocols/membership/constants.ts";
import { TYPE } from "../../src/protocols/membership/codec.ts";
import { StreamReader, sealedStreamHeader, splitSealed } from "../../src/protocols/membership/framing.ts";
import { createMembership } from "../../src/protocols/membership/membership.ts";
import type { Effect, Endpoint, Membership } from "../../src/protocols/membership/types.ts";
import type { MembershipConfig, MembershipEvent } from "../../src/protocols/membership/types.ts";

/** Streams that peers may have open here at one time. */
const INCOMING_STREAMS_MAX = 128;
/** A peer that does not finish its message in this time is cut off. */
const INCOMING_TIMEOUT_MS = 10_000;
const STREAM_HEADER_BYTES = 5;

/** AES-GCM with a ring of keys: writes with the first, reads with any. No key means no sealing. */
export class Seal {
  readonly keys: readonly Buffer[];

  constructor(keys: readonly Buffer[]) {
    this.keys = keys;
  }

  get on(): boolean {
    return this.keys.length > 0;
  }

  seal(message: Uint8Array, additional: Uint8Array): Buffer {
    const key = this.keys[0]!;
    const nonce = randomBytes(SEAL_NONCE_BYTES);
    const cipher = createCipheriv(`aes-${(key.length * 8) as 128 | 256}-gcm`, key, nonce);
    cipher.setAAD(additional);
    const body = Buffer.concat([cipher.update(message), cipher.final()]);
    return Buffer.concat([Buffer.of(SEAL_VERSION), nonce, body, cipher.getAuthTag()]);
  }

  /** Undefined when no key opens it. */
  open(sealed: Uint8Array, additional: Uint8Array): Uint8Array | undefined {
    const parts = splitSealed(sealed);
    if (!parts) return undefined;
    for (const key of this.keys) {
      const options = { authTagLength: SEAL_TAG_BYTES };
      const decipher = createDecipheriv(`aes-${(key.length * 8) as 128 | 256}-gcm`, key, parts.nonce, options);
      decipher.setAAD(additional);
      decipher.setAuthTag(parts.tag);
      try {
        return Buffer.concat([decipher.update(parts.ciphertext), decipher.final()]);
      } catch {
        continue;
      }
    }
    return undefined;
  }

  sealStream(message: Uint8Array): Uint8Array {
    if (!this.on) return message;
    const header = sealedStreamHeader(message.length);
    return Buffer.concat([header, this.seal(message, header)]);
  }

  openStream(bytes: Uint8Array): Uint8Array | undefined {
    if (!this.on) return bytes[0] === TYPE.encrypt ? undefined : bytes;
    if (bytes[0] !== TYPE.encrypt) return undefined;
    return this.open(bytes.subarray(STREAM_HEADER_BYTES), bytes.subarray(0, STREAM_HEADER_BYTES));
  }
}

export interface SerfDriverOptions {
  config: MembershipConfig;
  clock: Clock;
  random: Random;
  keys?: readonly Buffer[];
  /** Effects that are news for the program: members, events, queries, results. */
  onEffect: (effect: Effect) => void;
}

export class SerfDriver {
  readonly core: Membership;
  /** Packets and streams that no key opened, or that were no stream at all. */
  refused = 0;
  readonly #options: SerfDriverOptions;
  readonly #seal: Seal;
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
    this.#seal = new Seal(options.keys ?? []);
    const overhead = this.#seal.on ? SEAL_OVERHEAD_BYTES : 0;
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
        const bytes = this.#seal.on ? this.#seal.seal(effect.bytes, new Uint8Array(0)) : effect.bytes;
        return this.#udp.send(bytes, effect.to.port, effect.to.address);
      }
      case "stream":
        return this.#stream(effect);
      case "stream-reply":
        this.#incoming.get(effect.id)?.end(this.#seal.sealStream(effect.bytes));
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
      default:
        return this.#options.onEffect(effect);
    }
  }

  #packet(bytes: Uint8Array, from: Endpoint): void {
    const opened = this.#seal.on ? this.#seal.open(bytes, new Uint8Array(0)) : bytes;
    if (opened) this.dispatch({ type: "packet", from, bytes: opened });
    else this.refused++;
  }

  #stream(effect: Extract<Effect, { type: "stream" }>): void {
    const socket = connect(effect.to.port, effect.to.address);
    this.#outgoing.add(socket);
    const cancel = this.#options.clock.after(effect.timeoutMs, () => socket.destroy());
    let answered = false;
    readOne(socket, (bytes) => {
      const message = this.#seal.openStream(bytes);
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
    socket.write(this.#seal.sealStream(effect.bytes));
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
      const message = this.#seal.openStream(bytes);
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
