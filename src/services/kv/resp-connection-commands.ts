/** The commands about the connection itself: its password, its version of the protocol, its name. */
import type { Reply } from "../../protocols/resp/reply.ts";
import { OK, array, error } from "../../protocols/resp/reply.ts";
import type { Call, RespCommand, RespHouse, RespSession } from "./resp-command.ts";
import { RespError, SYNTAX, int64Of, needInt64, textOf, wordOf } from "./resp-command.ts";
import { RESP_COMPATIBLE_VERSION, RESP_NAME_CHARS_MAX, RESP_PASSWORD_BYTES_MAX } from "./resp-limits.ts";

const USER = "default";
const WRONG = "WRONGPASS invalid username-password pair or user is disabled.";
const TOO_MANY = "ERR too many wrong passwords or too many at one time; try again in half a minute";
const NO_PASSWORD =
  "ERR AUTH <password> called without any password configured for the default user. " +
  "Are you sure your configuration is correct?";
const HELLO_FIRST =
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> " +
  "option can be used to authenticate the client and select the RESP protocol version at the same time";
const BAD_NAME = "ERR Client names cannot contain spaces, newlines or special characters.";

function ping({ args }: Call): Reply {
  if (args.length > 2) throw new RespError("ERR wrong number of arguments for 'ping' command");
  return args[1] ?? { type: "simple", text: "PONG" };
}

/** Undefined: let in. */
async function authenticate(call: Call, user: string, password: Uint8Array): Promise<Reply | undefined> {
  const { house, session } = call;
  if (!house.checkPassword) return user === USER ? undefined : error(WRONG);
  if (password.length > RESP_PASSWORD_BYTES_MAX) return error(WRONG);
  // Checked in any case, so that the time does not tell whether there is such a user.
  const answer = await house.checkPassword(textOf(password), session.remoteAddress);
  if (answer === "too-many") return error(TOO_MANY);
  if (answer === "wrong" || user !== USER) return error(WRONG);
  session.trusted = true;
  return undefined;
}

async function auth(call: Call): Promise<Reply> {
  const { args, house } = call;
  if (args.length > 3) throw new RespError(SYNTAX);
  if (args.length === 2 && !house.checkPassword) throw new RespError(NO_PASSWORD);
  const user = args.length === 3 ? textOf(args[1]!) : USER;
  return (await authenticate(call, user, args.at(-1)!)) ?? OK;
}

async function hello(call: Call): Promise<Reply> {
  const { args, session, house } = call;
  let version = session.version;
  if (args.length > 1) {
    const asked = int64Of(args[1]!);
    if (asked === undefined) throw new RespError("ERR Protocol version is not an integer or out of range");
    if (asked !== 2n && asked !== 3n) throw new RespError("NOPROTO unsupported protocol version");
    version = asked === 3n ? 3 : 2;
  }
  let credentials: { user: string; password: Uint8Array } | undefined;
  let name: string | undefined;
  for (let at = 2; at < args.length; at += 1) {
    const word = wordOf(args[at]!);
    if (word === "auth" && at + 2 < args.length) {
      credentials = { user: textOf(args[at + 1]!), password: args[at + 2]! };
      at += 2;
    } else if (word === "setname" && at + 1 < args.length) {
      name = nameOf(args[(at += 1)]!);
    } else {
      throw new RespError(`ERR Syntax error in HELLO option '${textOf(args[at]!.subarray(0, 128))}'`);
    }
  }
  if (credentials) {
    const refused = await authenticate(call, credentials.user, credentials.password);
    if (refused) return refused;
  }
  if (!session.trusted) throw new RespError(HELLO_FIRST);
  session.version = version;
  if (name !== undefined) session.name = name;
  return { type: "map", items: greeting(session, house) };
}

function greeting(session: RespSession, house: RespHouse): Reply[] {
  return [
    ...["server", "redis", "version", RESP_COMPATIBLE_VERSION, "proto", session.version, "id", session.id],
    ...["mode", "standalone", "role", "master", "modules", array([]), "comu", house.version],
  ];
}

function select({ args }: Call): Reply {
  const index = needInt64(args[1]);
  if (index !== 0n) throw new RespError("ERR DB index is out of range");
  return OK;
}

function quit({ session }: Call): Reply {
  session.leaving = true;
  return OK;
}

/** READONLY and READWRITE, as with a Redis Cluster: reads that may be behind, or not. */
function reads(stale: boolean) {
  return ({ session }: Call): Reply => {
    session.stale = stale;
    return OK;
  };
}

function reset({ session, house }: Call): Reply {
  session.version = 2;
  session.stale = false;
  session.name = "";
  session.trusted = house.checkPassword === undefined;
  return { type: "simple", text: "RESET" };
}

