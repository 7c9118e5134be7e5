/**
 * Drives one box's membership core in the simulated world, as the daemon's driver does with real sockets: carries out
 * effects in order, keeps the one wake-up, and runs streams as exchanges.
 */
import type { Effect, Endpoint, Membership, MembershipEvent } from "../src/protocols/membership/types.ts";
import type { SimBox } from "./box.ts";

export class Gossip {
  readonly core: Membership;
  readonly #box: SimBox;
  readonly #life: number;
  /** When the core wants its next tick, and when the next one is queued; the core's clock. */
  #wakeMs = Infinity;
  #queuedMs = Infinity;
  #reply: { id: number; bytes: Uint8Array } | undefined;
  #streams = 0;

  /** `like` is another box's, whose members this one knows, too. */
  constructor(box: SimBox, like?: Membership) {
    const { world, key, endpoint } = box;
    this.#box = box;
    this.#life = box.life;
    this.core = world.cores.createMembership(
      {
        name: key.id,
        advertise: endpoint,
        profile: world.profile,
        tags: { v: String(box.version) },
        admit: (name) => !box.replica?.isExcluded(name),
      },
      { random: world.random(`membership ${box.index} ${box.life}`), roster: world.roster, ...(like ? { like } : {}) },
    );
  }

  /** `atLeastMs`: a wake-up must not come a rounding error too early, or it would come again and again. */
  step(event: MembershipEvent, atLeastMs = 0): void {
    if (this.#box.life !== this.#life) return;
    this.carryOut(this.core.step(Math.max(atLeastMs, this.#box.monotonicMs), event));
  }

  carryOut(effects: readonly Effect[]): void {
    const box = this.#box;
    for (const effect of effects) {
      if (box.life !== this.#life || box.meetsCrashPoint()) return;
      switch (effect.type) {
        case "send":
          this.#send(effect.to, effect.bytes);
          break;
        case "stream":
          this.#stream(effect);
          break;
        case "stream-reply":
          this.#reply = effect;
          break;
        case "member":
          box.memberChanged(effect.change, effect.member);
          break;
        case "wake":
          this.#wake(effect.atMs);
          break;
        case "left":
          return box.world.crash(box, Infinity);
        default:
          break;
      }
    }
  }

  #send(to: Endpoint, bytes: Uint8Array): void {
    const { world, index, endpoint } = this.#box;
    const target = world.boxAt(to.address);
    if (!target) return;
    world.network.datagram(index, target.index, bytes, (copy) => {
      target.receive(() => target.gossip?.step({ type: "packet", from: endpoint, bytes: copy }));
    });
  }

  #stream({ id, to, bytes, timeoutMs }: Extract<Effect, { type: "stream" }>): void {
    const { world, index, endpoint } = this.#box;
    const target = world.boxAt(to.address);
    const failed = () => this.#box.inLife(this.#life, () => this.step({ type: "stream-failed", id }));
    if (!target) return world.after(1, failed);
    let answer: Uint8Array | undefined;
    world.network.exchange(index, target.index, {
      requestBytes: bytes.length,
      timeoutMs,
      isUp: () => target.up,
      serve: () => {
        answer = target.isAwake ? target.gossip?.serve(endpoint, bytes) : undefined;
        return answer?.length;
      },
      done: (ok) => {
        if (!ok || !answer) return failed();
        const received = answer;
        this.#box.inLife(this.#life, () => this.step({ type: "stream-answer", id, bytes: received }));
      },
    });
  }

  /** A stream that another box opened: its answer, if any. */
  serve(from: Endpoint, bytes: Uint8Array): Uint8Array | undefined {
    const id = 1_000_000 + this.#streams++;
    this.#reply = undefined;
    this.step({ type: "stream-received", id, from, bytes });
    // The step may have crashed the box in the middle.
    return this.#box.life === this.#life ? (this.#reply as { bytes: Uint8Array } | undefined)?.bytes : undefined;
  }

  /** A wake-up that moves back stays queued where it was and is put off when it comes: moving on is the common case. */
  #wake(atMs: number): void {
    this.#wakeMs = atMs;
    if (atMs < this.#queuedMs) this.#queue(atMs);
  }

  #queue(atMs: number): void {
    this.#queuedMs = atMs;
    this.#box.world.at(atMs + this.#box.bootMs, () => this.#woken(atMs));
  }

  #woken(atMs: number): void {
    const box = this.#box;
    if (atMs !== this.#queuedMs || box.life !== this.#life) return;
    if (!box.isAwake) return box.world.at(box.pausedUntilMs, () => this.#woken(atMs));
    this.#queuedMs = Infinity;
    if (this.#wakeMs > atMs) return this.#queue(this.#wakeMs);
    this.#wakeMs = Infinity;
    this.step({ type: "tick" }, atMs);
  }
}
