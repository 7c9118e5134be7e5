/** One key in full: its value, size, version and end; changing and removing it. It follows what others do to it. */
import pencil from "lucide-static/icons/pencil.svg?raw";
import trash from "lucide-static/icons/trash-2.svg?raw";
import { useEffect, useState } from "preact/hooks";
import { type ApiError, asApiError, call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Confirm, Dialog } from "../../../../ui/src/components/dialog.tsx";
import { ErrorNotice, Notice, Skeleton } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { bytes } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { KeyForm } from "./key-form.tsx";
import { Value, bytesIn } from "./key-value.tsx";
import { fetchEntry, putBack, timeLeft } from "./key-deeds.tsx";
import { type Change, type Entry, keyId, keyInput, keyShown } from "./keys.ts";
import { textOf } from "./value.ts";

interface DetailsProps {
  id: string;
  last: Change | undefined;
  onClose: () => void;
}

/** What is known of the key: null when it is not there. */
function useEntry(id: string, last: Change | undefined) {
  const [entry, setEntry] = useState<Entry | null>();
  const [error, setError] = useState<ApiError>();
  const load = async () => {
    try {
      setEntry(await fetchEntry(id));
      setError(undefined);
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  useEffect(() => void load(), [id]);
  useEffect(() => {
    if (!last || last.event === "lost") void (last && load());
    else if (keyId(last) === id) setEntry(last.event === "set" ? last : null);
  }, [last]);
  return { entry, error, load };
}

export function KeyDetails({ id, last, onClose }: DetailsProps) {
  const { entry, error, load } = useEntry(id, last);
  const [changing, setChanging] = useState<Entry>();
  if (changing) {
    return (
      <KeyForm
        entry={changing}
        onClose={() => {
          setChanging(undefined);
          void load();
        }}
      />
    );
  }
  return (
    <Dialog drawer title={keyShown(entry ?? keyInput(id))} onClose={onClose}>
      {error ? <ErrorNotice error={error} retry={() => void load()} /> : null}
      {entry === undefined && !error ? <Skeleton lines={4} /> : null}
      {entry === null ? (
        <Notice tone="info" title={t("kv.gone")}>
          <p>{t("kv.gone-text")}</p>
        </Notice>
      ) : null}
      {entry ? (
        <div class="stack">
          <Value held={entry} />
          <Facts entry={entry} />
          <Deeds entry={entry} onChange={() => setChanging(entry)} onClose={onClose} onStale={load} />
        </div>
      ) : null}
    </Dialog>
  );
}

function Facts({ entry }: { entry: Entry }) {
  return (
    <dl class="facts">
      <dt>{t("kv.size")}</dt>
      <dd class="figure">{bytes(entry.sizeBytes, language.value)}</dd>
      <dt>{t("kv.version")}</dt>
      <dd>
        <span class="mono">{entry.version}</span>
        <div class="soft small">{t("kv.version-help")}</div>
      </dd>
      <dt>{t("kv.ends")}</dt>
      <dd>{entry.expiresAt === null ? t("kv.ends-never") : <Ago at={entry.expiresAt} />}</dd>
    </dl>
  );
}

interface DeedsProps {
  entry: Entry;
  onChange: () => void;
  onClose: () => void;
  onStale: () => Promise<void>;
}

function Deeds({ entry, onChange, onClose, onStale }: DeedsProps) {
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [wasChanged, setWasChanged] = useState(false);
  const key = keyShown(entry);
  const held = bytesIn(entry);
  const text = held && textOf(held);
  const remove = async () => {
    setError(undefined);
    setWasChanged(false);
    try {
      const ttl = await timeLeft(entry);
      const { version: ifVersion } = entry;
      await call("kv.remove", { ...keyInput(keyId(entry)), ifVersion });
      toast(t("kv.deleted", { key }), held ? () => putBack(entry, ttl) : undefined);
      onClose();
    } catch (thrown) {
      const failure = asApiError(thrown);
      if (failure.code !== "kv-condition") return setError(failure);
      setWasChanged(true);
      await onStale();
    }
  };
  return (
    <>
      {error ? <ErrorNotice error={error} /> : null}
      {wasChanged ? (
        <div role="alert">
          <Notice tone="warning" title={t("kv.delete-conflict")} />
        </div>
      ) : null}
      <div class="cluster">
        <Button icon={pencil} onClick={onChange}>
          {t("kv.edit")}
        </Button>
        {text === undefined ? null : <CopyButton text={text} about={key} />}
        <Button kind="danger-quiet" icon={trash} onClick={held ? remove : () => setAsking(true)}>
          {t("kv.delete")}
        </Button>
      </div>
      {asking ? (
        <Confirm
          title={t("kv.delete-title")}
          confirm={t("kv.delete")}
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          <p class="mono">{key}</p>
          <p>{t("kv.delete-large", { size: bytes(entry.sizeBytes, language.value) })}</p>
        </Confirm>
      ) : null}
    </>
  );
}
