/**
 * Makes the golden data in `vectors/` with the released Tahoe-LAFS as the oracle: it starts a grid of one server, puts
 * files and folders through the client and writes down what came out. Each file's first line says how it was made.
 *
 *   node test/tahoe/make-vectors.ts          all (some minutes)
 *   node test/tahoe/make-vectors.ts caps     only that file: caps, mutable, shares, folders, answers
 *
 * Keys and salts of mutable files are random, so a new run writes other lines that are just as true.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TahoeClient, TahoeGrid } from "./grid.ts";
import { inside, startGrid } from "./grid.ts";
import { TAHOE_VERSION } from "./install.ts";
import { foldersOf } from "./vector-folders.ts";
import { runOk } from "../support/process.ts";

type Line = Record<string, unknown>;

const MIB = 1_048_576;
/** Data up to this is written out; longer data is given as a seed and a length. */
const INLINE_BYTES = 200;
const SECRETS = [Buffer.alloc(32), Buffer.from(Array.from({ length: 32 }, (_, i) => i)), Buffer.from("a secret")];

/** k, n, largest segment in bytes. */
const CODES: readonly (readonly [k: number, n: number, segsize: number])[] = [
  ...([
    [1, 1, MIB],
    [1, 1, 100],
    [1, 2, 1000],
    [2, 2, 64],
    [2, 3, 128],
    [3, 7, 1000],
    [3, 10, MIB],
  ] as const),
  ...([
    [3, 10, 64],
    [3, 10, 1000],
    [3, 10, 4096],
    [3, 10, 131_072],
    [7, 10, 1000],
    [10, 16, 777],
  ] as const),
  ...([
    [10, 16, MIB],
    [16, 64, 1024],
    [25, 100, 4096],
    [71, 255, 1000],
    [71, 255, MIB],
  ] as const),
  ...([
    [101, 256, MIB],
    [256, 256, 4096],
    [1, 256, MIB],
  ] as const),
];

const grids: TahoeGrid[] = [];
const ends: (() => Promise<void> | void)[] = [];

const FILES: Readonly<Record<string, { how: string; lines: () => Promise<Line[]> }>> = {
  caps: {
    how:
      "LIT and CHK caps from PUT /uri on a client configured with k, n, segsize (its largest segment) and the " +
      "convergence secret. convergence, data and seed are hexadecimal. Where there is seed and length, the data is " +
      "the seed repeated and cut to length bytes; sha256 is that of the data",
    lines: caps,
  },
  mutable: {
    how:
      "caps from 'tahoe put --format=… --private-key-path'. privkey is the key's PKCS#8 DER in base64, data " +
      "hexadecimal; the caps depend on the key alone",
    lines: mutableCaps,
  },
  shares: {
    how:
      "shares as the server stored them: container is the whole file on its disk in base64, its own header and " +
      "leases included. First a line with the cap and the content (data, or seed and length as in caps.jsonl), then " +
      "its shares",
    lines: shares,
  },
  folders: {
    how:
      "folders: content is the folder file's plaintext in base64, children what the client's web API says of it " +
      "(GET /uri/CAP?t=json)",
    lines: async () => foldersOf((await gridFor({ needed: 3, total: 10 })).client),
  },
  answers: {
    how: "functions of the installed packages called by known-answers.py, which says how inputs are made",
    lines: answers,
  },
};

interface Setup {
  needed: number;
  total: number;
  segmentBytes?: number;
  convergence?: Uint8Array;
}

/** One grid for all; its client starts again with each setup. */
async function gridFor(setup: Setup): Promise<TahoeGrid> {
  const grid = grids[0];
  if (!grid) {
    const owner = { after: (end: () => Promise<void> | void) => void ends.push(end) };
    grids.push(await startGrid({ owner, servers: 1, ...setup }));
    return grids[0]!;
  }
  await grid.client.kill();
  grid.client.configure(setup);
  await grid.client.start();
  await grid.client.waitForServers(grid.servers.map(({ name }) => name));
  return grid;
}

async function caps(): Promise<Line[]> {
  const lines: Line[] = [];
  for (const [index, [k, n, segsize]] of CODES.entries()) {
    const convergence = SECRETS[index % SECRETS.length]!;
    const { client } = await gridFor({ needed: k, total: n, segmentBytes: segsize, convergence });
    for (const length of lengthsFor(k, segsize)) {
      const content = contentOf(`${k}-${n}-${segsize}`, length);
      const cap = await put(client, content.bytes);
      const kind = length <= 55 ? "lit" : "chk";
      lines.push({ kind, convergence: convergence.toString("hex"), k, n, segsize, ...content.fields, cap });
    }
  }
  return lines;
}

/** Around the edges: of LIT, of one block, of one and of several segments. */
function lengthsFor(k: number, segsize: number): number[] {
  const edges = [0, 1, 55, 56, 57, k + 56, 1000, 10_000];
  const several = segsize < MIB ? [segsize * 3 - 1, segsize * 5, segsize * 8 + 1] : k === 3 ? [segsize * 2 + 7] : [];
  const ends = segsize < MIB || k === 3 || k === 71 ? [segsize - 1, segsize, segsize + 1] : [];
  return [...new Set([...edges, ...ends, ...several])].filter((length) => length >= 0).toSorted((a, b) => a - b);
}

