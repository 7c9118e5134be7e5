/**
 * Real servers to stand behind published services: Debian's nginx, Icecast, Mosquitto, OpenSSH and dnsmasq, each run
 * in a host of the lab with a configuration of its own in a temporary folder. Nothing of the machine's own
 * configuration is read, and no service of the machine is started.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import { eventually, runOk } from "../support/process.ts";
import type { Running } from "../support/process.ts";
import type { Host } from "./lab.ts";

/** Debian packages of the servers and of their clients. */
export const SERVER_PACKAGES = [
  "nginx-light",
  "icecast2",
  "vorbis-tools",
  "mosquitto",
  "mosquitto-clients",
  "openssh-server",
  "openssh-client",
  "dnsmasq-base",
  "bind9-dnsutils",
  "curl",
] as const;

const STREAM_TIMEOUT_MS = 30_000;
const TONE_SECONDS = 20;
const TONE_SAMPLES_PER_SECOND = 44_100;
const SOURCE_PASSWORD = "lab-source";

export interface LabServer {
  readonly host: Host;
  /** DNS-SD type, as in `comu services publish --type`. */
  readonly type: string;
  readonly port: number;
  readonly title: string;
  /** Where its page or stream begins; "" where there is no such thing. */
  readonly path: string;
  /** Starts it again after a stop; resolves when it listens. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface SshServer extends LabServer {
  /** Private key of the user whom it lets in, and the server's own public key as a known_hosts file. */
  readonly userKeyFile: string;
  readonly knownHostsFile: string;
}

interface Recipe {
  type: string;
  port: number;
  title: string;
  path?: string;
  /** Brings it up and gives its processes, the last to be stopped first. */
  launch(): Promise<Running[]>;
}

/** nginx with one page; `text` is in its body. */
export async function startNginx(host: Host, title: string, text: string, port = 8080): Promise<LabServer> {
  const folder = serverFolder("nginx");
  writeFileSync(join(folder, "index.html"), `<!doctype html><title>${title}</title><h1>${text}</h1>\n`);
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log stderr;
     events { worker_connections 64; }
     http {
       access_log off; types { text/html html; } default_type text/html;
       client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3;
       uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5;
       server { listen ${port}; root ${folder}; charset utf-8; }
     }`,
  );
  const command = ["/usr/sbin/nginx", "-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")];
  return server(host, { type: "_http._tcp", port, title, path: "/", launch: single(host, command, port) });
}

/** Icecast with one source that plays an Ogg Vorbis tone for ever at /radio.ogg. */
export async function startIcecast(host: Host, title: string, port = 8000): Promise<LabServer> {
  const folder = serverFolder("icecast");
  writeFileSync(
    join(folder, "icecast.xml"),
    `<icecast>
       <limits><clients>20</clients><sources>2</sources><burst-size>16384</burst-size></limits>
       <authentication><source-password>${SOURCE_PASSWORD}</source-password>
         <admin-user>admin</admin-user><admin-password>lab-admin</admin-password></authentication>
       <hostname>${host.address}</hostname>
       <listen-socket><port>${port}</port></listen-socket>
       <paths><basedir>/usr/share/icecast2</basedir><logdir>${folder}</logdir><webroot>/usr/share/icecast2/web</webroot>
         <adminroot>/usr/share/icecast2/admin</adminroot><alias source="/" destination="/status.xsl"/></paths>
       <logging><accesslog>access.log</accesslog><errorlog>-</errorlog><loglevel>2</loglevel></logging>
       <security><chroot>0</chroot>
         <changeowner><user>nobody</user><group>nogroup</group></changeowner></security>
     </icecast>`,
  );
  const tones = await makeTones(folder);
  const mount = "/radio.ogg";
  const source = fileURLToPath(new URL("audio-source.ts", import.meta.url));
  const url = `http://source:${SOURCE_PASSWORD}@127.0.0.1:${port}${mount}`;
  const launch = async (): Promise<Running[]> => {
    const icecast = host.start(["icecast2", "-c", join(folder, "icecast.xml")]);
    await icecast.waitForPort(port);
    const player = host.start([process.execPath, source, url, String(TONE_SECONDS), ...tones]);
    await player.waitForLine(/on air/);
    // Icecast accepts the source a moment before it offers the stream.
    const probe = ["curl", "-so", "/dev/null", "--max-time", "2", "-w", "%{http_code}"];
    await eventually(
      "the stream is offered",
      STREAM_TIMEOUT_MS,
      async () => (await host.run([...probe, `http://127.0.0.1:${port}${mount}`])).stdout === "200",
    );
    return [icecast, player];
  };
  return server(host, { type: "_http._tcp", port, title, path: mount, launch });
}

/** A Mosquitto broker, open to everybody. */
export async function startMosquitto(host: Host, title: string, port = 1883): Promise<LabServer> {
  const folder = serverFolder("mosquitto");
  const config = join(folder, "mosquitto.conf");
  writeFileSync(
    config,
    `user root\nlistener ${port} 0.0.0.0\nallow_anonymous true\npersistence false\nlog_dest stderr\n`,
  );
  const launch = single(host, ["/usr/sbin/mosquitto", "-c", config], port);
  return server(host, { type: "_mqtt._tcp", port, title, launch });
}

