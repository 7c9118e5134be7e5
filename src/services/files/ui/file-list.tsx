/** The entries of a folder: sorted by a press on a column, chosen and opened by mouse, finger and keyboard. */
import arrowDown from "lucide-static/icons/arrow-down.svg?raw";
import arrowUp from "lucide-static/icons/arrow-up.svg?raw";
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { VirtualList } from "../../../../ui/src/components/virtual-list.tsx";
import { navigate } from "../../../../ui/src/router.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { FileRow } from "./file-row.tsx";
import { BY_NAME, type Entry, type Key, inOrder, nextOrder } from "./order.ts";
import { entryHref } from "./places.ts";
import { NOTHING, type Selection, all, moved, only, ranged, toggled } from "./selection.ts";

const KEYS: readonly Key[] = ["name", "size", "changed"];
/** The same for every folder, as long as the page is open. */
const order = signal(BY_NAME);

interface FileListProps {
  label: string;
  entries: readonly Entry[];
  selection: Selection;
  onSelection: (next: Selection) => void;
  /** F2 and Delete on what is chosen, or on what has the focus. */
  onKey: (deed: "rename" | "remove", entries: readonly Entry[]) => void;
  menu: (entry: Entry, close: () => void) => ComponentChildren;
  /** Results of a search come from many folders. */
  withFolder?: boolean;
}

export function FileList({ label, entries, selection, onSelection, onKey, menu, withFolder }: FileListProps) {
  const sorted = useMemo(() => inOrder(entries, order.value, language.value), [entries, order.value, language.value]);
  const ids = useMemo(() => sorted.map(({ path }) => path), [sorted]);
  const root = useRef<HTMLDivElement>(null);
  const focus = useRowFocus(root);
  const byId = (id: string | undefined) => sorted.find(({ path }) => path === id);
  const meant = (id: string | undefined) => {
    const chosen = sorted.filter(({ path }) => selection.chosen.has(path));
    const one = byId(id);
    return chosen.length > 0 ? chosen : one ? [one] : [];
  };
  const press = (event: KeyboardEvent) => {
    const target = event.target;
    if (!(target instanceof Element) || target.closest("input:not([type=checkbox]), dialog, .menu-list")) return;
    const id = target.closest<HTMLElement>("[data-path]")?.dataset["path"];
    const to = moved(id === undefined ? -1 : ids.indexOf(id), event.key, ids.length, rowsOnPage());
    const isChoosing = event.ctrlKey || event.metaKey;
    if (to !== undefined && !isChoosing) {
      if (event.shiftKey) onSelection(ranged(selection.anchor ? selection : only(id ?? ids[to]!), ids[to]!, ids));
      focus(to);
    } else if (event.key === "a" && isChoosing) onSelection(all(ids));
    else if (event.key === " " && id !== undefined && target.tagName === "A") onSelection(toggled(selection, id));
    else if (event.key === "Escape" && selection.chosen.size > 0) onSelection(NOTHING);
    else if (event.key === "Delete") onKey("remove", meant(id));
    else if (event.key === "F2") onKey("rename", meant(id).slice(0, 1));
    else return;
    event.preventDefault();
  };
  const choose = (id: string, event: MouseEvent) => {
    if (event.shiftKey) onSelection(ranged(selection, id, ids));
    else onSelection(event.ctrlKey || event.metaKey ? toggled(selection, id) : only(id));
  };
  return (
    <div ref={root} class="files-entries" role="group" aria-label={label} onKeyDown={press}>
      <Columns ids={ids} selection={selection} onSelection={onSelection} />
      <VirtualList
        label={label}
        class="files-list"
        items={sorted}
        keyOf={({ path }) => path}
        row={(entry) => (
          <FileRow
            {...{ entry, menu, withFolder: withFolder ?? false, isChosen: selection.chosen.has(entry.path) }}
            onChoose={(event) => choose(entry.path, event)}
            onToggle={() => onSelection(toggled(selection, entry.path))}
            onOpen={() => navigate(entryHref(entry))}
            taken={() => (selection.chosen.has(entry.path) ? meant(entry.path) : [entry])}
          />
        )}
      />
    </div>
  );
}

function Columns({
  ids,
  selection,
  onSelection,
}: { ids: readonly string[] } & Pick<FileListProps, "selection" | "onSelection">) {
  const count = selection.chosen.size;
  const isAll = count > 0 && count === ids.length;
  return (
    <div class="files-columns" role="group" aria-label={t("files.sort")}>
      <label class="files-check">
        <input
          type="checkbox"
          aria-label={t("files.choose-all")}
          checked={isAll}
          ref={(input) => void (input && (input.indeterminate = count > 0 && !isAll))}
          onChange={() => onSelection(isAll ? NOTHING : all(ids))}
        />
      </label>
      {KEYS.map((key) => {
        const { key: by, down } = order.value;
        const way = by === key ? t(down ? "files.sorted-down" : "files.sorted-up") : "";
        return (
          <button
            key={key}
            type="button"
            class={`files-column ${key}`}
            aria-pressed={by === key}
            onClick={() => void (order.value = nextOrder(order.value, key))}
          >
            {t(`files.by-${key}`)}
            {by === key ? <Icon svg={down ? arrowDown : arrowUp} size="s" /> : null}
            <span class="unseen">{way}</span>
          </button>
        );
      })}
    </div>
  );
}

function rowsOnPage(): number {
  const row = document.querySelector(".files-list > li");
  return Math.max(1, Math.floor((innerHeight * 0.7) / (row?.getBoundingClientRect().height || 48)));
}

/** Brings a row into view, which draws it, and then gives it the focus. */
function useRowFocus(root: { current: HTMLElement | null }): (index: number) => void {
  const wanted = useRef<number | undefined>(undefined);
  useEffect(() => () => void (wanted.current = undefined), []);
  return (index) => {
    wanted.current = index;
    const list = root.current?.querySelector<HTMLElement>(".files-list");
    const rowPx = list?.firstElementChild?.getBoundingClientRect().height ?? 0;
    if (!list || rowPx === 0) return;
    const top = list.getBoundingClientRect().top + index * rowPx;
    const room = { top: rowPx * 3, bottom: innerHeight - rowPx * 3 };
    if (top < room.top) scrollBy(0, top - room.top);
    else if (top > room.bottom) scrollBy(0, top - room.bottom);
    const give = (tries: number) => {
      if (wanted.current !== index) return;
      const row = list.querySelector<HTMLElement>(`li[aria-posinset="${index + 1}"] .files-name`);
      if (row) row.focus({ preventScroll: true });
      else if (tries > 0) requestAnimationFrame(() => give(tries - 1));
    };
    give(FRAMES_MAX);
  };
}

/** The list draws what comes into view within a frame or two. */
const FRAMES_MAX = 20;