/** Bytes that differ by name: the seed is its SHA-256, which is repeated and cut. */
function contentOf(name: string, length: number): { bytes: Buffer; fields: Line } {
  const seed = createHash("sha256").update(`${name}-${length}`).digest();
  const bytes = Buffer.alloc(length, seed);
  if (length <= INLINE_BYTES) return { bytes, fields: { data: bytes.toString("hex") } };
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { bytes, fields: { seed: seed.toString("hex"), length, sha256 } };
}

async function put(client: TahoeClient, bytes: Uint8Array, query = ""): Promise<string> {
  const response = await fetch(`${client.url}uri${query}`, { method: "PUT", body: Buffer.from(bytes) });
  const text = await response.text();
  if (!response.ok) throw new Error(`PUT /uri${query}: ${response.status} ${text}`);
  return text;
}

async function infoOf(client: TahoeClient, cap: string): Promise<{ ro_uri?: string; verify_uri?: string }> {
  const response = await fetch(`${client.url}uri/${encodeURIComponent(cap)}?t=json`);
  return ((await response.json()) as [string, { ro_uri?: string; verify_uri?: string }])[1];
}

async function mutableCaps(): Promise<Line[]> {
  const { client, folder } = await gridFor({ needed: 3, total: 10 });
  const lines: Line[] = [];
  for (const format of ["sdmf", "mdmf"]) {
    for (let index = 0; index < 6; index++) {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const path = join(folder, "key.pem");
      writeFileSync(path, privateKey.export({ type: "pkcs8", format: "pem" }));
      const content = contentOf(`${format}-${index}`, index * 20);
      const args = ["put", "--mutable", `--format=${format}`, `--private-key-path=${path}`, "-"];
      const cap = await client.ok(args, content.bytes);
      const info = await infoOf(client, cap);
      const privkey = privateKey.export({ type: "pkcs8", format: "der" }).toString("base64");
      const attenuated = { readCap: info.ro_uri, verifyCap: info.verify_uri };
      lines.push({ kind: format, k: 3, n: 10, ...content.fields, privkey, cap, ...attenuated });
    }
  }
  return lines;
}

/** Which files' shares are kept: what the file is, and the share numbers, all when not given. */
const KEPT: readonly { format: "chk" | "sdmf" | "mdmf"; setup: Setup; length: number; numbers?: readonly number[] }[] =
  [
    { format: "chk", setup: { needed: 3, total: 10 }, length: 310 },
    { format: "chk", setup: { needed: 2, total: 3, segmentBytes: 128 }, length: 1000 },
    { format: "chk", setup: { needed: 1, total: 1 }, length: 56 },
    { format: "chk", setup: { needed: 7, total: 10, segmentBytes: 1000 }, length: 5001 },
    { format: "sdmf", setup: { needed: 3, total: 10 }, length: 310 },
    { format: "sdmf", setup: { needed: 1, total: 1 }, length: 0 },
    { format: "sdmf", setup: { needed: 2, total: 5 }, length: 1001 },
    { format: "mdmf", setup: { needed: 3, total: 10 }, length: 310 },
    { format: "mdmf", setup: { needed: 1, total: 1 }, length: 0 },
    // Two segments: the smallest file that has them is large, so two of its shares.
    { format: "mdmf", setup: { needed: 2, total: 3 }, length: 131_073, numbers: [0, 2] },
  ];

async function shares(): Promise<Line[]> {
  const lines: Line[] = [];
  for (const { format, setup, length, numbers } of KEPT) {
    const { client, servers } = await gridFor(setup);
    const content = contentOf(`${format}-${setup.needed}-${setup.total}`, length);
    const cap = await put(client, content.bytes, `?format=${format}`);
    const { ro_uri: readCap, verify_uri: verifyCap } = await infoOf(client, cap);
    const storageIndex = /^URI:[^:]*-?Verifier:([a-z2-7]{26}):/.exec(verifyCap ?? "")?.[1];
    if (!storageIndex) throw new Error(`no storage index in ${String(verifyCap)}`);
    const { needed: k, total: n, segmentBytes } = setup;
    const about = { k, n, ...(segmentBytes ? { segsize: segmentBytes } : {}), storageIndex };
    lines.push({ kind: format, ...about, ...content.fields, cap, readCap, verifyCap });
    const stored = servers[0]!.shares(storageIndex);
    if (stored.size !== n) throw new Error(`${format} ${k}-of-${n}: ${stored.size} shares are stored`);
    for (const number of numbers ?? [...stored.keys()].toSorted((a, b) => a - b)) {
      const container = readFileSync(stored.get(number)!).toString("base64");
      lines.push({ kind: "share", storageIndex, number, container });
    }
  }
  return lines;
}

async function answers(): Promise<Line[]> {
  const { root } = await gridFor({ needed: 3, total: 10 });
  const script = readFileSync(join(import.meta.dirname, "known-answers.py"), "utf8");
  const text = await runOk(inside(root, ["python3", "-"]), { input: script });
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

const folder = join(import.meta.dirname, "vectors");
mkdirSync(folder, { recursive: true });
try {
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(FILES)) {
    const file = FILES[name];
    if (!file) throw new Error(`no vectors "${name}": ${Object.keys(FILES).join(", ")}`);
    const startMs = performance.now();
    const lines = await file.lines();
    const header = {
      kind: "header",
      oracle: `tahoe-lafs ${TAHOE_VERSION} (Debian)`,
      by: "make-vectors.ts",
      how: file.how,
    };
    const text = [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
    writeFileSync(join(folder, `${name}.jsonl`), text);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(`${name}: ${lines.length} lines, ${Math.ceil(text.length / 1000)} kB, ${seconds} s`);
  }
} finally {
  for (const end of ends.toReversed()) await end();
}
