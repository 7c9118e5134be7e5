/**
 * One connection of the Redis front end. Requests of a pipeline run beside one another, and their answers leave in the
 * order of the requests; a request waits when it reads what one before it writes, or the other way round, so that a
 * pipeline behaves as if its requests were done one after another. When too much runs or waits, it stops reading.
 *
 *   bytes ─► parser ─► prepared ──no clash, room──► running ─► answered ─► sent, with all others of that turn
 *                          └─ clash, no room: waits, and all behind it
 */
import type { Key } from "../../protocols/kv/types.ts";
import type { ProtocolError } from "../../protocols/resp/parser.ts";
import { RequestParser } from "../../protocols/resp/parser.ts";
import type { Reply, RespVersion } from "../../protocols/resp/reply.ts";
import { error, replyBytes } from "../../protocols/resp/reply.ts";
import type { ReplyWriter } from "../../protocols/resp/writer.ts";
import type { TcpConnection, TcpReader } from "../../platform/tcp-server.ts";
import type { RespCommand, RespHouse, RespSession } from "./resp-command.ts";
import { BUG, failureReply } from "./resp-command.ts";
import { findCommand, keysOf } from "./resp-commands.ts";
import type { RespLimits } from "./resp-server.ts";

/** What a connection needs of the server that it belongs to. */
export interface RespKeeper {
  readonly house: RespHouse;
  readonly limits: RespLimits;
  /** Asks for `flush` at the end of this turn of the event loop. */
  soon(connection: RespConnection): void;
  /** Told how much more, or less, the connection holds. */
  holds(bytes: number): void;
  counted(command: RespCommand): void;
  bug(command: string, cause: unknown): void;
  gone(connection: RespConnection): void;
}

interface Prepared {
  command: RespCommand;
  args: readonly Uint8Array[];
  keys: readonly Key[];
  writes: boolean;
  bytes: number;
}

interface Answer {
  /** Undefined: not there yet. */
  reply: Reply | undefined;
  version: RespVersion;
  bytes: number;
}

export class RespConnection implements TcpReader, RespSession {
  readonly id: number;
  readonly remote: string;
  readonly remoteAddress: string;
  readonly local: string;
  readonly openedMs: number;
  lastMs: number;
  lastCommand = "";
  version: RespVersion = 2;
  stale = false;
  name = "";
  library = { name: "", version: "" };
  leaving = false;
  readonly #parser = new RequestParser();
  readonly #keeper: RespKeeper;
  readonly #tcp: TcpConnection;
  /** Answers in the order of the requests; those before `#head` are sent. */
  #answers: Answer[] = [];
  #head = 0;
  #waits: Prepared | undefined;
  #inFlight = 0;
  #alone = false;
  /** Of each key in flight: how many read it, or, negative, how many write it. */
  readonly #inUse = new Map<Key, number>();
  #requestBytes = 0;
  #answerBytes = 0;
  #expectedBytes: number;
  #told = 0;
  #paused = false;
  #hasEnded = false;
  #closed = false;
  /** When the request that is not whole yet began; undefined: there is none. */
  #insideSinceMs: number | undefined;
  #requests = 0;

  constructor(id: number, tcp: TcpConnection, keeper: RespKeeper, show: (of: TcpConnection["remote"]) => string) {
    this.id = id;
    this.#tcp = tcp;
    this.#keeper = keeper;
    this.remoteAddress = tcp.remote.address;
    this.remote = show(tcp.remote);
    this.local = show(tcp.local);
    this.openedMs = this.lastMs = keeper.house.clock.monotonicMs();
    this.#expectedBytes = keeper.limits.expectedFirstBytes;
    this.trusted = keeper.house.checkPassword === undefined;
  }

  get trusted(): boolean {
    return this.#parser.trusted;
  }

  set trusted(trusted: boolean) {
    this.#parser.trusted = trusted;
  }

