/**
 * The page's own link to its box: answers that follow changes, and the event stream that tells of them.
 */
import { useEffect, useMemo } from "preact/hooks";
import type { CallName, Input, Output } from "./api.ts";
import { type ApiError, asApiError, call, eventsUrl } from "./client.ts";
import { createLive } from "./live.ts";
import { createResources } from "./resources.ts";

const after = (delayMs: number, run: () => void) => {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
};

export const resources = createResources({
  fetch: (name, input, signal) => call(name as CallName, input as never, { signal }),
  after,
  nowMs: () => Date.now(),
});

export const live = createLive({
  open: () => new EventSource(eventsUrl()),
  after,
  onEvent(type) {
    resources.changed(type.split(".")[0] ?? "");
    resources.changed(type);
  },
  onBack: () => resources.refreshAll(),
});

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  busy: boolean;
  atMs: number;
  reload: () => void;
}

export interface ResourceOptions {
  /** Services whose events concern this, or single events ("files.changed"); by default the service that is called. */
  events?: readonly string[];
  /** Asked for again this often while the page is in view. */
  everyMs?: number;
  /** False: not asked for at all (the reader may not, or it is not needed yet). */
  when?: boolean;
}

/** The answer of a call, kept up to date while the component is on the page. */
export function useResource<N extends CallName>(
  name: N,
  input: Input<N>,
  options: ResourceOptions = {},
): Resource<Output<N>> {
  const { when = true, everyMs } = options;
  const key = JSON.stringify(input);
  const events = options.events ?? [name.split(".")[0] ?? ""];
  const watch = useMemo(
    () => (when ? resources.watch(name, input as Record<string, unknown>, events) : null),
    [name, key, when],
  );
  useEffect(() => {
    if (!watch) return undefined;
    const period = everyMs ? setInterval(() => document.hidden || watch.reload(), everyMs) : undefined;
    return () => {
      clearInterval(period);
      watch.stop();
    };
  }, [watch, everyMs]);
  const seen = watch?.seen.value;
  return {
    data: seen?.data as Output<N> | undefined,
    error: seen?.error === undefined ? undefined : asApiError(seen.error),
    busy: seen?.busy ?? false,
    atMs: seen?.atMs ?? 0,
    reload: () => watch?.reload(),
  };
}
