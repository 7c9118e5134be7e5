/** The endpoints about what is inside a sliver. Whose it is, is looked up first; the rest is asked of its host. */
import { stripVTControlCharacters } from "node:util";
import type { z } from "zod";
import type { CallContext } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import { shownText } from "../../kernel/unseen.ts";
import { FIGURES_AT_ONCE, FIGURES_WAIT_MS, LOG_LINE_CHARS_MAX, SNAPSHOT_TIMEOUT_MS } from "./constants.ts";
import type { insideEndpoints } from "./contract-inside.ts";
import type { ComputeHandlers } from "./handlers.ts";
import { doneAnswer, figuresAnswer, getAnswer, listAnswer, snapshotsAnswer } from "./messages-inside.ts";
import type { FiguresSample } from "./messages-inside.ts";
import { sliverAt } from "./named.ts";
import type { ComputeParts } from "./parts.ts";
import type { InsideOptions } from "./use/inside.ts";
import type { Sliver } from "./use/slice-store.ts";

type Inside = Pick<ComputeHandlers, keyof typeof insideEndpoints>;
type SnapshotNames = "snapshots" | "takeSnapshot" | "restoreSnapshot" | "dropSnapshot";

export function insideHandlers(parts: ComputeParts): Inside {
  return { ...snapshotHandlers(parts), ...fileHandlers(parts), ...lookingHandlers(parts) };
}

function snapshotHandlers(parts: ComputeParts): Pick<Inside, SnapshotNames> {
  const { clock, inside } = parts;
  const ask = async (
    context: CallContext,
    place: string,
    question: { do: "snapshots" } | { do: "take" | "restore" | "drop"; name: string },
  ) => {
    const timeoutMs = SNAPSHOT_TIMEOUT_MS;
    const options = { signal: context.signal, timeoutMs };
    const { done, end } = await inside.ask(sliverAt(parts, context, place), snapshotsAnswer, question, options);
    end();
    const nowMs = clock.wallMs();
    return done.snapshots.map(({ name, ageMs }) => ({ name, takenAt: isoTime(nowMs - ageMs) }));
  };
  return {
    snapshots: ({ sliver }, context) => ask(context, sliver, { do: "snapshots" }),
    takeSnapshot({ sliver, name }, context) {
      // "2026-11-22T10:30:05.123Z" → "at-20261122-103005".
      const when = isoTime(clock.wallMs()).slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
      return ask(context, sliver, { do: "take", name: name ?? `at-${when}` });
    },
    restoreSnapshot: ({ sliver, name }, context) => ask(context, sliver, { do: "restore", name }),
    dropSnapshot: ({ sliver, name }, context) => ask(context, sliver, { do: "drop", name }),
  };
}

type FileNames = "sliverFiles" | "sliverFile" | "putSliverFile" | "cancelSliverFile";

function fileHandlers(parts: ComputeParts): Pick<Inside, FileNames> {
  const { clock, inside, uploads } = parts;
  return {
    async sliverFiles({ sliver, path }, context) {
      const question = { do: "list", path } as const;
      const { done, end } = await inside.ask(sliverAt(parts, context, sliver), listAnswer, question, context);
      end();
      const nowMs = clock.wallMs();
      const entries = done.entries.map(({ ageMs, mode, ...same }) => ({
        ...same,
        ...{ mode: (mode & 0o7777).toString(8), modifiedAt: isoTime(nowMs - ageMs) },
      }));
      // Folders first, then by name: the engine's order means nothing.
      const isFile = (one: { kind: string }) => Number(one.kind !== "folder");
      entries.sort((a, b) => isFile(a) - isFile(b) || (a.name < b.name ? -1 : 1));
      return { entries, isCut: done.isCut };
    },
    async sliverFile({ sliver, path }, context) {
      const question = { do: "get", path } as const;
      const { done, rest } = await inside.ask(sliverAt(parts, context, sliver), getAnswer, question, context);
      return done.bytes === undefined ? { body: rest } : { body: rest, length: done.bytes };
    },
    async putSliverFile({ sliver, path, upload, offset, isLast }, context) {
      const { bytes, signal } = context;
      const question = { do: "put", path, upload, isLast, at: offset, bytes: bytes.length } as const;
      // It is written before the answer comes, on a slow line and a slow disk.
      const options = { signal, bytes, timeoutMs: SNAPSHOT_TIMEOUT_MS };
      const place = sliverAt(parts, context, sliver);
      await uploads.piece({ sliver: place.id, path, upload }, { isFirst: offset === 0, isLast }, async () => {
        const { end } = await inside.ask(place, doneAnswer, question, options);
        end();
      });
      return {};
    },
    async cancelSliverFile({ sliver, path, upload }, context) {
      await uploads.giveUp({ sliver: sliverAt(parts, context, sliver).id, path, upload }, context.signal);
      return {};
    },
  };
}

