/**
 * Whether a server stands behind a TCP port of this machine. A proxy that hands on what comes takes every connection,
 * and closes it when nobody is there to take it: a server says something, or waits for what is said to it.
 */
import { connect } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { PORT_QUIET_MS, PORT_TAKEN_MS } from "./constants.ts";

export function isPortListened(clock: Clock, port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let cancel = clock.after(PORT_TAKEN_MS, () => end(false));
    const end = (is: boolean) => {
      cancel();
      resolve(is);
      socket.destroy();
    };
    socket.once("connect", () => {
      cancel();
      cancel = clock.after(PORT_QUIET_MS, () => end(true));
    });
    socket.once("data", () => end(true));
    socket.once("end", () => end(false));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}
