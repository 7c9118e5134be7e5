/**
 * Where people open this box's pages: the address that it is bound to, or else the best one of the machine.
 */
import { hostPort, localAddresses } from "../../platform/addresses.ts";

const ALL = new Set(["", "0.0.0.0", "::"]);

/** "http://10.1.2.3:7000". `bind` is the address to listen on; empty for all. */
export function pageOrigin(bind: string, port: number): string {
  const host = ALL.has(bind) ? (localAddresses()[0]?.address ?? "127.0.0.1") : bind;
  return `http://${hostPort(host, port)}`;
}