function nameOf(bytes: Uint8Array): string {
  const name = textOf(bytes.subarray(0, RESP_NAME_CHARS_MAX + 1));
  if (name.length > RESP_NAME_CHARS_MAX) throw new RespError("ERR the name is too long");
  if (/[^!-~]/.test(name)) throw new RespError(BAD_NAME);
  return name;
}

const SUBCOMMANDS = ["getname", "help", "id", "info", "list", "no-evict", "no-touch", "reply", "setinfo", "setname"];

function client(call: Call): Reply {
  const { args, session, house } = call;
  const word = wordOf(args[1]!);
  const takes = (count: number) => {
    if (args.length !== count) throw new RespError(`ERR wrong number of arguments for 'client|${word}' command`);
  };
  switch (word) {
    case "id":
      takes(2);
      return session.id;
    case "getname":
      takes(2);
      return session.name === "" ? null : session.name;
    case "setname":
      takes(3);
      session.name = nameOf(args[2]!);
      return OK;
    case "setinfo":
      takes(4);
      return setInfo(session, wordOf(args[2]!), nameOf(args[3]!));
    case "info":
      takes(2);
      return text(line(session, house));
    case "list":
      takes(2);
      return text([...house.sessions()].map((one) => line(one, house)).join(""));
    case "no-evict":
    case "no-touch":
      takes(3);
      if (!/^(?:on|off)$/.test(wordOf(args[2]!))) throw new RespError(SYNTAX);
      return OK;
    case "reply":
      takes(3);
      if (wordOf(args[2]!) !== "on") throw new RespError(SYNTAX);
      return OK;
    case "help":
      return helpOf("CLIENT", SUBCOMMANDS);
  }
  throw new RespError(unknownSubcommand(args));
}

export function unknownSubcommand(args: readonly Uint8Array[]): string {
  const name = textOf(args[0]!).toUpperCase();
  return `ERR unknown subcommand '${textOf(args[1]!.subarray(0, 128))}'. Try ${name} HELP.`;
}

export function helpOf(name: string, subcommands: readonly string[]): Reply {
  const lines = [`${name} <subcommand> [<arg> ...]. Subcommands are:`, ...subcommands.map((one) => one.toUpperCase())];
  return array(lines.map((one) => ({ type: "simple", text: one })));
}

export function text(said: string): Reply {
  return { type: "verbatim", format: "txt", text: said };
}

function setInfo(session: RespSession, what: string, value: string): Reply {
  if (what === "lib-name") session.library.name = value;
  else if (what === "lib-ver") session.library.version = value;
  else throw new RespError(`ERR Unrecognized option '${what}'`);
  return OK;
}

function line(session: RespSession, { clock }: RespHouse): string {
  const nowMs = clock.monotonicMs();
  const seconds = (sinceMs: number) => Math.floor((nowMs - sinceMs) / 1000);
  const fields = {
    id: session.id,
    addr: session.remote,
    laddr: session.local,
    name: session.name,
    age: seconds(session.openedMs),
    idle: seconds(session.lastMs),
    flags: "N",
    db: 0,
    "tot-mem": session.heldBytes(),
    cmd: session.lastCommand,
    user: USER,
    resp: session.version,
    "lib-name": session.library.name,
    "lib-ver": session.library.version,
  };
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")}\n`;
}

const base = { group: "connection", order: "alone" } as const;
const open = { ...base, open: true, flags: ["noscript", "loading", "stale", "fast", "no_auth"] } as const;
const plain = { ...base, flags: ["loading", "stale", "fast"] } as const;

export const connectionCommands: readonly RespCommand[] = [
  { ...plain, name: "ping", arity: -1, order: "now", since: "1.0.0", summary: "Answers PONG.", run: ping },
  {
    ...plain,
    name: "echo",
    arity: 2,
    order: "now",
    since: "1.0.0",
    summary: "Answers what it was told.",
    run: ({ args }) => args[1]!,
  },
  { ...open, name: "auth", arity: -2, since: "1.0.0", summary: "Says the password.", run: auth },
  { ...open, name: "hello", arity: -1, since: "6.0.0", summary: "Chooses the version of the protocol.", run: hello },
  { ...open, name: "quit", arity: -1, since: "1.0.0", summary: "Closes the connection.", run: quit },
  { ...open, name: "reset", arity: 1, since: "6.2.0", summary: "Makes the connection as it began.", run: reset },
  { ...plain, name: "select", arity: 2, since: "1.0.0", summary: "There is only 0.", run: select },
  { ...plain, name: "readonly", arity: 1, since: "3.0.0", summary: "Reads may be behind.", run: reads(true) },
  { ...plain, name: "readwrite", arity: 1, since: "3.0.0", summary: "Reads are linearizable.", run: reads(false) },
  {
    ...plain,
    name: "client",
    arity: -2,
    since: "2.4.0",
    summary: "About connections.",
    subcommands: SUBCOMMANDS,
    run: client,
  },
];
