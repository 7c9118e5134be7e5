/** The files of a sliver: folders to walk through, files to fetch and to put there, by choosing or by dropping them. */
import file from "lucide-static/icons/file.svg?raw";
import folder from "lucide-static/icons/folder.svg?raw";
import link from "lucide-static/icons/corner-down-right.svg?raw";
import up from "lucide-static/icons/corner-left-up.svg?raw";
import { useRef, useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { TextField } from "../../../../ui/src/components/field.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { ErrorNotice, Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { asApiError } from "../../../../ui/src/client.ts";
import type { ApiError } from "../../../../ui/src/client.ts";
import { bytes, count } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { FETCHED_BYTES_MAX, fetchFile, joined, parentOf, putFile } from "./sliver-transfer.tsx";

type Entry = Output<"compute.sliverFiles">["entries"][number];
const ICONS = { folder, file, link, other: file } as const;

/** What is under way; `stop` gives it up. */
interface Moving {
  name: string;
  doneBytes: number;
  wholeBytes: number;
  stop: () => void;
}

export function SliverFiles({ place }: { place: string }) {
  const [path, setPath] = useState("/root");
  const [wish, setWish] = useState(path);
  const listed = useResource("compute.sliverFiles", { sliver: place, path }, { events: [] });
  const { moving, error, put, get } = useTransfers(place, listed.reload);
  const go = (to: string) => {
    setPath(to);
    setWish(to);
  };
  return (
    <section class="card stack">
      <form
        class="sliver-path"
        onSubmit={(event) => {
          event.preventDefault();
          go(wish);
        }}
      >
        <TextField
          label={t("compute.folder")}
          value={wish}
          onValue={setWish}
          autocapitalize="none"
          spellcheck={false}
        />
        <Button type="submit">{t("compute.folder-open")}</Button>
        <Button icon={up} disabled={path === "/"} onClick={() => go(parentOf(path))}>
          {t("compute.folder-up")}
        </Button>
      </form>
      <DropPlace busy={moving !== undefined} onFiles={(files) => void put(path, files)} />
      {moving ? <Progress moving={moving} /> : null}
      {error ? <ErrorNotice error={error} /> : null}
      <Loaded from={listed} lines={6}>
        {({ entries, isCut }) => (
          <>
            {entries.length === 0 ? <p class="soft">{t("compute.folder-empty")}</p> : null}
            <ul role="list" class="rows">
              {entries.map((entry) => (
                <Row
                  key={entry.name}
                  entry={entry}
                  busy={moving !== undefined}
                  onOpen={() => go(joined(path, entry.name))}
                  onGet={() => void get(path, entry)}
                />
              ))}
            </ul>
            {isCut ? <Notice tone="info" title={cutText(entries.length)} /> : null}
          </>
        )}
      </Loaded>
    </section>
  );
}

const cutText = (limit: number): string => t("compute.folder-cut", { limit: count(limit, language.value) });

/** One thing at a time, with what went wrong last. */
function useTransfers(place: string, reload: () => void) {
  const [moving, setMoving] = useState<Moving>();
  const [error, setError] = useState<ApiError>();
  const run = async (
    name: string,
    wholeBytes: number,
    work: (signal: AbortSignal, on: (bytes: number) => void) => Promise<unknown>,
  ) => {
    const stop = new AbortController();
    const show = (doneBytes: number) => setMoving({ name, doneBytes, wholeBytes, stop: () => stop.abort() });
    setError(undefined);
    show(0);
    try {
      await work(stop.signal, show);
      return true;
    } catch (thrown) {
      if (!stop.signal.aborted) setError(asApiError(thrown));
      return false;
    } finally {
      setMoving(undefined);
    }
  };
  return {
    moving,
    error,
    async put(path: string, files: readonly File[]) {
      for (const one of files) {
        const to = joined(path, one.name);
        const isDone = await run(one.name, one.size, (signal, on) =>
          putFile({ place, path: to, file: one, signal, on }),
        );
        if (!isDone) break;
        toast(t("compute.file-done", { name: one.name }));
      }
      reload();
    },
    get: (path: string, entry: Entry) =>
      run(entry.name, entry.bytes, (signal, on) => fetchFile({ place, path: joined(path, entry.name), signal, on })),
  };
}

function Row({ entry, busy, onOpen, onGet }: { entry: Entry; busy: boolean; onOpen: () => void; onGet: () => void }) {
  const { name, kind } = entry;
  const size = bytes(entry.bytes, language.value);
  const isTooLarge = entry.bytes > FETCHED_BYTES_MAX;
  return (
    <li>
      <Icon svg={ICONS[kind]} size="s" />
      <span class="grow">
        {kind === "folder" ? (
          <Button kind="quiet" class="sliver-folder" onClick={onOpen}>
            {name}
          </Button>
        ) : (
          <span class="sliver-name">{name}</span>
        )}
        {kind === "folder" ? null : <br />}
        <span class="soft small">
          {kind === "file" ? `${size} · ` : ""}
          <Ago at={entry.modifiedAt} /> · {entry.mode}
        </span>
        {isTooLarge ? <div class="soft small">{t("compute.file-too-large", { name })}</div> : null}
      </span>
      {kind === "folder" || kind === "other" || isTooLarge ? null : (
        <Button disabled={busy} aria-label={t("compute.file-get-named", { name })} onClick={onGet}>
          {t("compute.file-get")}
        </Button>
      )}
    </li>
  );
}

function DropPlace({ busy, onFiles }: { busy: boolean; onFiles: (files: readonly File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    if (!busy && files && files.length > 0) onFiles([...files]);
  };
  return (
    <div
      class={`sliver-drop ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          take(event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
      <Button busy={busy} onClick={() => input.current?.click()}>
        {t("compute.file-put")}
      </Button>
      <span class="soft small">{t("compute.file-drop")}</span>
    </div>
  );
}

function Progress({ moving }: { moving: Moving }) {
  const { name, doneBytes, wholeBytes, stop } = moving;
  const [done, whole] = [bytes(doneBytes, language.value), bytes(wholeBytes, language.value)];
  return (
    <div class="cluster apart">
      <label class="grow">
        {t("compute.file-moving", { name, done, whole })}
        <progress max={Math.max(1, wholeBytes)} value={doneBytes} />
      </label>
      <Button onClick={stop}>{t("compute.file-cancel")}</Button>
    </div>
  );
}
