/** One entry in a list: what it is, how large, when it changed, and what can be done with it. */
import more from "lucide-static/icons/ellipsis-vertical.svg?raw";
import locked from "lucide-static/icons/eye.svg?raw";
import type { ComponentChildren } from "preact";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Menu } from "../../../../ui/src/components/menu.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { bytes } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { dragged, useFolderTarget } from "./drag.tsx";
import { kindIcon } from "./icons.ts";
import { kindOf } from "./kinds.ts";
import type { Entry } from "./order.ts";
import { folderName } from "./folder-name.tsx";
import { entryHref, parentOf } from "./places.ts";

interface FileRowProps {
  entry: Entry;
  isChosen: boolean;
  withFolder: boolean;
  onChoose: (event: MouseEvent) => void;
  onToggle: () => void;
  onOpen: () => void;
  /** What is dragged with it. */
  taken: () => readonly Entry[];
  menu: (entry: Entry, close: () => void) => ComponentChildren;
}

/** What of a row is no part of it, but does something by itself. */
const OWN = "a, button, label, input, .menu-list";

export function FileRow({ entry, isChosen, withFolder, onChoose, onToggle, onOpen, taken, menu }: FileRowProps) {
  const { name, path, kind, canWrite, modifiedAt } = entry;
  const target = useFolderTarget(path, kind === "folder" && canWrite);
  const isOwn = (event: Event) => event.target instanceof Element && event.target.closest(OWN) !== null;
  return (
    <article
      {...target}
      class={`files-row ${isChosen ? "chosen" : ""}`}
      data-path={path}
      draggable={canWrite}
      onDragStart={(event) => {
        dragged.value = taken();
        event.dataTransfer?.setData("text/plain", path);
      }}
      onDragEnd={() => void (dragged.value = [])}
      onClick={(event) => isOwn(event) || onChoose(event)}
      onDblClick={(event) => isOwn(event) || onOpen()}
    >
      <label class="files-check">
        <input type="checkbox" aria-label={t("files.choose", { name })} checked={isChosen} onChange={onToggle} />
      </label>
      <span class={`files-icon ${kind}`}>
        <Icon svg={kindIcon[kindOf(entry)]} />
      </span>
      <span class="files-words">
        <a
          class="files-name"
          href={entryHref(entry)}
          title={name}
          draggable={false}
          onClick={(event) => {
            if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
            event.preventDefault();
            onChoose(event);
          }}
        >
          {name}
        </a>
        <span class="soft small files-under">
          {withFolder ? (
            <span class="files-in">{t("files.in", { folder: folderName(parentOf(path)) })}</span>
          ) : (
            <span class="files-narrow">
              {kind === "file" ? `${bytes(entry.bytes, language.value)} · ` : ""}
              <Ago at={modifiedAt} />
            </span>
          )}
        </span>
      </span>
      {canWrite ? null : (
        <span class="badge">
          <Icon svg={locked} size="s" />
          <span class="files-read-only">{t("files.read-only")}</span>
        </span>
      )}
      <span class="files-size figure soft">{kind === "file" ? bytes(entry.bytes, language.value) : ""}</span>
      <span class="files-changed soft">
        <Ago at={modifiedAt} />
      </span>
      <Menu label={t("files.deeds", { name })} icon={more}>
        {(close) => menu(entry, close)}
      </Menu>
    </article>
  );
}
