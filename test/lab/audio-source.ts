/**
 * A source client for Icecast, run as a process of its own inside a host of the lab:
 *   node audio-source.ts URL SECONDS FILE…
 * It plays the files in turn for ever, each at the pace of its own length, over one HTTP PUT as Icecast wants it
 * from 2.4 on. A tool of Debian's would bring libraries of sound cards along; this is all the lab needs.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const CHUNK_MS = 100;
/** Sent ahead at once, so that a listener who comes early gets something. */
const AHEAD_MS = 3_000;

const [url, seconds, ...files] = process.argv.slice(2);
if (!url || !(Number(seconds) > 0) || files.length === 0) {
  process.stderr.write("audio-source URL SECONDS FILE…\n");
  process.exit(2);
}

const target = new URL(url);
const socket = connect({ host: target.hostname, port: Number(target.port) });
const login = Buffer.from(`${target.username}:${target.password}`).toString("base64");
// By hand, since an HTTP library would send a body of unknown length in chunks, which Icecast 2.4 takes for audio.
socket.write(
  [
    `PUT ${target.pathname} HTTP/1.1`,
    `Host: ${target.host}`,
    `Authorization: Basic ${login}`,
    "Content-Type: application/ogg",
    "Ice-Name: Lab radio",
    "Ice-Public: 0",
    "Expect: 100-continue",
    "\r\n",
  ].join("\r\n"),
);
socket.once("data", (answer: Buffer) => {
  const status = answer.toString("latin1").split("\r\n")[0] ?? "";
  if (!/^HTTP\/1\.[01] (100|200) /.test(status)) return end(`refused: ${status}`);
  process.stdout.write("on air\n");
  void play(files.map((file) => readFileSync(file)));
});
socket.on("error", (error) => end(error.message));
socket.on("close", () => end("Icecast closed the connection"));

function end(why: string): void {
  process.stderr.write(`source: ${why}\n`);
  process.exit(1);
}

async function play(tones: readonly Buffer[]): Promise<never> {
  const startMs = performance.now() - AHEAD_MS;
  let playedMs = 0;
  for (;;) {
    for (const tone of tones) {
      const chunkBytes = Math.ceil((tone.length * CHUNK_MS) / (Number(seconds) * 1000));
      for (let at = 0; at < tone.length; at += chunkBytes) {
        socket.write(tone.subarray(at, at + chunkBytes));
        playedMs += CHUNK_MS;
        const waitMs = startMs + playedMs - performance.now();
        if (waitMs > 0) await sleep(waitMs);
      }
    }
  }
}
