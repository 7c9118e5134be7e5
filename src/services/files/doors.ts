/**
 * The doors for devices: WebDAV and SFTP, each on a port of its own, open or closed by the settings.
 *
 *   closed ──(a port is set)──► open          failed (the port is taken) ──(each half minute)──► open
 */
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { AGAIN_MS } from "./constants.ts";

export interface DoorStatus {
  on: boolean;
  port: number;
  /** Why it is not open though it should be: a code. */
  reason: string | undefined;
}

export interface Door {
  /** Makes it what the settings want. Never rejects. */
  follow(): Promise<void>;
  status(): DoorStatus;
  /** Devices changed: whoever is known as one is asked again. */
  forget(): void;
  stop(): Promise<void>;
}

export interface OpenDoor {
  forget?(): void;
  close(): Promise<void>;
}

export interface DoorNeeds {
  clock: Clock;
  log: Log;
  /** For the log. */
  name: string;
  /** 0: closed. */
  wanted: () => { port: number; address: string };
  /** Throws a failure when the port cannot be opened. */
  open: (port: number, address: string) => Promise<OpenDoor>;
  changed: () => void;
}

export function createDoor({ clock, log, name, wanted, open, changed }: DoorNeeds): Door {
  let opened: { door: OpenDoor; port: number } | undefined;
  let reason: string | undefined;
  let turn: Promise<void> = Promise.resolve();
  let isStopped = false;

  const close = async () => {
    const { door } = opened ?? {};
    opened = undefined;
    await door?.close();
  };
  const step = async () => {
    const { port, address } = isStopped ? { port: 0, address: "" } : wanted();
    if ((opened?.port ?? 0) === port && reason === undefined) return;
    try {
      await close();
      if (port > 0) opened = { door: await open(port, address), port };
      reason = undefined;
    } catch (error) {
      reason = isFailure(error) ? error.code : "internal";
      log.error("a door for devices did not open", { name, port, error });
    }
    changed();
  };
  const follow = () => (turn = turn.then(step));
  const cancel = clock.every(AGAIN_MS, () => void (reason !== undefined && follow()));
  return {
    follow,
    status: () => ({ on: opened !== undefined, port: opened?.port ?? wanted().port, reason }),
    forget: () => opened?.door.forget?.(),
    async stop() {
      isStopped = true;
      cancel();
      await follow();
    },
  };
}
