/** The name servers of this machine. */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";

/** Those that this machine asks, also behind a resolver of its own. */
export async function hostNameServers(): Promise<string[]> {
  for (const file of ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"]) {
    const text = await readFile(file, "utf8").catch(() => "");
    const found = [...text.matchAll(/^nameserver\s+(\S+)\s*$/gm)].map(([, address]) => address!);
    const usable = found.filter((one) => isIP(one) !== 0 && !/^(127\.|::1$|fe80:)/.test(one));
    if (usable.length > 0) return usable;
  }
  return [];
}
