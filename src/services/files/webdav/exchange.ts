/** What the method handlers get of one request, and what all of them ask of its headers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../../kernel/clock.ts";
import type { FileEntry, FileSystem } from "../tree/file-system.ts";
import { parentOf } from "../tree/paths.ts";
import type { Turns } from "../../../kernel/turns.ts";
import type { Gate } from "./gate.ts";
import type { AccountLocks } from "./locks.ts";
import type { Validators } from "./preconditions.ts";
import { refuse } from "./refusal.ts";

/** What a name and a password open. */
export interface Access {
  files: FileSystem;
  mayWrite: boolean;
  /** All who see the same tree have the same: locks hold among them. */
  account: string;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly files: FileSystem;
  readonly locks: AccountLocks;
  readonly path: string;
  /** The URL ended with a slash. */
  readonly isFolderForm: boolean;
  /** Lock tokens of the If header. */
  readonly submitted: ReadonlySet<string>;
  /** The If header named etags: nothing may come between looking and writing. */
  readonly isExact: boolean;
  readonly account: string;
  /** Where listings wait for their turn. */
  readonly listings: Gate;
  /** Who makes the same folder waits for who was first. */
  readonly making: Turns;
  /** Called before the body is read: who sent "Expect: 100-continue" is told to go on. */
  readonly wantBody: () => void;
}

export type Handler = (exchange: Exchange) => Promise<void>;

export function etagOf(entry: FileEntry): string {
  return `"${entry.etag}"`;
}

export function validatorsOf(entry: FileEntry): Validators;
export function validatorsOf(entry: FileEntry | undefined): Validators | undefined;
export function validatorsOf(entry: FileEntry | undefined): Validators | undefined {
  return entry && { etag: etagOf(entry), modifiedMs: entry.modifiedMs };
}

/** Refuses with 404. */
export async function presentEntry({ files, path }: Exchange): Promise<FileEntry> {
  return (await files.stat(path)) ?? refuse(404, "there is nothing");
}

/** The folder that something new comes into. Refuses with 409, as RFC 4918 has it. */
export async function parentMustBe(files: FileSystem, path: string): Promise<void> {
  const parent = await files.stat(parentOf(path));
  if (parent?.kind !== "folder") refuse(409, "the folder above is not there");
}

export type Depth = "0" | "1" | "infinity";

/** Undefined without the header. Refuses with 400. */
export function depthOf({ request }: Exchange): Depth | undefined {
  const depth = header(request, "depth")?.toLowerCase();
  if (depth === undefined || depth === "0" || depth === "1" || depth === "infinity") return depth;
  return refuse(400, "the Depth header cannot be read");
}

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}
