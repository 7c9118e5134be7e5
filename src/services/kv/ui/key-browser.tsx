/** The keys of the store: by what they begin with, each a link to what it holds. */
import plus from "lucide-static/icons/plus.svg?raw";
import nothing from "lucide-static/icons/search-x.svg?raw";
import keyIcon from "lucide-static/icons/key-round.svg?raw";
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Empty, ErrorNotice, Skeleton } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { VirtualList } from "../../../../ui/src/components/virtual-list.tsx";
import { navigate } from "../../../../ui/src/router.ts";
import { t } from "../../../../ui/src/words.ts";
import { KeyDetails } from "./key-details.tsx";
import { KeyForm } from "./key-form.tsx";
import { type KeyName, keyId, keyShown } from "./keys.ts";
import { TYPING_PAUSE_MS } from "./limits.ts";
import { type Keys, useKeys } from "./use-keys.tsx";

export function KeyBrowser({ open }: { open: string | undefined }) {
  const [typed, setTyped] = useState("");
  const prefix = useLater(typed, TYPING_PAUSE_MS);
  const keys = useKeys(prefix);
  const [putting, setPutting] = useState(false);
  return (
    <section class="stack kv-browser">
      <div class="kv-bar">
        <input
          type="search"
          aria-label={t("kv.prefix")}
          placeholder={t("kv.prefix")}
          value={typed}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <Button kind="primary" icon={plus} onClick={() => setPutting(true)}>
          {t("kv.put")}
        </Button>
      </div>
      {keys.error ? <ErrorNotice error={keys.error} retry={keys.reload} /> : null}
      <Listed keys={keys} prefix={prefix} onClear={() => setTyped("")} onPut={() => setPutting(true)} />
      {open ? <KeyDetails key={open} id={open} last={keys.last} onClose={() => navigate("/kv/keys")} /> : null}
      {putting ? <KeyForm onClose={() => setPutting(false)} /> : null}
    </section>
  );
}

interface ListedProps {
  keys: Keys;
  prefix: string;
  onClear: () => void;
  onPut: () => void;
}

function Listed({ keys: { keys, hasMore, error, isLive, more }, prefix, onClear, onPut }: ListedProps) {
  if (!keys) return error ? null : <Skeleton lines={6} />;
  if (keys.length === 0 && !hasMore) {
    return prefix === "" ? (
      <Empty icon={keyIcon} title={t("kv.none")}>
        <p>{t("kv.none-text")}</p>
        <Button onClick={onPut}>{t("kv.put")}</Button>
      </Empty>
    ) : (
      <Empty icon={nothing} title={t("kv.no-match")}>
        <Button onClick={onClear}>{t("kv.clear")}</Button>
      </Empty>
    );
  }
  return (
    <>
      <p class="soft small" role="status">
        {t(hasMore ? "kv.keys-more" : "kv.keys-count", { count: keys.length })} ·{" "}
        {t(isLive ? "kv.live" : "kv.not-live")}
      </p>
      <VirtualList
        label={t("kv.tab-keys")}
        class="kv-keys"
        items={keys}
        keyOf={keyId}
        row={(key) => <KeyRow name={key} />}
      />
      {hasMore ? (
        <div class="cluster">
          <Button onClick={() => attempt(more)}>{t("kv.more")}</Button>
        </div>
      ) : null}
    </>
  );
}

function KeyRow({ name }: { name: KeyName }) {
  return (
    <article class="kv-row">
      <a class="mono" href={`/kv/key/${keyId(name)}`}>
        {keyShown(name)}
      </a>
      {name.keyEncoding === "text" ? null : <span class="badge">{t("kv.bytes-key")}</span>}
    </article>
  );
}

/** A value once it has stayed the same for a while. */
function useLater(value: string, pauseMs: number): string {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return later;
}
