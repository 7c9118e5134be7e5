/**
 * `--follow`: prints a list, then what is added to it, until somebody stops it or the box does. The box's event stream
 * says only that something is new; the rows themselves are asked for, after the last one that was printed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CommandShape, Endpoint } from "../kernel/contract.ts";
import type { Language } from "../kernel/words.ts";
import { shortSocketPath } from "../platform/web/socket-path.ts";
import { callBox, cliErrors, request } from "./call.ts";
import type { Row } from "./print.ts";
import { growingList } from "./print.ts";

export interface Followed {
  data: string;
  endpoint: Endpoint;
  input: Record<string, unknown>;
  shape: CommandShape;
  json: boolean;
  language: Language;
}

/** Never resolves; rejects with `box-not-running` when the box stops. */
export async function followBox({ data, endpoint, input, shape, json, language }: Followed): Promise<never> {
  const { event, key, input: after } = shape.follow!;
  const print = growingList({ json, shape });
  let wanted = input;
  // The first answer is bounded by the input's own limit; a burst later on may be longer than one answer.
  const ask = async () => {
    for (;;) {
      const rows = (await callBox(data, endpoint, wanted, language)) as Row[];
      if (rows.length === 0) return;
      print(rows);
      wanted = { ...wanted, [after]: rows.at(-1)![key] };
    }
  };
  // The stream is open before the first question, so that nothing falls between the two.
  for await (const type of eventsOf(data)) {
    if (type === event || type === "hello" || type === "reload") await ask();
  }
  throw cliErrors.fail("box-not-running", { params: { data } });
}

/** Types of the box's events as they come; ends when the box does. */
async function* eventsOf(data: string): AsyncGenerator<string> {
  const file = join(data, "comu.sock");
  if (!existsSync(file)) throw cliErrors.fail("box-not-running", { params: { data } });
  const socket = shortSocketPath(file);
  try {
    const call = request({ socketPath: socket.path, path: "/api/v1/events", headers: { host: "localhost" } });
    const chunks = await new Promise<AsyncIterable<Buffer>>((resolve, reject) => {
      call.on("response", resolve);
      call.on("error", (cause) => reject(cliErrors.fail("box-not-running", { params: { data }, cause })));
      call.end();
    });
    yield* typesIn(chunks);
  } finally {
    socket.release();
  }
}

async function* typesIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of chunks) {
      const blocks = (text + decoder.decode(chunk, { stream: true })).split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) {
        const line = block.split("\n").find((one) => one.startsWith("data: "));
        if (line) yield (JSON.parse(line.slice("data: ".length)) as { type: string }).type;
      }
    }
  } catch (error) {
    // The box went without ending its answer.
    if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
  }
}
