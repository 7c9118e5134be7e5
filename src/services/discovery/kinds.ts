/**
 * What is known about types of services (DNS-SD names): their category, how a page opens them, how they are checked.
 * An unknown type is "other", copied by its address, checked by a TCP connection; over UDP it is not checked.
 */
import type { CATEGORIES } from "./contract.ts";

export type Category = (typeof CATEGORIES)[number];
/** How a service is asked whether it is there; "none": it cannot be. */
export const CHECKS = ["tcp", "http", "dns", "ntp", "coap", "none"] as const;
export type CheckKind = (typeof CHECKS)[number];

export interface TypeFacts {
  category: Category;
  scheme: string;
  action: "open" | "listen" | "copy";
  check: CheckKind;
}

const http = (category: Category, action: TypeFacts["action"] = "open"): TypeFacts => ({
  category,
  scheme: "http",
  action,
  check: "http",
});
const tcp = (category: Category, scheme: string): TypeFacts => ({ category, scheme, action: "copy", check: "tcp" });

const TYPES: Readonly<Record<string, TypeFacts>> = {
  "_http._tcp": http("web"),
  "_https._tcp": { category: "web", scheme: "https", action: "open", check: "http" },
  "_icecast._tcp": http("radio", "listen"),
  "_shoutcast._tcp": http("radio", "listen"),
  "_rtsp._tcp": tcp("video", "rtsp"),
  "_webdav._tcp": http("files", "copy"),
  "_webdavs._tcp": { category: "files", scheme: "https", action: "copy", check: "http" },
  "_ftp._tcp": tcp("files", "ftp"),
  "_sftp-ssh._tcp": tcp("files", "sftp"),
  "_smb._tcp": tcp("files", "smb"),
  "_nfs._tcp": tcp("files", "nfs"),
  "_git._tcp": tcp("files", "git"),
  "_rsync._tcp": tcp("files", "rsync"),
  "_ssh._tcp": tcp("remote", "ssh"),
  "_rfb._tcp": tcp("remote", "vnc"),
  "_telnet._tcp": tcp("remote", "telnet"),
  "_mqtt._tcp": tcp("sensors", "mqtt"),
  "_coap._udp": { category: "sensors", scheme: "coap", action: "copy", check: "coap" },
  "_ipp._tcp": tcp("print", "ipp"),
  "_ipps._tcp": tcp("print", "ipps"),
  "_printer._tcp": tcp("print", "lpd"),
  "_pdl-datastream._tcp": tcp("print", "socket"),
  "_domain._udp": { category: "names", scheme: "dns", action: "copy", check: "dns" },
  "_domain._tcp": { category: "names", scheme: "dns", action: "copy", check: "tcp" },
  "_ntp._udp": { category: "network", scheme: "ntp", action: "copy", check: "ntp" },
  "_http-proxy._tcp": tcp("network", "http"),
  "_socks._tcp": tcp("network", "socks5"),
  "_iperf3._tcp": tcp("network", "iperf3"),
  "_xmpp-client._tcp": tcp("chat", "xmpp"),
  "_matrix._tcp": { category: "chat", scheme: "https", action: "copy", check: "tcp" },
  "_irc._tcp": tcp("chat", "irc"),
  "_mumble._tcp": tcp("chat", "mumble"),
  "_imap._tcp": tcp("mail", "imap"),
  "_imaps._tcp": tcp("mail", "imaps"),
  "_smtp._tcp": tcp("mail", "smtp"),
  "_submission._tcp": tcp("mail", "smtp"),
  "_daap._tcp": tcp("radio", "daap"),
  "_mpd._tcp": tcp("radio", "mpd"),
  "_minecraft._tcp": tcp("games", "minecraft"),
  "_postgresql._tcp": tcp("compute", "postgresql"),
  "_redis._tcp": tcp("compute", "redis"),
};

export function typeFacts(type: string): TypeFacts {
  const known = TYPES[type];
  if (known) return known;
  const udp = type.endsWith("._udp");
  return { category: "other", scheme: type.slice(1, type.indexOf("._")), action: "copy", check: udp ? "none" : "tcp" };
}

/** The address to open or copy. IPv6 addresses get their brackets. */
export function serviceUrl(scheme: string, host: string, port: number, path: string): string {
  const shown = host.includes(":") ? `[${host}]` : host;
  return `${scheme}://${shown}:${port}${path}`;
}