  heldBytes(): number {
    if (this.#closed) return 0;
    return this.#parser.heldBytes() + this.#requestBytes + this.#answerBytes + this.#tcp.unsentBytes();
  }

  read(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.lastMs = this.#keeper.house.clock.monotonicMs();
    this.#parser.push(chunk);
    this.#goOn();
  }

  drained(): void {
    if (this.#closed) return;
    this.#goOn();
    this.#keeper.soon(this);
  }

  ended(): void {
    this.#hasEnded = true;
    this.#goOn();
    this.#keeper.soon(this);
  }

  closed(): void {
    this.#letGo();
    this.#keeper.gone(this);
  }

  destroy(): void {
    this.#letGo();
    this.#tcp.destroy();
  }

  #letGo(): void {
    this.#closed = true;
    this.#answers = [];
    this.#waits = undefined;
    const told = this.#told;
    this.#told = 0;
    this.#keeper.holds(-told);
  }

  /** Why it is to be closed now, if it is. */
  overdue(nowMs: number): "idle" | "slow" | "silent" | undefined {
    if (this.#closed) return undefined;
    const { idleMs, requestMs, firstMs } = this.#keeper.limits;
    if (nowMs - this.openedMs >= firstMs && (this.#requests === 0 || !this.trusted)) return "silent";
    if (this.#insideSinceMs !== undefined && nowMs - this.#insideSinceMs >= requestMs) return "slow";
    return nowMs - this.lastMs >= idleMs && this.#inFlight === 0 ? "idle" : undefined;
  }

  /** Sends the answers that are there, and goes on with what waited for them. */
  flush(writer: ReplyWriter): void {
    if (this.#closed) return;
    while (this.#head < this.#answers.length) {
      const answer = this.#answers[this.#head]!;
      if (answer.reply === undefined) break;
      writer.write(answer.reply, answer.version);
      this.#answerBytes -= answer.bytes;
      this.#head += 1;
    }
    if (this.#head === this.#answers.length) {
      this.#answers = [];
      this.#head = 0;
    }
    if (writer.size() > 0) this.#tcp.write(writer.take());
    if (this.#answerBytes + this.#tcp.unsentBytes() > this.#keeper.limits.outputBytesMax) return this.destroy();
    this.#goOn();
    if (this.#answers.length === 0 && (this.leaving || (this.#hasEnded && !this.#waits && this.#hasRoom()))) {
      this.#closed = true;
      this.#tcp.finish();
    }
  }

  #goOn(): void {
    while (this.#hasRoom()) {
      const next = this.#waits ?? this.#prepare();
      if (next === undefined || !this.#begin(next)) break;
    }
    if (this.#closed) return;
    const inside = this.#parser.isInside();
    const blocked = this.#waits !== undefined || !this.#hasRoom();
    if (!inside || blocked) this.#insideSinceMs = undefined;
    else this.#insideSinceMs ??= this.lastMs;
    this.#pause(blocked && this.#parser.heldBytes() > this.#keeper.limits.readAheadBytes);
    const more = this.heldBytes() - this.#told;
    this.#told += more;
    if (more !== 0) this.#keeper.holds(more);
  }

  #pause(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#tcp.pause();
    else this.#tcp.resume();
  }

  #hasRoom(): boolean {
    const { inFlightMax, expectedBytesMax, queuedMax, waitingBytesMax } = this.#keeper.limits;
    if (this.#closed || this.leaving || this.#alone) return false;
    if (this.#inFlight >= inFlightMax || this.#answers.length - this.#head >= queuedMax) return false;
    if (this.#inFlight > 0 && (this.#inFlight + 1) * this.#expectedBytes > expectedBytesMax) return false;
    return this.#requestBytes <= waitingBytesMax && this.#answerBytes + this.#tcp.unsentBytes() <= waitingBytesMax;
  }

  /** The next request, if it is whole and can be run. What cannot be is answered here. */
  #prepare(): Prepared | undefined {
    while (this.#hasRoom()) {
      const args = this.#parser.next();
      if (args === undefined) return undefined;
      if (!Array.isArray(args)) {
        this.#leave(args);
        return undefined;
      }
      this.#requests += 1;
      this.#insideSinceMs = undefined;
      const command = findCommand(args, this);
      if (command === undefined) {
        this.destroy();
        return undefined;
      }
      if (typeof command !== "string") {
        const keys = keysOf(command, args);
        let bytes = 0;
        for (const arg of args) bytes += arg.length;
        this.#requestBytes += bytes;
        return { command, args, keys, writes: command.flags.includes("write"), bytes };
      }
      this.#answer(this.#queue(), error(command));
    }
    return undefined;
  }

  /** False: it has to wait, and is remembered. */
  #begin(prepared: Prepared): boolean {
    const { command, args, keys, writes } = prepared;
    if (this.#inFlight > 0 && (command.order === "alone" || this.#clashes(keys, writes))) {
      this.#waits = prepared;
      return false;
    }
    this.#waits = undefined;
    this.lastCommand = command.name;
    this.#keeper.counted(command);
    const answer = this.#queue();
    let reply: Reply | Promise<Reply>;
    try {
      reply = command.run({ args, keys, session: this, house: this.#keeper.house });
    } catch (cause) {
      reply = this.#failed(command, cause);
    }
    if (!(reply instanceof Promise)) {
      this.#requestBytes -= prepared.bytes;
      this.#answer(answer, reply);
      return true;
    }
    this.#inFlight += 1;
    this.#alone = command.order === "alone";
    for (const key of keys) this.#inUse.set(key, (this.#inUse.get(key) ?? 0) + (writes ? -1 : 1));
    reply.then(
      (said) => this.#done(prepared, answer, said),
      (cause) => this.#done(prepared, answer, this.#failed(command, cause)),
    );
    return true;
  }

  #clashes(keys: readonly Key[], writes: boolean): boolean {
    for (const key of keys) {
      const users = this.#inUse.get(key);
      if (users !== undefined && users < 0 !== writes) return true;
    }
    return false;
  }

  #done({ keys, writes, bytes }: Prepared, answer: Answer, reply: Reply): void {
    this.#inFlight -= 1;
    this.#alone = false;
    this.#requestBytes -= bytes;
    for (const key of keys) {
      const left = this.#inUse.get(key)! + (writes ? 1 : -1);
      if (left === 0) this.#inUse.delete(key);
      else this.#inUse.set(key, left);
    }
    if (this.#closed) return;
    this.#answer(answer, reply);
    this.#expectedBytes = Math.max(answer.bytes, this.#expectedBytes * 0.875);
  }

  #queue(): Answer {
    const answer: Answer = { reply: undefined, version: this.version, bytes: 0 };
    this.#answers.push(answer);
    return answer;
  }

  #answer(answer: Answer, reply: Reply): void {
    answer.reply = reply;
    answer.version = this.version;
    answer.bytes = replyBytes(reply);
    this.#answerBytes += answer.bytes;
    this.#keeper.soon(this);
  }

  /** Nothing that follows can be understood: says why, and closes once all before it is answered. */
  #leave({ error: text }: ProtocolError): void {
    this.leaving = true;
    this.#answer(this.#queue(), error(text));
  }

  #failed(command: RespCommand, cause: unknown): Reply {
    const reply = failureReply(cause);
    if (reply !== undefined) return reply;
    this.#keeper.bug(command.name, cause);
    return error(BUG);
  }
}
