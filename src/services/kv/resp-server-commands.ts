/** The commands about the server: what it knows, how it is set, how it is doing. */
import type { Reply } from "../../protocols/resp/reply.ts";
import { array } from "../../protocols/resp/reply.ts";
import { matchesGlob } from "../../protocols/resp/glob.ts";
import { helpOf, text, unknownSubcommand } from "./resp-connection-commands.ts";
import type { Call, RespCommand, RespHouse } from "./resp-command.ts";
import { RespError, textOf, wordOf } from "./resp-command.ts";
import { RESP_COMPATIBLE_VERSION, RESP_PATTERN_CHARS_MAX } from "./resp-limits.ts";

type Table = ReadonlyMap<string, RespCommand>;

const simple = (said: string): Reply => ({ type: "simple", text: said });

/** As COMMAND INFO tells it; of key specifications and subcommands it tells none. */
function infoOf(command: RespCommand): Reply {
  const [first, last, step] = command.keys ?? [0, 0, 0];
  const flags = command.flags.map(simple);
  const tail = Array.from({ length: 3 }, () => array([]));
  const categories: Reply = { type: "set", items: [simple(`@${command.group}`)] };
  return array([command.name, command.arity, { type: "set", items: flags }, first, last, step, categories, ...tail]);
}

function docsOf({ summary, since, group }: RespCommand): Reply {
  return { type: "map", items: ["summary", summary, "since", since, "group", group] };
}

const COMMAND_SUBCOMMANDS = ["count", "docs", "help", "info", "list"];

function command(table: Table, { args }: Call): Reply {
  const all = [...table.values()];
  if (args.length === 1) return array(all.map(infoOf));
  const named = args.slice(2).map((arg) => table.get(wordOf(arg)));
  switch (wordOf(args[1]!)) {
    case "count":
      if (args.length !== 2) throw new RespError("ERR wrong number of arguments for 'command|count' command");
      return all.length;
    case "info":
      if (args.length === 2) return array(all.map(infoOf));
      return array(named.map((one) => (one ? infoOf(one) : { type: "nullArray" })));
    case "docs": {
      const some = args.length === 2 ? all : named.filter((one) => one !== undefined);
      return { type: "map", items: some.flatMap((one) => [one.name, docsOf(one)]) };
    }
    case "list":
      if (args.length !== 2) throw new RespError("ERR syntax error");
      return array(all.map((one) => one.name));
    case "help":
      return helpOf("COMMAND", COMMAND_SUBCOMMANDS);
  }
  throw new RespError(unknownSubcommand(args));
}

/** What programs ask for. An acknowledged write is on disk, which is what `appendfsync always` means. */
function settings(house: RespHouse): Record<string, string> {
  return {
    appendonly: "yes",
    appendfsync: "always",
    databases: "1",
    maxclients: String(house.stats().connectionsMax),
    maxmemory: "0",
    "maxmemory-policy": "noeviction",
    save: "",
    timeout: "0",
  };
}

function config({ args, house }: Call): Reply {
  const word = wordOf(args[1]!);
  if (word === "help") return helpOf("CONFIG", ["get", "help"]);
  if (word !== "get") throw new RespError(unknownSubcommand(args));
  if (args.length < 3) throw new RespError("ERR wrong number of arguments for 'config|get' command");
  const patterns = args.slice(2).map((arg) => textOf(arg.subarray(0, RESP_PATTERN_CHARS_MAX)).toLowerCase());
  const found = Object.entries(settings(house)).filter(([name]) => patterns.some((one) => matchesGlob(one, name)));
  return { type: "map", items: found.flat() };
}

function sections(house: RespHouse): Record<string, Record<string, string | number>> {
  const stats = house.stats();
  return {
    Server: {
      redis_version: RESP_COMPATIBLE_VERSION,
      redis_mode: "standalone",
      comu_version: house.version,
      uptime_in_seconds: Math.floor((house.clock.monotonicMs() - stats.startedMs) / 1000),
    },
    Clients: { connected_clients: stats.connections, maxclients: stats.connectionsMax },
    Memory: { clients_held_bytes: stats.heldBytes },
    Persistence: { loading: 0, aof_enabled: 1 },
    Stats: {
      total_connections_received: stats.connectionsTaken,
      total_commands_processed: stats.commands,
      rejected_connections: stats.connectionsRefused,
    },
    Replication: { role: "master", connected_slaves: 0 },
    Cluster: { cluster_enabled: 0 },
    Keyspace: {},
  };
}

function info({ args, house }: Call): Reply {
  const asked = new Set(args.slice(1).map(wordOf));
  const every = asked.size === 0 || ["all", "default", "everything"].some((one) => asked.has(one));
  const parts = Object.entries(sections(house))
    .filter(([name]) => every || asked.has(name.toLowerCase()))
    .map(([name, fields]) => {
      const lines = Object.entries(fields).map(([key, value]) => `${key}:${value}\r\n`);
      return `# ${name}\r\n${lines.join("")}`;
    });
  return text(parts.join("\r\n"));
}

function time({ house }: Call): Reply {
  const us = Math.trunc(house.clock.wallMs() * 1000);
  return array([String(Math.floor(us / 1_000_000)), String(us % 1_000_000)]);
}

const base = { order: "now", group: "server", flags: ["loading", "stale"] } as const;

/** `table` is asked when a command runs: it may still be empty now. */
export function serverCommands(table: Table): readonly RespCommand[] {
  return [
    {
      ...base,
      name: "command",
      arity: -1,
      since: "2.8.13",
      summary: "What commands there are.",
      subcommands: COMMAND_SUBCOMMANDS,
      run: (call) => command(table, call),
    },
    {
      ...base,
      name: "config",
      arity: -2,
      since: "2.0.0",
      summary: "Reads settings that clients ask for.",
      subcommands: ["get", "help"],
      run: config,
    },
    { ...base, name: "info", arity: -1, since: "1.0.0", summary: "How the server is doing.", run: info },
    { ...base, name: "time", arity: 1, since: "2.6.0", summary: "The time of the box.", run: time },
  ];
}
