/**
 * One event stream per tab. It opens again by itself; when the box stays silent the page says so.
 * Pure but for what is handed in.
 */
import { type Signal, signal } from "@preact/signals";
import { OFFLINE_AFTER_MS, RECONNECT_PAUSE_MAX_MS, RECONNECT_PAUSE_MS } from "./constants.ts";

/** What we use of the browser's EventSource. */
export interface Stream {
  onopen: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onmessage: ((event: { data: string }) => unknown) | null;
  close(): void;
}

export interface LiveNeeds {
  open(): Stream | EventSource;
  after(delayMs: number, run: () => void): () => void;
  /** "discovery.changed" and its data. */
  onEvent(type: string, data: Record<string, unknown>): void;
  /** The stream is back after a break: events may have been missed. */
  onBack(): void;
}

export interface Live {
  start(): void;
  stop(): void;
  /** True when the box has not answered for a while. */
  offline: Signal<boolean>;
  /** Tries at once, for a reader who does not want to wait. */
  retry(): void;
}

export function createLive(needs: LiveNeeds): Live {
  const offline = signal(false);
  let stream: Stream | null = null;
  let pauseMs = RECONNECT_PAUSE_MS;
  let wasOpen = false;
  let broken = false;
  let cancelRetry: (() => void) | null = null;
  let cancelOffline: (() => void) | null = null;

  const connect = () => {
    cancelRetry?.();
    cancelRetry = null;
    stream?.close();
    const opened = needs.open() as Stream;
    stream = opened;
    opened.onopen = () => {
      cancelOffline?.();
      cancelOffline = null;
      offline.value = false;
      pauseMs = RECONNECT_PAUSE_MS;
      if (wasOpen && broken) needs.onBack();
      wasOpen = true;
      broken = false;
    };
    opened.onmessage = (message) => {
      const event = parse(message.data);
      if (event) needs.onEvent(event.type, event.data);
    };
    opened.onerror = () => {
      opened.close();
      if (stream !== opened) return;
      broken = true;
      cancelOffline ??= needs.after(OFFLINE_AFTER_MS, () => void (offline.value = true));
      cancelRetry ??= needs.after(pauseMs, connect);
      pauseMs = Math.min(pauseMs * 2, RECONNECT_PAUSE_MAX_MS);
    };
  };

  return {
    offline,
    start: () => (stream ? undefined : connect()),
    retry: connect,
    stop() {
      cancelRetry?.();
      cancelOffline?.();
      cancelRetry = cancelOffline = null;
      stream?.close();
      stream = null;
      offline.value = false;
      wasOpen = broken = false;
    },
  };
}

function parse(text: string): { type: string; data: Record<string, unknown> } | undefined {
  try {
    const event = JSON.parse(text) as { type?: unknown; data?: Record<string, unknown> };
    return typeof event.type === "string" ? { type: event.type, data: event.data ?? {} } : undefined;
  } catch {
    return undefined;
  }
}