/** An OpenSSH server with a host key of its own; root gets in with a key that is made here, nobody with a password. */
export async function startSshd(host: Host, title: string, port = 22): Promise<SshServer> {
  const folder = serverFolder("sshd");
  const [hostKey, userKeyFile] = [join(folder, "host_key"), join(folder, "user_key")];
  for (const file of [hostKey, userKeyFile]) {
    await runOk(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", file]);
  }
  const knownHostsFile = join(folder, "known_hosts");
  const at = port === 22 ? host.address : `[${host.address}]:${port}`;
  writeFileSync(knownHostsFile, `${at} ${readFileSync(`${hostKey}.pub`, "utf8")}`);
  const config = join(folder, "sshd_config");
  writeFileSync(
    config,
    [
      `Port ${port}`,
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${userKeyFile}.pub`,
      "PidFile none",
      "UsePAM no",
      "PermitRootLogin prohibit-password",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "StrictModes no",
      "UseDNS no",
      "PrintMotd no",
    ].join("\n"),
  );
  // Debian's unit makes this folder; without the unit it has to be made here.
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const launch = single(host, ["/usr/sbin/sshd", "-D", "-e", "-f", config], port);
  return { ...(await server(host, { type: "_ssh._tcp", port, title, launch })), userKeyFile, knownHostsFile };
}

/** dnsmasq as the authority of one zone: names (below it) to addresses. Knows nothing else and asks nobody. */
export async function startDnsmasq(
  host: Host,
  title: string,
  zone: string,
  names: Readonly<Record<string, string>>,
  port = 53,
): Promise<LabServer> {
  const folder = serverFolder("dnsmasq");
  const config = join(folder, "dnsmasq.conf");
  const records = Object.entries(names).map(([name, address]) => `host-record=${name}.${zone},${address}`);
  const lines = [
    "no-resolv",
    "no-hosts",
    `port=${port}`,
    "user=root",
    "group=root",
    "log-facility=-",
    `pid-file=${folder}/pid`,
    `local=/${zone}/`,
    ...records,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const command = ["/usr/sbin/dnsmasq", "--keep-in-foreground", `--conf-file=${config}`];
  return server(host, { type: "_domain._udp", port, title, launch: single(host, command, port) });
}

async function server(host: Host, recipe: Recipe): Promise<LabServer> {
  let processes: Running[] = [];
  const self: LabServer = {
    host,
    type: recipe.type,
    port: recipe.port,
    title: recipe.title,
    path: recipe.path ?? "",
    async start() {
      if (processes.some((process) => !process.exit)) throw new Error(`${recipe.title} runs already`);
      processes = await recipe.launch();
    },
    async stop() {
      for (const process of processes.toReversed()) await process.stop();
      processes = [];
    },
  };
  await self.start();
  return self;
}

function single(host: Host, command: readonly string[], port: number): () => Promise<Running[]> {
  return async () => {
    const running = host.start(command);
    await running.waitForPort(port);
    return [running];
  };
}

/** Servers give up root and must still be able to read, and to write their logs. */
function serverFolder(name: string): string {
  const folder = temporaryFolder(name);
  chmodSync(folder, 0o777);
  return folder;
}

/** Two tones as Ogg files with different serial numbers, so that playing them in turn makes a lawful chained stream. */
async function makeTones(folder: string): Promise<string[]> {
  const files = [];
  for (const [index, hertz] of [440, 660].entries()) {
    const wav = join(folder, `tone${index}.wav`);
    const ogg = join(folder, `tone${index}.ogg`);
    writeFileSync(wav, toneWav(hertz));
    await runOk(["oggenc", "-Q", "-q", "3", "-s", String(1000 + index), "-o", ogg, wav]);
    if (!existsSync(ogg) || statSync(ogg).size < 1000) throw new Error(`oggenc made nothing of ${wav}`);
    files.push(ogg);
  }
  return files;
}

/**
 * A mono 16-bit WAV file (RIFF, PCM): a tone over noise. A pure tone compresses so well that an Ogg page would come
 * only every few seconds, which no radio does.
 */
function toneWav(hertz: number): Buffer {
  const samples = TONE_SECONDS * TONE_SAMPLES_PER_SECOND;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(TONE_SAMPLES_PER_SECOND, 24);
  wav.writeUInt32LE(TONE_SAMPLES_PER_SECOND * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(samples * 2, 40);
  let noise = 1;
  for (let index = 0; index < samples; index += 1) {
    // A linear congruential generator (Numerical Recipes' constants): the same noise in each run.
    noise = (Math.imul(noise, 1_664_525) + 1_013_904_223) >>> 0;
    const tone = Math.sin((2 * Math.PI * hertz * index) / TONE_SAMPLES_PER_SECOND);
    wav.writeInt16LE(Math.round(6000 * tone + 3000 * (noise / 2 ** 31 - 1)), 44 + index * 2);
  }
  return wav;
}

/** Installs what is missing of servers and clients. */
export async function needServers(): Promise<void> {
  await needDebian(SERVER_PACKAGES);
}
