/** What a link shows, on the public page and in the own one: a file, or folders to walk through. Nothing is changed. */
import download_ from "lucide-static/icons/download.svg?raw";
import emptyIcon from "lucide-static/icons/folder-open.svg?raw";
import { useMemo, useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { VirtualList } from "../../../../ui/src/components/virtual-list.tsx";
import { bytes } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { Crumbs } from "./crumbs.tsx";
import { saveAs } from "./deeds.tsx";
import { kindIcon } from "./icons.ts";
import { kindOf } from "./kinds.ts";
import { BY_NAME, type Entry, inOrder } from "./order.ts";
import { Preview } from "./preview.tsx";

export type SharedView = Output<"files.shared">;

interface SharedFolderProps {
  view: SharedView;
  path: string;
  hrefOf: (path: string) => string;
  onGo: (path: string) => void;
  /** Where the browser gets a file from. */
  addressOf: (path: string) => Promise<string>;
}

export function SharedFolder({ view, path, hrefOf, onGo, addressOf }: SharedFolderProps) {
  const [open, setOpen] = useState<Entry>();
  const entries = useMemo(() => inOrder(view.entries, BY_NAME, language.value), [view.entries, language.value]);
  const save = (at: string, name: string, kind: Entry["kind"]) =>
    attempt(async () => saveAs(await addressOf(at), kind === "folder" ? `${name}.zip` : name));
  if (view.entry.kind === "file") return <SharedFile entry={view.entry} addressOf={addressOf} />;
  return (
    <div class="stack files-browser">
      <div class="cluster apart">
        <Crumbs {...{ path, hrefOf, onGo }} top={view.name} />
        {entries.length > 0 ? (
          <Button icon={download_} onClick={() => save(path, view.entry.name || view.name, "folder")}>
            {t("files.download-zip")}
          </Button>
        ) : null}
      </div>
      {entries.length === 0 ? <Empty icon={emptyIcon} title={t("files.none-here")} /> : null}
      <VirtualList
        label={view.name}
        class="files-list"
        items={entries}
        keyOf={(entry) => entry.path}
        row={(entry) => (
          <SharedRow
            entry={entry}
            href={hrefOf(entry.path)}
            onOpen={() => (entry.kind === "folder" ? onGo(entry.path) : setOpen(entry))}
            onSave={() => save(entry.path, entry.name, entry.kind)}
          />
        )}
      />
      {open ? (
        <Dialog drawer class="files-viewer" title={open.name} onClose={() => setOpen(undefined)}>
          <SharedFile entry={open} addressOf={addressOf} />
        </Dialog>
      ) : null}
    </div>
  );
}

function SharedRow({
  entry,
  href,
  onOpen,
  onSave,
}: {
  entry: Entry;
  href: string;
  onOpen: () => void;
  onSave: () => Promise<unknown>;
}) {
  const { name, kind, modifiedAt } = entry;
  const label = t(kind === "file" ? "files.download" : "files.download-zip");
  return (
    <article class="files-row">
      <span class={`files-icon ${kind}`}>
        <Icon svg={kindIcon[kindOf(entry)]} />
      </span>
      <span class="files-words">
        <a
          class="files-name"
          href={href}
          onClick={(event) => {
            event.preventDefault();
            onOpen();
          }}
        >
          {name}
        </a>
        <span class="soft small files-under">
          {kind === "file" ? `${bytes(entry.bytes, language.value)} · ` : ""}
          <Ago at={modifiedAt} />
        </span>
      </span>
      <Button kind="quiet" icon={download_} aria-label={`${label}: ${name}`} title={label} onClick={onSave} />
    </article>
  );
}

function SharedFile({ entry, addressOf }: { entry: Entry } & Pick<SharedFolderProps, "addressOf">) {
  return (
    <div class="stack">
      <div class="files-stage">
        <Preview entry={entry} address={() => addressOf(entry.path)} />
      </div>
      <div class="cluster">
        <Button
          kind="primary"
          icon={download_}
          onClick={() => attempt(async () => saveAs(await addressOf(entry.path), entry.name))}
        >
          {t("files.download")}
        </Button>
        <span class="soft small figure">{bytes(entry.bytes, language.value)}</span>
      </div>
    </div>
  );
}
