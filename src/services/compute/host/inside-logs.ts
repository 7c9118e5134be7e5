/**
 * Logs of a sliver as bytes: what it wrote on its console, or what its own system wrote down (the journal of systemd,
 * else the file of a syslog). Following goes on until whoever reads has gone.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { Turns } from "../../../kernel/turns.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
import { CONSOLE_KEPT_CHARS, CONSOLE_LOOK_MS, LOG_ALIVE_MS, LOG_BYTES_MAX } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import type { InsideQuestion } from "../messages-inside.ts";
import type { InsideAsked, InsideReply } from "./inside.ts";

type LogQuestion = Extract<InsideQuestion, { do: "log" }>;
type Needs = { engine: Pick<Engine, "commands">; consoles: ConsoleLogs; clock: Clock };

const NO_LOG = 66;
/** $1 lines, or nothing to say only whether there is one; $2 whether to go on. */
const SYSTEM_LOG = `
if command -v journalctl > /dev/null 2>&1 && { [ -d /run/log/journal ] || [ -d /var/log/journal ]; }; then
  [ -n "$1" ] || exit 0
  exec journalctl --no-pager --quiet --output short-iso --lines "$1" \${2:+--follow}
fi
for one in /var/log/syslog /var/log/messages; do
  [ -f "$one" ] || continue
  [ -n "$1" ] || exit 0
  exec tail -n "$1" \${2:+-f} "$one"
done
exit ${NO_LOG}
`;
/** Tells that the line lives; it is no text, and nobody sees it. */
const ALIVE = new Uint8Array([0]);
/** So much of what was told does not come twice by chance. */
const TAIL_CHARS = 512;

export async function logAnswer(needs: Needs, question: LogQuestion, asked: InsideAsked): Promise<InsideReply> {
  const { source, follow } = question;
  const lines = source === "console" ? await consoleLines(needs, question, asked) : systemLines(needs, question, asked);
  if (source === "system") await checkSystem(needs, asked);
  return { done: {}, body: follow ? alive(lines, needs.clock) : upTo(lines, LOG_BYTES_MAX) };
}

async function checkSystem({ engine }: Needs, { name, isRunning }: InsideAsked): Promise<void> {
  if (!isRunning()) throw computeErrors.fail("compute-not-running");
  const { exitCode } = await engine.commands.run(name, ["/bin/sh", "-c", SYSTEM_LOG, "log", "", ""]);
  if (exitCode !== 0) throw computeErrors.fail("compute-no-log");
}

async function* systemLines({ engine }: Needs, { lines, follow }: LogQuestion, { name, signal }: InsideAsked) {
  const words = ["/bin/sh", "-c", SYSTEM_LOG, "log", String(lines), follow ? "f" : ""];
  const command = await engine.commands.begin(name, words, { signal });
  command.stdin.end();
  command.stderr?.resume();
  // Killed, as it is when who reads has gone, it ends with a code that says nothing.
  command.ended.catch(() => {});
  yield* command.stdout as AsyncIterable<Uint8Array>;
}

async function consoleLines(
  { consoles, clock }: Needs,
  { sliver, lines, follow }: LogQuestion,
  { name, isRunning, signal }: InsideAsked,
) {
  const first = await consoles.read(sliver, name, isRunning());
  return (async function* () {
    yield Buffer.from(lastLines(first.text, lines));
    // What stands still says nothing more; a start begins another log.
    for (let at = first.end; follow && isRunning();) {
      await new Promise<void>((resolve) => clock.after(CONSOLE_LOOK_MS, resolve));
      if (signal.aborted || !isRunning()) return;
      const { text, end } = await consoles.read(sliver, name, true);
      if (end > at) yield Buffer.from(text.slice(-(end - at)));
      at = end;
    }
  })();
}

/**
 * What slivers wrote on their consoles. The engine tells it once, so what one who looks has taken is kept for the
 * next, in memory: up to a limit for each, for those that somebody looked at.
 */
export class ConsoleLogs {
  readonly #engine: Pick<Engine, "commands">;
  readonly #turns = new Turns();
  readonly #kept = new Map<string, { text: string; end: number }>();

  constructor(engine: Pick<Engine, "commands">) {
    this.#engine = engine;
  }

  /** `end` counts the characters since the first look, also those that are not kept any more. */
  read(sliver: string, name: string, isRunning: boolean): Promise<{ text: string; end: number }> {
    return this.#turns.run(sliver, async () => {
      const added = await this.#engine.commands.consoleLog(name);
      // A stopped one's is whole each time.
      if (!isRunning) return { text: added, end: 0 };
      const before = this.#kept.get(sliver) ?? { text: "", end: 0 };
      const fresh = afterTail(added, before.text);
      const now = { text: (before.text + fresh).slice(-CONSOLE_KEPT_CHARS), end: before.end + fresh.length };
      this.#kept.set(sliver, now);
      return now;
    });
  }

  /** Slivers that are gone need no memory. */
  keepOnly(isThere: (sliver: string) => boolean): void {
    for (const sliver of this.#kept.keys()) if (!isThere(sliver)) this.#kept.delete(sliver);
  }
}

/** One that stops while it is asked tells all once more. */
function afterTail(added: string, told: string): string {
  const tail = told.slice(-TAIL_CHARS);
  const at = tail.length === TAIL_CHARS ? added.lastIndexOf(tail) : -1;
  return at < 0 ? added : added.slice(at + TAIL_CHARS);
}

export function lastLines(text: string, lines: number): string {
  let at = text.endsWith("\n") ? text.length - 1 : text.length;
  for (let left = lines; left > 0 && at >= 0; left -= 1) at = at === 0 ? -1 : text.lastIndexOf("\n", at - 1);
  return text.slice(at + 1);
}

async function* upTo(source: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let left = bytesMax;
  for await (const chunk of source) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function* alive(source: AsyncIterable<Uint8Array>, clock: Clock): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  for (let next = iterator.next(); ;) {
    let cancel = () => {};
    const silence = new Promise<undefined>((resolve) => (cancel = clock.after(LOG_ALIVE_MS, () => resolve(undefined))));
    const got = await Promise.race([next, silence]).finally(cancel);
    if (got === undefined) yield ALIVE;
    else if (got.done) return;
    else {
      yield got.value;
      next = iterator.next();
    }
  }
}
