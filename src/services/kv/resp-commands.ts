/** All commands of the Redis front end: finds the one that a request names, and says what is wrong with others. */
import type { Key } from "../../protocols/kv/types.ts";
import type { RespCommand, RespSession } from "./resp-command.ts";
import { textOf } from "./resp-command.ts";
import { connectionCommands } from "./resp-connection-commands.ts";
import { expiryCommands } from "./resp-expiry.ts";
import { keyCommands } from "./resp-keys.ts";
import { RESP_ARGUMENTS_MAX } from "./resp-limits.ts";
import { serverCommands } from "./resp-server-commands.ts";
import { stringCommands } from "./resp-strings.ts";

/** How much of an unknown command, and of what came with it, is said back. */
const SAID_CHARS = 128;
const NAME_CHARS_MAX = 64;
/** What a browser sends when a page makes it talk to this port. */
const OF_BROWSERS = new Set(["post", "host:"]);

const table = new Map<string, RespCommand>();
const groups = [stringCommands, expiryCommands, keyCommands, connectionCommands, serverCommands(table)];
for (const command of groups.flat()) table.set(command.name, command);

/** By name in small letters. */
export const respCommands: ReadonlyMap<string, RespCommand> = table;

/** The command of a request; a text: the error to answer; undefined: a web page's, to be cut off without a word. */
export function findCommand(args: readonly Uint8Array[], session: RespSession): RespCommand | string | undefined {
  const name = args[0]!;
  const word = name.length > NAME_CHARS_MAX ? "" : textOf(name);
  const command = table.get(word) ?? table.get(word.toLowerCase());
  if (!command) return OF_BROWSERS.has(word.toLowerCase()) ? undefined : unknown(args);
  const enough = command.arity > 0 ? args.length === command.arity : args.length >= -command.arity;
  if (!enough) return `ERR wrong number of arguments for '${command.name}' command`;
  if (!session.trusted && !command.open) return "NOAUTH Authentication required.";
  const most = command.argumentsMax ?? RESP_ARGUMENTS_MAX;
  if (args.length > most) return `ERR too many arguments for '${command.name}' command, at most ${most - 1}`;
  return command;
}

export function keysOf(command: RespCommand, args: readonly Uint8Array[]): Key[] {
  if (!command.keys) return [];
  const [first, last, step] = command.keys;
  if (last === first) return [textOf(args[first]!)];
  const end = last < 0 ? args.length + last : last;
  const keys: Key[] = [];
  for (let at = first; at <= end; at += step) keys.push(textOf(args[at]!));
  return keys;
}

function unknown(args: readonly Uint8Array[]): string {
  let said = "";
  for (let at = 1; at < args.length && said.length < SAID_CHARS; at += 1)
    said += `'${textOf(args[at]!.subarray(0, SAID_CHARS - said.length))}' `;
  const name = textOf(args[0]!.subarray(0, SAID_CHARS));
  return `ERR unknown command '${name}', with args beginning with: ${said}`;
}
