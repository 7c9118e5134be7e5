/**
 * A small server for looking at the pages without a box: the built files with the daemon's content security policy,
 * and canned answers that are checked against the contracts. For the gallery and the pictures; never shipped.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { z } from "zod";
import type { Endpoint } from "../../src/kernel/contract.ts";
import { boxContract } from "../../src/services/box/contract.ts";
import { computeContract } from "../../src/services/compute/contract.ts";
import { discoveryContract } from "../../src/services/discovery/contract.ts";
import { filesContract } from "../../src/services/files/contract.ts";
import { kvContract } from "../../src/services/kv/contract.ts";
import { lanContract } from "../../src/services/lan/contract.ts";
import { meshContract } from "../../src/services/mesh/contract.ts";
import { peopleContract } from "../../src/services/people/contract.ts";
import { answers } from "./answers.ts";
import { type Size, type World, makeWorld } from "./world.ts";

const CONTRACTS = [
  boxContract,
  computeContract,
  discoveryContract,
  filesContract,
  kvContract,
  lanContract,
  meshContract,
  peopleContract,
];
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
const CSP =
  "default-src 'self'; style-src 'self'; img-src 'self' data:; script-src 'self'; media-src 'self' http: https:";

interface Route {
  name: string;
  method: string;
  pattern: RegExp;
  endpoint: Endpoint;
}

const routes: Route[] = CONTRACTS.flatMap((contract) =>
  Object.entries(contract.endpoints as Record<string, Endpoint>).map(([key, endpoint]) => ({
    name: `${contract.name}.${key}`,
    method: endpoint.method,
    pattern: new RegExp(`^/api/v1${endpoint.path.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)")}$`),
    endpoint,
  })),
);

function settings(): unknown {
  const sections = CONTRACTS.flatMap((contract) =>
    contract.settings ? [[contract.name, contract.settings] as const] : [],
  );
  const values = Object.fromEntries(sections.map(([name, schema]) => [name, schema.parse({})]));
  return { values, schemas: Object.fromEntries(sections.map(([name, schema]) => [name, z.toJSONSchema(schema)])) };
}

function answer(world: World, role: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname === "/api/v1/events") {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(": hello\n\n");
    return;
  }
  if (url.pathname === "/api/v1/kv/watch") {
    response.writeHead(200, { "content-type": "application/x-ndjson" }).write("\n");
    return;
  }
  const route = routes.find((one) => one.method === request.method && one.pattern.test(url.pathname));
  const params = {
    role,
    ...Object.fromEntries(url.searchParams),
    ...decoded(route?.pattern.exec(url.pathname)?.groups),
  };
  const found = route && (route.name === "box.settings" ? settings() : answers[route.name]?.(world, params));
  if (!route || found === undefined) {
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
    return;
  }
  const checked = z.safeParse(route.endpoint.output, found);
  if (!checked.success)
    throw new Error(`${route.name} is not what its contract says: ${z.prettifyError(checked.error)}`);
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(checked.data));
}

function decoded(groups: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]));
}

function serveFile(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
  const wanted = join(folder, path);
  const file =
    wanted.startsWith(folder) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(folder, "index.html");
  response.writeHead(200, {
    "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    "content-security-policy": CSP,
  });
  createReadStream(file).pipe(response);
}

/** Serves `folder` and the canned world on a free port of loopback. */
export async function serve(folder: string, size: Size, role: string): Promise<{ url: string; server: Server }> {
  const world = makeWorld(size);
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/api/")) answer(world, role, request, response);
    else serveFile(folder, request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, server };
}
