/**
 * A box that uploads one file in pieces and is killed meanwhile: `node tree-process.ts FOLDER MODE STEP`. It begins or
 * finds the upload, sends what is missing, and says how far it is. At STEP it says so and does nothing more.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { memoryGrid } from "./memory-grid.ts";
import { treeBox } from "./tree-box.ts";

export const PIECE_BYTES = 100_000;
export const UPLOAD_BYTES = 20 * PIECE_BYTES + 17;

/** The same at every start. */
export function uploadContent(): Uint8Array {
  const bytes = new Uint8Array(UPLOAD_BYTES);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (at * 31 + (at >> 8) * 7 + (at >> 16)) & 255;
  return bytes;
}

export function gridFolder(folder: string): string {
  const path = join(folder, "grid");
  mkdirSync(path, { recursive: true });
  return path;
}

async function main(folder: string, mode: "new" | "replace" | "rename", step: string): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const reached = (at: string): Promise<void> => {
    if (at !== step) return Promise.resolve();
    say(`at ${at}`);
    return new Promise(() => {});
  };
  const grid = memoryGrid({ folder: gridFolder(folder) });
  const [upload, modify] = [grid.upload.bind(grid), grid.modifyMutable.bind(grid)];
  grid.upload = async (content, options) => {
    await reached("before-content");
    const done = await upload(content, options);
    await reached("after-content");
    return done;
  };
  grid.modifyMutable = async (cap, change, options) => {
    await reached("before-entry");
    const done = await modify(cap, change, options);
    await reached("after-entry");
    return done;
  };
  const bytes = uploadContent();
  const { tree } = await treeBox({ after: () => {} }, { grid, folder });
  const wish = { path: "/upload.bin", bytes: bytes.length, mode, fingerprint: "the same", modifiedMs: 77 };
  const isDone = () => tree.uploads.list("anna").some(({ state }) => state === "done");
  if (!isDone()) {
    let now = await tree.uploads.begin("anna", wish);
    await reached("begun");
    while (now.state === "receiving") {
      const at = now.receivedBytes;
      now = await tree.uploads.piece("anna", now.id, at, bytes.subarray(at, at + PIECE_BYTES));
      say(`received ${now.receivedBytes}`);
      if (now.receivedBytes > bytes.length / 2) await reached("half");
    }
  }
  // Keeps the process until the storing in the background has ended.
  const look = setInterval(() => {
    if (!isDone()) return;
    clearInterval(look);
    say("done");
  }, 5);
}

const [, program, folder, mode, step = ""] = process.argv;
if (program === import.meta.filename) await main(folder!, mode as "new" | "replace" | "rename", step);
