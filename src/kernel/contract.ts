/**
 * The contract: a typed table of endpoints per service, over zod. From this one table come the HTTP routes, the
 * OpenAPI description, the commands of the CLI, the UI's client and the test that walks every endpoint with every
 * role. A service that changes its table changes all of them.
 */
import { z } from "zod";
import type { ErrorTable, Failure } from "./errors.ts";
import type { WordTables } from "./words.ts";

/** What a caller may be, weakest first. Each role may do all that the ones before it may. */
export const ROLES = ["public", "guest", "member", "steward", "host"] as const;
export type Role = (typeof ROLES)[number];

export function roleAtLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** How an endpoint looks on the command line. Flags come from the input schema, in kebab-case. */
export interface CommandShape {
  /** The words after `comu`, for instance "services publish". */
  command: string;
  /** Inputs that are given by position, in order. */
  positional?: readonly string[];
  /** For a list: the keys that the table shows. For a single thing, all keys are shown. */
  columns?: readonly string[];
  /** The one key that is printed alone when the output is for people, for instance the code of an invitation. */
  headline?: string;
  /** Inputs read from a file's first line, since a secret must not stand in a command: key to flag. */
  fromFile?: Readonly<Record<string, string>>;
  /**
   * An input that is typed, since a secret must not stand in a command: what a terminal is asked with the word key
   * `words`, otherwise all of standard input, or of the file that `--OPTION` names ("-": standard input).
   */
  typed?: { input: string; option: string; words: string };
  /** Keys of a single thing that only `--json` shows. */
  hidden?: readonly string[];
  /** A count in the answer: when it is not 0, the command says so on standard error and ends as refused. */
  refused?: string;
  /** The same of what is lacking, with a sentence of its own: the count in the answer, and the word key. */
  lacking?: { count: string; words: string };
  /** The answer is what a command said: `stdout`, `stderr` go there, and it ends with `exitCode`; not with `--json`. */
  ran?: true;
  /** Said on standard error when the answer takes long: the word key. */
  waiting?: string;
  /**
   * While the answer is waited for on a terminal: the endpoint of the same service that is asked again and again how
   * far it is, and the keys of its answer for the percentage and for what is being done.
   */
  progress?: { ask: string; percent: string; text: string };
  /** It may take hours: the command waits for as long as the box works on it. */
  patient?: true;
  /** Asks for a yes first on a terminal; `--yes` answers it. The word key of the question. */
  confirm?: string;
  /** Said on standard error when this switch is given: the input, and the word key of the sentence. */
  warning?: { input: string; words: string };
  /**
   * For a list that grows: `--follow` goes on printing what is new. The event that says so, the key of a row by which
   * it is told apart, and the input that asks for the rows after it.
   */
  follow?: { event: string; key: string; input: string };
  /** For an answer that holds a list under this key beside other things: the table that is shown. */
  rows?: string;
  /** With `rows`: keys of the answer that are shown above the table. */
  above?: readonly string[];
  /** With `rows`: the switch in the answer that says that there is more than is told, and the word key (`limit`). */
  cut?: { flag: string; words: string };
  /**
   * Keys that hold codes, each with the beginning of its words: for people the answer is followed by what each code
   * means (`BEGINNING-CODE`) and what can be done (`BEGINNING-CODE.advice`); for a code without words,
   * `BEGINNING-other`.
   */
  codes?: Readonly<Record<string, string>>;
  /** `--raw` asks this endpoint of the same service instead, and writes its bytes as they are. */
  raw?: string;
  /** Where the request's bytes come from. */
  bytes?: BytesSource;
  /** Bytes of the answer go to the file of this name of an argument; "-": standard output, as without it. */
  toFile?: string;
  /**
   * For a `socket` that carries a terminal: after the text `{"opened":true}` bytes are what is typed and what is shown,
   * a text `{"columns","rows"}` is the window's size (inputs of the same names say it at the beginning), and the
   * answer's `exitCode` is the command's.
   */
  terminal?: true;
  /**
   * `--tty` asks this endpoint of the same service instead, which is a `terminal`. Its inputs are those of the same
   * names, and by `joined` those of the named ones that were given, with slashes between.
   */
  tty?: { ask: string; joined: Readonly<Record<string, readonly string[]>> };
}

