/** The log of a sliver as it grows: its console, or what its system wrote down. */
import { useEffect, useRef, useState } from "preact/hooks";
import { asApiError, openStream } from "../../../../ui/src/client.ts";
import type { ApiError } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { SelectField } from "../../../../ui/src/components/field.tsx";
import { ErrorNotice } from "../../../../ui/src/components/notice.tsx";
import { t } from "../../../../ui/src/words.ts";

const SOURCES = ["console", "system"] as const;
type Source = (typeof SOURCES)[number];
const LINES = 200;
/** The page shows the end; the whole of it is for the command line. */
const SHOWN_CHARS_MAX = 100_000;

export function SliverLog({ place }: { place: string }) {
  const [source, setSource] = useState<Source>("console");
  const { text, error, isEnded, again } = useLog(place, source);
  const shown = useRef<HTMLPreElement>(null);
  // The newest line stays in view, as in a terminal.
  useEffect(() => shown.current?.scrollTo({ top: shown.current.scrollHeight }), [text]);
  return (
    <section class="card stack">
      <div class="cluster apart">
        <SelectField
          label={t("compute.log-source")}
          value={source}
          onValue={(value) => setSource(value as Source)}
          options={SOURCES.map((value) => ({ value, label: t(`compute.log-${value}`) }))}
        />
        <CopyButton text={text} label={t("box.log-copy")} />
      </div>
      {error ? <ErrorNotice error={error} retry={again} /> : null}
      <pre class="sliver-log" ref={shown} tabIndex={0} role="region" aria-label={t("compute.inside-log")}>
        {text === "" && !error ? t("compute.log-empty") : text}
      </pre>
      {isEnded ? (
        <div class="cluster apart">
          <span role="status">{t("compute.log-ended")}</span>
          <Button onClick={again}>{t("compute.log-again")}</Button>
        </div>
      ) : null}
    </section>
  );
}

/** Follows while the component is on the page. */
function useLog(place: string, source: Source) {
  const [text, setText] = useState("");
  const [isEnded, setEnded] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setText("");
    setError(undefined);
    setEnded(false);
    void follow(place, source, stop.signal, (more) =>
      setText((before) => (before + more).slice(-SHOWN_CHARS_MAX)),
    ).then(
      () => setEnded(true),
      (thrown: unknown) => stop.signal.aborted || setError(asApiError(thrown)),
    );
    return () => stop.abort();
  }, [place, source, tries]);
  return { text, error, isEnded, again: () => setTries(tries + 1) };
}

async function follow(place: string, source: Source, signal: AbortSignal, on: (text: string) => void): Promise<void> {
  const stream = await openStream("compute.sliverLog", { sliver: place, source, lines: LINES, follow: "true" }, signal);
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    on(decoder.decode(next.value, { stream: true }));
  }
}
