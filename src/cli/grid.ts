/**
 * `comu grid vector`: says which caps files have, out of test vectors on standard input. It asks no box and no server:
 * for comparing us with other programs that know the formats of Tahoe-LAFS.
 */
import { once } from "node:events";
import { Command } from "commander";
import { plainJson, shownText } from "../kernel/unseen.ts";
import { say } from "../kernel/words.ts";
import type { Language } from "../kernel/words.ts";
import { simdMixer } from "../platform/erasure.ts";
import { gridCrypto } from "../platform/grid-crypto.ts";
import { formatCap, readCapOf, verifyCapOf } from "../protocols/grid/caps.ts";
import type { KnownCap } from "../protocols/grid/caps.ts";
import { erasureKernel } from "../protocols/grid/erasure-kernel.ts";
import { erasureCode } from "../protocols/grid/erasure.ts";
import { GridError } from "../protocols/grid/errors.ts";
import { vectorCap } from "../protocols/grid/vector.ts";
import type { VectorNeeds } from "../protocols/grid/vector.ts";
import { readVector } from "../protocols/grid/vector-line.ts";
import { cliErrors } from "./call.ts";
import { languageOf, optionsOf } from "./options.ts";
import { printFailure } from "./print.ts";
import { words } from "./words.ts";

/** A longer line is refused, and not kept in memory. */
export const VECTOR_LINE_CHARS_MAX = 64 * 1024 * 1024;

const HELP = `
Each line is one JSON object: {"kind", "convergence", "k", "n", "segsize", "data" or "seed" and "length", "privkey"}.
  kind         chk, lit, ssk (or sdmf), mdmf, dir2, dir2-mdmf, dir2-chk, dir2-lit; with -ro or -verifier the weaker cap
  k, n         3 and 10 if left out; segsize, the largest segment, 1048576
  seed         repeated and cut to length bytes
  sha256       of the content; if it is given, it must be right
  privkey      of ssk, mdmf and dir2, which need nothing else: PEM, or DER in base64 or hexadecimal
Bytes are hexadecimal, base64 or base32, told apart by their letters; short ones that could be several are as the others
of the line, else the first of these three. "encoding" (hex, base64, base32, text) says which.
Content of up to 55 bytes makes a LIT cap also where the kind is chk. A line that is refused leaves an empty line.`;

export function gridCommand(): Command {
  const grid = new Command("grid").description("The formats of Tahoe-LAFS").enablePositionalOptions();
  const vector = new Command("vector")
    .description("Reads test vectors, one JSON object a line, from standard input and prints one cap a line")
    .option("--json", "print one JSON object a line: line, kind, cap, readCap, verifyCap, or line and error")
    .addHelpText("after", HELP);
  vector.action(async () => {
    const { json } = optionsOf(vector);
    const refused = await answerAll(json, languageOf(vector));
    if (refused === 0) return;
    printFailure(cliErrors.fail("lines-refused", { params: { count: refused } }), false, languageOf(vector));
    process.exitCode = 1;
  });
  return grid.addCommand(vector);
}

/** Gives how many lines were refused. */
async function answerAll(json: boolean, language: Language): Promise<number> {
  const needs = vectorNeeds();
  let number = 0;
  let refused = 0;
  process.stdin.setEncoding("utf8");
  for await (const line of linesOf(process.stdin)) {
    number += 1;
    if (line?.trim() === "") continue;
    const answer = answerTo(needs, line);
    if (answer instanceof GridError) {
      refused += 1;
      const reason = shownText(answer.message.slice(`${answer.code}: `.length));
      process.stderr.write(`${answer.code}: ${say(words, language, "vector.line", { line: number, reason })}\n`);
      await print(json ? plainJson({ line: number, error: { code: answer.code, message: reason } }) : "");
    } else await print(json ? plainJson({ line: number, ...described(needs, answer) }) : formatCap(answer));
  }
  return refused;
}

function vectorNeeds(): VectorNeeds {
  const mixer = simdMixer(erasureKernel());
  return { crypto: gridCrypto(), codeOf: (k, n) => erasureCode(k, n, mixer) };
}

function answerTo(needs: VectorNeeds, line: string | undefined): KnownCap | GridError {
  try {
    if (line === undefined) throw new GridError("too-large", `over ${VECTOR_LINE_CHARS_MAX} characters`);
    return vectorCap(needs, readVector(line));
  } catch (error) {
    if (error instanceof GridError) return error;
    throw error;
  }
}

function described({ crypto }: VectorNeeds, cap: KnownCap): Record<string, string> {
  const text = formatCap(cap);
  const read = readCapOf(crypto, cap);
  const verify = verifyCapOf(crypto, cap);
  return {
    kind: text.split(":")[1]!,
    cap: text,
    ...(read ? { readCap: formatCap(read) } : {}),
    ...(verify ? { verifyCap: formatCap(verify) } : {}),
  };
}

async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
}

/** The lines without their ends; undefined in the place of one that is too long. */
export async function* linesOf(
  input: AsyncIterable<string>,
  charsMax = VECTOR_LINE_CHARS_MAX,
): AsyncGenerator<string | undefined> {
  let held = "";
  let isTooLong = false;
  const add = (part: string): void => {
    isTooLong ||= held.length + part.length > charsMax;
    held = isTooLong ? "" : held + part;
  };
  const take = (): string | undefined => {
    const line = isTooLong ? undefined : held;
    held = "";
    isTooLong = false;
    return line;
  };
  for await (const chunk of input) {
    const [first, ...rest] = chunk.split("\n");
    add(first!);
    for (const part of rest) {
      yield take();
      add(part);
    }
  }
  if (held !== "" || isTooLong) yield take();
}