/**
 * An argument, or the option that names a file ("-": standard input) instead. Or a file of lines, sent in as many
 * requests as it takes: numbers in the answers are added up and lists joined. `from`: the input that is told the
 * number of a request's first line.
 */
export type BytesSource =
  | { argument: string; option: string }
  | { lines: string; from: string }
  /** The argument that names a file; all of it is sent. */
  | { file: string }
  /**
   * The argument that names a file, sent in as many requests as it takes: the inputs `upload` (an id of its own, the
   * same in all of them), `offset` and `isLast` say which piece it is. `cancel`: the endpoint of the same service that
   * is told when the last one will not come; its inputs are of the same names.
   */
  | { pieces: string; cancel: string };

/** What an endpoint with an `answerType` gives: bytes at once, or as they come; the caller's pace is kept. */
export interface BytesAnswer {
  body: Uint8Array | AsyncIterable<Uint8Array>;
  /** 200 by default; 206 and 416 for a range. */
  status?: 200 | 206 | 416;
  /** Of this one answer, where the contract's `answerType` says only that it is bytes. */
  type?: string;
  /** Of a body that comes piece by piece, when it is known; a body that ends before it breaks the answer off. */
  length?: number;
  headers?: Readonly<Record<string, string>>;
}

/** The output of an endpoint with an `answerType`. */
export const bytesAnswer = z.custom<BytesAnswer>((value) => typeof value === "object" && value !== null);

export interface Endpoint<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  method: Method;
  /** Below /api/v1, Hono's form: "/services/:id". A parameter of the path is a key of the input. */
  path: string;
  /** The weakest role that may call it. */
  role: Role;
  /** One English sentence: help text, OpenAPI summary. */
  summary: string;
  /** One object: path parameters, query (GET, DELETE) or JSON body (others) together. Strict: unknown keys fail. */
  input: I;
  output: O;
  /**
   * The body is bytes of any type, at most so many, and all inputs come from path, query and `headers`; the handler
   * finds it as `context.bytes`. `tooLarge` is what a longer one is refused with. `isPassing`: the handler keeps no
   * part of it when it has ended, and its memory is used again for the next one.
   */
  bytes?: { max: number; tooLarge?: () => Failure; isPassing?: boolean };
  /** The answer is bytes of this type and not JSON; `output` is `bytesAnswer`. */
  answerType?: string;
  /** Inputs that may also be given as headers: key of the input to name of the header. */
  headers?: Readonly<Record<string, string>>;
  /**
   * The call is a web socket: a GET that is upgraded when host, origin, session, role and input are right, and refused
   * like any other before that. The handler runs while it is open, with `context.socket`; what it returns, or throws,
   * is the last message, `{"end": output}` or `{"error": {code, message, advice, params}}`, and closes it. A browser,
   * which can set no header, gives its second secret as `proof` and its language as `language` in the query.
   */
  socket?: true;
  cli?: CommandShape;
  /** At most this many calls a minute from one address, beside the general limit. */
  perMinuteMax?: number;
  /** A state-changing call that a page may make before anybody is signed in (set-up, sign-in, accepting). */
  beforeSignIn?: true;
}

/** A yes or no in a query: "true" over HTTP, a bare flag on the command line. No when it is not given. */
export const switchInput = z.stringbool().default(false).meta({ format: "switch" });

export type Endpoints = Readonly<Record<string, Endpoint>>;

/** An event that pages may hear: its name is `SERVICE.NAME`. */
export interface EventShape {
  /** The weakest role that hears it. */
  role: Role;
  summary: string;
}

