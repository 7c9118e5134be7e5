/**
 * The servers' own clients, run from any host of the lab: what a person would open a service with.
 * Each throws when the service cannot be used, and gives what it got.
 */
import { temporaryFolder } from "../support/at-exit.ts";
import type { Host } from "./lab.ts";
import type { SshServer } from "./servers.ts";

const CLIENT_TIMEOUT_S = 5;
const CHROMIUM_TIMEOUT_MS = 30_000;

/** The body of a page, with curl. */
export async function openPage(from: Host, url: string): Promise<string> {
  return from.runOk(["curl", "-sSf", "--max-time", String(CLIENT_TIMEOUT_S), url]);
}

/** The page's content after its scripts ran, in the system's Chromium. */
export async function openInChromium(from: Host, url: string): Promise<string> {
  const profile = temporaryFolder("chromium");
  const quiet = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"];
  const command = ["chromium", "--headless=new", "--no-sandbox", ...quiet, `--user-data-dir=${profile}`];
  return from.runOk([...command, "--dump-dom", url], { timeoutMs: CHROMIUM_TIMEOUT_MS });
}

/** What arrives of an endless stream within `seconds`: its bytes, its first four, and its type. */
export async function listen(
  from: Host,
  url: string,
  seconds = 2,
): Promise<{ bytes: number; magic: string; type: string; firstByteS: number }> {
  // curl ends a stream that never ends with its time limit (exit code 28); that is not a failure here.
  const figures = "\\n%{size_download} %{time_starttransfer} %{content_type}";
  const command = ["curl", "-sSf", "--max-time", String(seconds), "-w", figures, url];
  const result = await from.run(command);
  if (result.code !== 0 && result.code !== 28) throw new Error(`no stream at ${url}: ${result.stderr.trim()}`);
  const last = result.stdout.slice(result.stdout.lastIndexOf("\n") + 1).split(" ");
  const [bytes, firstByteS, type] = [Number(last[0]), Number(last[1]), last.slice(2).join(" ")];
  return { bytes, magic: result.stdout.slice(0, 4), type, firstByteS };
}

/** Subscribes at one host, publishes at another, and gives what arrived. */
export async function sendByMqtt(
  publisher: Host,
  subscriber: Host,
  broker: { address: string; port: number },
  message: string,
): Promise<string> {
  const at = ["-h", broker.address, "-p", String(broker.port), "-t", "lab/hello"];
  // Retained, so that it does not matter which of the two is there first.
  await publisher.runOk(["mosquitto_pub", ...at, "-r", "-m", message], { timeoutMs: CLIENT_TIMEOUT_S * 1000 });
  const received = await subscriber.runOk(["mosquitto_sub", ...at, "-C", "1", "-W", String(CLIENT_TIMEOUT_S)]);
  return received.trim();
}

/** Runs a command there, with the user's key, trusting only the server's own key. */
export async function runBySsh(from: Host, server: SshServer, command: string): Promise<string> {
  const options = [
    ["BatchMode", "yes"],
    ["IdentitiesOnly", "yes"],
    ["StrictHostKeyChecking", "yes"],
    ["UserKnownHostsFile", server.knownHostsFile],
    ["ConnectTimeout", String(CLIENT_TIMEOUT_S)],
  ].flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const at = ["-p", String(server.port), `root@${server.host.address}`];
  return (await from.runOk(["ssh", "-F", "none", "-i", server.userKeyFile, ...options, ...at, command])).trim();
}

/** The addresses of a name, by dig, from one server. */
export async function resolve(from: Host, server: { address: string; port: number }, name: string): Promise<string[]> {
  const limits = ["+time=2", "+tries=2", "+short"];
  const out = await from.runOk(["dig", `@${server.address}`, "-p", String(server.port), ...limits, name, "A"]);
  return out.split("\n").filter(Boolean);
}
