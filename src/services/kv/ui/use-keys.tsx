/** The list of keys with a prefix, kept up to date by a watch for as long as somebody looks. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, asApiError, call, openStream } from "../../../../ui/src/client.ts";
import { type Change, type KeyName, afterChange, inOrder, lineReader } from "./keys.ts";
import { PAGE_KEYS, WATCH_AGAIN_MS } from "./limits.ts";

export interface Keys {
  /** Undefined until the first answer. */
  keys: readonly KeyName[] | undefined;
  hasMore: boolean;
  error: ApiError | undefined;
  /** Changes come by themselves. */
  isLive: boolean;
  /** The newest change that was told. */
  last: Change | undefined;
  more: () => Promise<void>;
  reload: () => void;
}

interface Listed {
  keys: readonly KeyName[] | undefined;
  cursor: string | null;
}

const NONE: Listed = { keys: undefined, cursor: null };

export function useKeys(prefix: string): Keys {
  const [listed, setListed] = useState<Listed>(NONE);
  const [error, setError] = useState<ApiError>();
  const [isLive, setLive] = useState(false);
  const [last, setLast] = useState<Change>();
  const [round, setRound] = useState(0);
  const shownPrefix = useRef<string | undefined>(undefined);

  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    if (shownPrefix.current !== prefix) setListed(NONE);
    shownPrefix.current = prefix;
    /** What is told while the list is on its way is newer than the list. */
    let meanwhile: Change[] | undefined = [];
    const load = async () => {
      meanwhile = [];
      try {
        const { keys, cursor } = await call("kv.list", { prefix, limit: PAGE_KEYS }, { signal, exact: true });
        const told = meanwhile.reduce<readonly KeyName[]>(afterChange, inOrder(keys));
        setListed({ keys: told, cursor });
        setError(undefined);
      } catch (thrown) {
        if (!signal.aborted) setError(asApiError(thrown));
      }
      meanwhile = undefined;
    };
    const onChange = (change: Change) => {
      setLast(change);
      meanwhile?.push(change);
      if (change.event === "lost") void load();
      else setListed((now) => (now.keys ? { ...now, keys: afterChange(now.keys, change) } : now));
    };
    void load();
    void follow(prefix, signal, { onChange, onLive: setLive, onBack: () => void load() });
    return () => stop.abort();
  }, [prefix, round]);

  const more = async () => {
    const { cursor } = listed;
    if (cursor === null) return;
    const page = await call("kv.list", { prefix, limit: PAGE_KEYS, cursor }, { exact: true });
    if (shownPrefix.current !== prefix) return;
    setListed((now) => ({ keys: inOrder([...(now.keys ?? []), ...page.keys]), cursor: page.cursor }));
  };
  const { keys, cursor } = listed;
  return { keys, hasMore: cursor !== null, error, isLive, last, more, reload: () => setRound((now) => now + 1) };
}

interface Heard {
  onChange: (change: Change) => void;
  onLive: (isLive: boolean) => void;
  /** After a break, in which changes may have been missed. */
  onBack: () => void;
}

async function follow(prefix: string, signal: AbortSignal, { onChange, onLive, onBack }: Heard): Promise<void> {
  for (let first = true; !signal.aborted; first = false) {
    try {
      const stream = await openStream("kv.watch", { prefix }, signal);
      onLive(true);
      if (!first) onBack();
      const read = lineReader((line) => onChange(line as Change));
      const decoder = new TextDecoder();
      const reader = stream.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        read(decoder.decode(value, { stream: true }));
      }
    } catch {
      // The list says what is wrong; here it only says that it is not live.
    }
    if (signal.aborted) return;
    onLive(false);
    await new Promise((next) => setTimeout(next, WATCH_AGAIN_MS));
  }
}
