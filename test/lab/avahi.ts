/**
 * Avahi inside a host of the lab: announces services by mDNS (avahi-publish) and lists what is heard (avahi-browse),
 * as any Linux machine or printer on a local network does. Daemon and message bus are private to the host: they run
 * in a mount namespace of their own, where /run/avahi-daemon is empty.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import type { Running } from "../support/process.ts";
import type { Host } from "./lab.ts";

const BROWSE_TIMEOUT_MS = 15_000;

export interface Announcement {
  title: string;
  type: string;
  port: number;
  /** TXT entries such as "path=/". */
  txt?: readonly string[];
}

export interface Heard {
  title: string;
  type: string;
  address: string;
  port: number;
}

export interface Avahi {
  /** Announces until the returned process is stopped; resolves when Avahi says that the name is established. */
  announce(service: Announcement): Promise<Running>;
  /** What this host hears of a type by IPv4 right now. */
  browse(type: string): Promise<Heard[]>;
  stop(): Promise<void>;
}

export async function startAvahi(host: Host): Promise<Avahi> {
  await needDebian(["avahi-daemon", "avahi-utils", "dbus-daemon"]);
  const folder = temporaryFolder("avahi");
  const bus = `unix:path=${folder}/bus`;
  writeFileSync(
    join(folder, "bus.conf"),
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
      "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
     <busconfig><type>system</type><listen>${bus}</listen><auth>EXTERNAL</auth>
       <policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
         <allow send_type="signal"/><allow send_requested_reply="true"/><allow receive_type="method_call"/>
         <allow receive_type="signal"/><allow receive_requested_reply="true"/></policy>
     </busconfig>`,
  );
  writeFileSync(
    join(folder, "avahi.conf"),
    `[server]\nhost-name=${host.name}\nuse-ipv4=yes\nuse-ipv6=no\nallow-interfaces=eth0\nenable-dbus=yes
[publish]\npublish-workstation=no\npublish-hinfo=no\n[rlimits]\n`,
  );
  const env = { DBUS_SYSTEM_BUS_ADDRESS: bus };
  const dbus = host.start(["dbus-daemon", `--config-file=${folder}/bus.conf`, "--nofork", "--print-address"]);
  await dbus.waitForLine(/unix:path=/);
  mkdirSync("/run/avahi-daemon", { recursive: true });
  const script = `mount -t tmpfs none /run/avahi-daemon && mount -t tmpfs none /etc/avahi/services &&
    exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f ${folder}/avahi.conf`;
  const daemon = host.start(["unshare", "--mount", "sh", "-c", script], { env, name: `${host.name}: avahi` });
  await daemon.waitForLine(/Server startup complete/);
  return {
    async announce({ title, type, port, txt = [] }) {
      const publisher = host.start(["avahi-publish", "-s", title, type, String(port), ...txt], { env });
      await publisher.waitForLine(/Established under name/);
      return publisher;
    },
    async browse(type) {
      const command = ["avahi-browse", "--resolve", "--terminate", "--parsable", "--no-db-lookup", type];
      return parse(await host.runOk(command, { env, timeoutMs: BROWSE_TIMEOUT_MS }));
    },
    async stop() {
      await daemon.stop();
      await dbus.stop();
    },
  };
}

/** Lines of avahi-browse: =;interface;protocol;name;type;domain;host;address;port;txt, with \DDD escapes. */
function parse(output: string): Heard[] {
  const heard: Heard[] = [];
  for (const line of output.split("\n")) {
    const [mark, , protocol, title = "", type = "", , , address = "", port] = line.split(";");
    if (mark !== "=" || protocol !== "IPv4") continue;
    const name = title.replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number(code)));
    heard.push({ title: name, type, address, port: Number(port) });
  }
  return heard;
}
