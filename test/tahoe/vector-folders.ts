/**
 * The folders of the golden data: of every kind and with every kind of child, made through the web API of a released
 * client, with the plaintext of the folder's file beside what the client says of its children.
 */
import type { TahoeClient } from "./grid.ts";

type Child = readonly [type: "filenode" | "dirnode" | "unknown", about: Record<string, unknown>];
type Children = Record<string, Child>;

/** Names whose order, form or length is an edge. */
const NAMES = ["a", "Z", "ç", "cafe\u0301", "\u{1f332}", "\uffee", "with:colon,comma", "x".repeat(255)];

/** The file below a folder: the same cap of the file's kind. */
const FILE_KINDS: Readonly<Record<string, string>> = {
  "URI:DIR2": "URI:SSK",
  "URI:DIR2-MDMF": "URI:MDMF",
  "URI:DIR2-CHK": "URI:CHK",
  "URI:DIR2-LIT": "URI:LIT",
};

export async function foldersOf(client: TahoeClient): Promise<Record<string, unknown>[]> {
  const ask = async (method: string, path: string, body?: string | Buffer): Promise<string> => {
    const response = await fetch(`${client.url}${path}`, body === undefined ? { method } : { method, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text;
  };
  const make = (query: string, children: Children): Promise<string> =>
    ask("POST", `uri?${query}`, JSON.stringify(children));
  const lit = await ask("PUT", "uri", "small");
  const chk = await ask("PUT", "uri", Buffer.alloc(100, "large"));
  const readOnly: Children = Object.fromEntries(
    NAMES.map((name, index) => [name, ["filenode", { ro_uri: index % 2 ? lit : chk, metadata: { index } }]]),
  );
  const made = [
    await make("t=mkdir-with-children", {}),
    await ask("POST", "uri?t=mkdir&format=mdmf"),
    await make("t=mkdir-immutable", {}),
    await make("t=mkdir-immutable", { one: ["filenode", { ro_uri: "URI:LIT:", metadata: {} }] }),
    await make("t=mkdir-immutable", readOnly),
    await make("t=mkdir-with-children", readOnly),
  ];
  const files = [await ask("PUT", "uri?format=sdmf", "sdmf"), await ask("PUT", "uri?format=mdmf", "mdmf")];
  const all: Children = { ...readOnly };
  for (const cap of files) all[cap.slice(0, 8)] = ["filenode", { rw_uri: cap, metadata: { "": "é" } }];
  for (const cap of made) {
    const key = /^URI:DIR2-(?:CHK|LIT)/.test(cap) ? "ro_uri" : "rw_uri";
    all[cap.slice(0, 20)] = ["dirnode", { [key]: cap, metadata: {} }];
  }
  all["of the future"] = ["unknown", { rw_uri: "later:rw:1", ro_uri: "ro.later:ro:1", metadata: {} }];
  all["of the future, fixed"] = ["unknown", { ro_uri: "imm.later:imm:1", metadata: {} }];
  for (const format of ["sdmf", "mdmf"]) {
    const cap = await ask("POST", `uri?t=mkdir&format=${format}`);
    await ask("POST", `uri/${encodeURIComponent(cap)}?t=set_children`, JSON.stringify(all));
    made.push(cap);
  }
  return Promise.all(
    made.map(async (cap) => {
      const path = `uri/${encodeURIComponent(cap)}`;
      const kind = /^URI:[^:]+/.exec(cap)![0];
      const file = cap.replace(kind, FILE_KINDS[kind] ?? kind);
      const response = await fetch(`${client.url}uri/${encodeURIComponent(file)}`);
      if (!response.ok) throw new Error(`GET ${file}: ${response.status} ${await response.text()}`);
      const content = Buffer.from(await response.arrayBuffer()).toString("base64");
      const [, about] = JSON.parse(await ask("GET", `${path}?t=json`)) as [string, Record<string, unknown>];
      const { children, ro_uri: readCap, verify_uri: verifyCap } = about;
      return { kind: "folder", cap, readCap, verifyCap, content, children };
    }),
  );
}
