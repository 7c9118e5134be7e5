/** A file as it looks: a picture, sound or film as far as it is wanted, a PDF, the beginning of a text. */
import { useEffect, useState } from "preact/hooks";
import { type ApiError, asApiError, checkAddress } from "../../../../ui/src/client.ts";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { ErrorNotice, Skeleton } from "../../../../ui/src/components/notice.tsx";
import { shownText } from "../../../kernel/unseen.ts";
import { t } from "../../../../ui/src/words.ts";
import { kindIcon } from "./icons.ts";
import { type Preview as How, kindOf, previewOf } from "./kinds.ts";
import { TEXT_SHOWN_BYTES_MAX } from "./limits.ts";
import type { Entry } from "./order.ts";

interface PreviewProps {
  entry: Entry;
  /** Where the browser gets it from. */
  address: () => Promise<string>;
}

export function Preview({ entry, address }: PreviewProps) {
  const how = previewOf(entry);
  const [url, setUrl] = useState<string>();
  const [error, setError] = useState<ApiError>();
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    let isOn = true;
    setUrl(undefined);
    setError(undefined);
    setBroken(false);
    if (!how) return undefined;
    address().then(
      (made) => isOn && setUrl(made),
      (thrown: unknown) => isOn && setError(asApiError(thrown)),
    );
    return () => void (isOn = false);
  }, [entry.path, entry.etag, how]);
  if (error) return <ErrorNotice error={error} />;
  if (!how || isBroken) {
    return (
      <div class="files-no-preview">
        <Icon svg={kindIcon[kindOf(entry)]} size="xl" />
        <p class="soft">{t(isBroken ? "files.preview-broken" : "files.preview-none")}</p>
      </div>
    );
  }
  if (!url) return <Skeleton lines={4} />;
  const onBroken = () =>
    void checkAddress(url).then(
      () => setBroken(true),
      (thrown: unknown) => setError(asApiError(thrown)),
    );
  return <Shown {...{ how, url, name: entry.name, onBroken }} />;
}

function Shown({ how, url, name, onBroken }: { how: How; url: string; name: string; onBroken: () => void }) {
  if (how === "picture") return <img class="files-picture" src={url} alt={name} onError={onBroken} />;
  if (how === "audio") return <audio class="files-audio" src={url} controls aria-label={name} onError={onBroken} />;
  if (how === "video") {
    return (
      <video
        class="files-picture"
        src={url}
        controls
        playsInline
        preload="metadata"
        aria-label={name}
        onError={onBroken}
      />
    );
  }
  if (how === "pdf") return <iframe class="files-pdf" src={url} title={name} />;
  return <Text url={url} onBroken={onBroken} />;
}

function Text({ url, onBroken }: { url: string; onBroken: () => void }) {
  const [text, setText] = useState<string>();
  const [isCut, setCut] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const load = async () => {
      const headers = { range: `bytes=0-${TEXT_SHOWN_BYTES_MAX - 1}` };
      const answer = await fetch(url, { headers, signal: stop.signal, cache: "no-store" });
      // An empty file has no range.
      if (answer.status === 416) return setText("");
      if (!answer.ok) return onBroken();
      const bytes = await answer.arrayBuffer();
      setCut(answer.status === 206 && bytes.byteLength === TEXT_SHOWN_BYTES_MAX);
      return setText(shownText(new TextDecoder().decode(bytes.slice(0, TEXT_SHOWN_BYTES_MAX))));
    };
    load().catch(() => stop.signal.aborted || onBroken());
    return () => stop.abort();
  }, [url]);
  if (text === undefined) return <Skeleton lines={4} />;
  return (
    <div class="stack tight">
      <pre class="code files-text" tabIndex={0}>
        {text || t("files.empty-text")}
      </pre>
      {isCut ? <p class="soft small">{t("files.text-cut")}</p> : null}
    </div>
  );
}
