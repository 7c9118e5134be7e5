/**
 * A small community for the pages: three boxes of three owners in three zones, each with a real page behind what it
 * offers. One of the services is open to everybody.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually } from "../support/process.ts";
import type { Owner } from "../support/process.ts";

export const BREAD = "Pa de pagès";
const SEEN_TIMEOUT_MS = 30_000;

export interface Listed {
  id: string;
  title: string;
  state: string;
  url: string;
}

/** The first box, alone and with nothing to offer. */
export async function startFirst(owner: Owner): Promise<Box> {
  return startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", zone: "raval", until: owner });
}

/** The two others, and what the three offer; resolves when the first box lists it all. */
export async function startOthers(first: Box, owner: Owner): Promise<Box[]> {
  const boxes: Box[] = [first];
  for (const [name, person, zone] of [
    ["Ateneu", "Bernat", "sants"],
    ["Taller", "Carme", "gràcia"],
  ] as const) {
    const { code } = await first.cli<{ code: string }>(["invite", "--json"]);
    boxes.push(await startBox({ name, owner: person, zone, join: code, until: owner }));
  }
  await publish(first, "Bakery", await startPage(BREAD, owner), "--open");
  await publish(boxes[1]!, "Reading list", await startPage("Solitud", owner));
  await publish(boxes[2]!, "Song book", await startPage("L'estaca", owner));
  await eventually("box 1 lists all", SEEN_TIMEOUT_MS, async () => (await titles(first)).length === 3);
  return boxes;
}

/** A server with one page; its port. */
export async function startPage(text: string, owner: Owner): Promise<number> {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><link rel="icon" href="data:,"><title>${text}</title><h1>${text}</h1>`);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  owner.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** By the command line; the service's id. */
export async function publish(at: Box, title: string, port: number, ...more: string[]): Promise<string> {
  const flags = ["--type", "_http._tcp", "--port", String(port), "--title", title, ...more, "--json"];
  return (await at.cli<{ id: string }>(["services", "publish", ...flags])).id;
}

/** What is up, as this box lists it. */
export async function titles(at: Box): Promise<string[]> {
  return (await at.api<Listed[]>("/services")).filter(({ state }) => state === "up").map(({ title }) => title);
}

export async function find(at: Box, title: string): Promise<Listed> {
  const found = (await at.api<Listed[]>("/services")).find((one) => one.title === title);
  assert.ok(found, `${title} is not listed`);
  return found;
}