export interface Contract<E extends Endpoints = Endpoints> {
  /** The folder's name, and the tag in the API description. */
  name: string;
  summary: string;
  endpoints: E;
  /** Code to HTTP status; texts are in the words. */
  errors: ErrorTable;
  events: Readonly<Record<string, EventShape>>;
  /** This service's part of the configuration: default, type and help text of each setting. */
  settings?: z.ZodObject;
  /** May the host switch it off? */
  optional: boolean;
  words: WordTables;
}

/** Keeps the exact types of the table. */
export function defineContract<const E extends Endpoints>(contract: Contract<E>): Contract<E> {
  return contract;
}

/** Keeps the exact types of one endpoint. */
export function endpoint<I extends z.ZodObject, O extends z.ZodType>(shape: Endpoint<I, O>): Endpoint<I, O> {
  return shape;
}

/** Who calls: found by the people service from a cookie, or by the platform from the socket that was used. */
export interface Principal {
  role: Role;
  /** The account's name; undefined for the public and for the box's own Unix socket. */
  account?: string;
  /** "socket": the CLI over the Unix socket of the data folder. "session": a signed-in browser. */
  via: "none" | "session" | "socket";
  /** The session's id, where there is one. */
  session?: string;
  /**
   * The session's second secret, when the caller showed it in the header `x-comu-csrf`. The cookie alone is not enough:
   * browsers send it to every program on the same address, whatever its port.
   */
  csrf?: string;
}

/** A web socket as a handler sees it: messages are bytes or texts, both ways at the pace of who reads. */
export interface SocketLine {
  /** What the caller says; ends when it is gone. To be read once. */
  messages: AsyncIterable<Uint8Array | string>;
  /** Resolves when there is room for the next one, and when the caller is gone. */
  send(message: Uint8Array | string): Promise<void>;
}

export interface CallContext {
  principal: Principal;
  /** The caller's address, for rate limits; "local" for the Unix socket. */
  address: string;
  /** The body of the request, where the endpoint takes bytes; empty otherwise. */
  bytes: Uint8Array;
  /** Where the endpoint is a `socket`. */
  socket?: SocketLine;
  /** Ends when the caller goes away. */
  signal: AbortSignal;
  language: "ca" | "es" | "en";
  /** Sets or clears the session cookie of the answer. */
  setSession: (token: string | null) => void;
  /** Scheme and host as the caller wrote them, for links that it can open: "http://box.local:7000". */
  origin: string;
}

export type Handler<E extends Endpoint> = (
  input: z.output<E["input"]>,
  context: CallContext,
) => Promise<z.input<E["output"]>> | z.input<E["output"]>;

export type Handlers<E extends Endpoints> = { [K in keyof E]: Handler<E[K]> };

/** A warning about the state of a part: data, so that page and command line render the same list. */
export interface Warning {
  /** Stable; words are `health.CODE` and `fix.CODE`. */
  code: string;
  severity: "info" | "warning" | "error";
  params?: Record<string, string | number>;
}

/** One part of the daemon that a person can use. */
export interface Service<E extends Endpoints = Endpoints> {
  contract: Contract<E>;
  handlers: Handlers<E>;
  /** Called once before anything is served. A rejection is a bug, or a Failure that the start-up prints. */
  start(): Promise<void>;
  /** Called once; releases all that start took. Services stop in the reverse order of their start. */
  stop(): Promise<void>;
  /** Present warnings; called often, so it must be cheap. */
  health?(): Warning[];
  /** Looks into things that take a moment; called by `comu doctor`, and by the daemon twice a day. */
  doctor?(): Promise<Check[]>;
  /** Prometheus figures; called on each scrape. */
  metrics?(): Metric[];
}

/** One thing that the doctor looked at. Words are `check.CODE.title`, `.ok`, `.bad` and `.fix`. */
export interface Check {
  code: string;
  ok: boolean;
  /** How bad it is when it is not ok. */
  severity: "info" | "warning" | "error";
  params?: Record<string, string | number>;
}

export interface Metric {
  /** Without the prefix `comu_`; a counter ends in `_total`. */
  name: string;
  type: "gauge" | "counter";
  help: string;
  value: number;
  labels?: Record<string, string>;
}