function lookingHandlers(parts: ComputeParts): Pick<Inside, "sliverLog" | "figures"> {
  const { clock, inside } = parts;
  const sampleShown = ({ ageMs, ...same }: FiguresSample) => ({ at: isoTime(clock.wallMs() - ageMs), ...same });
  return {
    async sliverLog({ sliver, source, lines, follow }, context) {
      const question = { do: "log", source, lines, follow } as const;
      const { rest } = await inside.ask(sliverAt(parts, context, sliver), doneAnswer, question, context);
      return { body: plainLines(rest) };
    },
    async figures({ sliver }, context) {
      const { now, samples } = await figuresOf(parts, sliverAt(parts, context, sliver), context);
      return { now: now && sampleShown(now), samples: samples.map(sampleShown) };
    },
  };
}

/** A slice as it is shown, with what its slivers use now, as far as their hosts say it soon. */
export async function withFigures<S extends { slivers: { id: string; state: string }[] }>(
  parts: ComputeParts,
  { signal }: CallContext,
  slice: S,
): Promise<S> {
  const { clock, rows } = parts;
  const endMs = clock.monotonicMs() + FIGURES_WAIT_MS;
  const known = new Map<string, FiguresSample>();
  const running = slice.slivers.flatMap(({ id, state }) => (state === "running" ? (rows.sliver(id) ?? []) : []));
  // A host answers only so many questions at once.
  const ask = async (left: Sliver[]) => {
    for (let sliver = left.shift(); sliver; sliver = left.shift()) {
      const timeoutMs = endMs - clock.monotonicMs();
      if (timeoutMs <= 0) return;
      const found = await figuresOf(parts, sliver, { signal, timeoutMs }).catch(() => undefined);
      if (found?.now) known.set(sliver.id, found.now);
    }
  };
  const byHost = [...Map.groupBy(running, ({ host }) => host).values()];
  await Promise.all(byHost.flatMap((left) => Array.from({ length: FIGURES_AT_ONCE }, () => ask(left))));
  const slivers = slice.slivers.map((one) => {
    const now = known.get(one.id);
    if (!now) return one;
    const { cores, memoryBytes, diskBytes, processes } = now;
    return { ...one, usedCores: cores, usedMemoryBytes: memoryBytes, usedDiskBytes: diskBytes, processes };
  });
  return { ...slice, slivers };
}

async function figuresOf(
  { inside }: ComputeParts,
  sliver: Sliver,
  options: InsideOptions,
): Promise<z.output<typeof figuresAnswer>> {
  const { done, end } = await inside.ask(sliver, figuresAnswer, { do: "figures" }, options);
  end();
  return done;
}

/**
 * What a guest writes may steer a terminal, or hide: its sequences go away, and what nobody sees is marked. A line
 * that has no end as yet waits for it, up to a limit.
 */
export async function* plainLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder();
  const plain = (text: string) =>
    Buffer.from(shownText(stripVTControlCharacters(text.replaceAll("\0", "")).replaceAll("\r", "")));
  let held = "";
  for await (const chunk of source) {
    held += decoder.decode(chunk, { stream: true });
    const end = held.length > LOG_LINE_CHARS_MAX ? held.length : held.lastIndexOf("\n") + 1;
    const whole = plain(held.slice(0, end));
    held = held.slice(end).replaceAll("\0", "");
    if (whole.length > 0) yield whole;
  }
  const rest = plain(held + decoder.decode());
  if (rest.length > 0) yield rest;
}
