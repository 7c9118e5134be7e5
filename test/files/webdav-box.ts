/** A WebDAV server of ours in this process, over any files, and raw requests to it. */
import { Agent, request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../src/kernel/clock.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import type { FileSystem } from "../../src/services/files/tree/file-system.ts";
import { createWebdav } from "../../src/services/files/webdav/webdav.ts";
import type { ServerLimits, Webdav } from "../../src/services/files/webdav/webdav.ts";
import type { Owner } from "../support/process.ts";

export const USER = "anna";
export const PASSWORD = "rosa-del-desert";

export interface WebdavBox {
  webdav: Webdav;
  port: number;
  url: string;
  /** Lines of the log, from warnings on. */
  logged: string[];
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
}

export interface Ask {
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** "user:password"; undefined sends none. */
  as?: string | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

export interface WebdavBoxOptions {
  owner: Owner;
  files: FileSystem;
  clock?: Clock;
  mayWrite?: boolean;
  limits?: Partial<ServerLimits>;
  /** Called for each password that is looked at. */
  onLook?: () => void;
}

export async function startWebdav({ owner, files, ...rest }: WebdavBoxOptions): Promise<WebdavBox> {
  const { clock = systemClock(), mayWrite = true } = rest;
  const logged: string[] = [];
  const log = createLog({ clock, level: "warn", write: (line) => logged.push(line) });
  const webdav = createWebdav({
    ...{ clock, log, random: systemRandom(), address: "127.0.0.1", port: 0 },
    ...(rest.limits ? { limits: rest.limits } : {}),
    authenticate: async (user, password) => {
      rest.onLook?.();
      return user === USER && password === PASSWORD ? { files, mayWrite, account: user } : undefined;
    },
  });
  const port = await webdav.listen();
  const agent = new Agent({ keepAlive: true });
  owner.after(async () => {
    agent.destroy();
    await webdav.close();
  });
  const ask = (method: string, path: string, { headers = {}, body, as = `${USER}:${PASSWORD}` }: Ask = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const options = { host: "127.0.0.1", port, method, path, agent, headers: { ...headers, ...signedIn(as) } };
      const outgoing = httpRequest(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const whole = Buffer.concat(chunks);
          resolve({ status: response.statusCode!, headers: response.headers, body: whole, text: whole.toString() });
        });
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  return { webdav, port, url: `http://127.0.0.1:${port}`, logged, ask };
}

export function signedIn(as: string): Record<string, string> {
  return as === "" ? {} : { authorization: `Basic ${Buffer.from(as).toString("base64")}` };
}
