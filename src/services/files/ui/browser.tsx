/** A member's own files: a folder and what is in it, finding by name, putting in, choosing, opening. */
import drop from "lucide-static/icons/cloud-upload.svg?raw";
import folderUp from "lucide-static/icons/folder-up.svg?raw";
import nothing from "lucide-static/icons/search-x.svg?raw";
import plus from "lucide-static/icons/folder-plus.svg?raw";
import up from "lucide-static/icons/upload.svg?raw";
import { useEffect, useRef, useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { navigate } from "../../../../ui/src/router.ts";
import { t } from "../../../../ui/src/words.ts";
import { canChooseFolders, chooseFiles } from "./choose.tsx";
import { ChosenBar } from "./chosen-bar.tsx";
import { Crumbs } from "./crumbs.tsx";
import { deeds, makeFolder } from "./deeds.tsx";
import { usePageDrop } from "./drag.tsx";
import { type Ask, Asked, EntryMenu, asks } from "./entry-deeds.tsx";
import { FileList } from "./file-list.tsx";
import { TYPING_PAUSE_MS } from "./limits.ts";
import { NameDialog } from "./name-dialog.tsx";
import type { Entry } from "./order.ts";
import { folderName } from "./folder-name.tsx";
import { folderHref, nameOf, parentOf } from "./places.ts";
import { NOTHING, still } from "./selection.ts";
import { upload } from "./uploader.tsx";
import { Viewer } from "./viewer.tsx";

interface BrowserProps {
  path: string;
  /** The file that is looked at, in the folder. */
  open: string | undefined;
}

export function Browser({ path, open }: BrowserProps) {
  const folder = useResource("files.list", { path }, { events: ["files.changed"] });
  const [typed, setTyped] = useState("");
  const query = useLater(typed.trim(), TYPING_PAUSE_MS);
  const [naming, setNaming] = useState(false);
  const canWrite = folder.data?.entry.canWrite ?? false;
  const isOver = usePageDrop(path, canWrite && query === "");
  useEffect(() => setTyped(""), [path]);
  const seen = useRef(deeds.peek());
  useEffect(() => {
    if (seen.current !== deeds.value) folder.reload();
    seen.current = deeds.value;
  }, [deeds.value]);
  return (
    <section class="stack files-browser">
      <div class="files-bar">
        <input
          type="search"
          aria-label={t("files.search")}
          placeholder={t("files.search")}
          value={typed}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        {canWrite ? <PutIn path={path} onNewFolder={() => setNaming(true)} /> : null}
      </div>
      {query === "" ? (
        <>
          <Crumbs path={path} hrefOf={folderHref} takesDrops />
          <Loaded from={folder} lines={6}>
            {({ entry, entries }) => <Entries key={path} {...{ entry, entries, open }} />}
          </Loaded>
        </>
      ) : (
        <Found query={query} onClear={() => setTyped("")} />
      )}
      {isOver ? <DropHint path={path} /> : null}
      {naming ? (
        <NameDialog
          title={t("files.new-folder")}
          submit={t("files.make-folder")}
          onName={(name) => makeFolder(path, name)}
          onClose={() => setNaming(false)}
        />
      ) : null}
    </section>
  );
}

function PutIn({ path, onNewFolder }: { path: string; onNewFolder: () => void }) {
  const put = async (what: "files" | "folder") => upload(path, await chooseFiles(what));
  return (
    <div class="cluster files-put">
      <Button icon={plus} onClick={onNewFolder}>
        {t("files.new-folder")}
      </Button>
      {canChooseFolders ? (
        <Button icon={folderUp} onClick={() => void put("folder")}>
          {t("files.upload-folder")}
        </Button>
      ) : null}
      <Button kind="primary" icon={up} onClick={() => void put("files")}>
        {t("files.upload")}
      </Button>
    </div>
  );
}

function DropHint({ path }: { path: string }) {
  return (
    <div class="files-over" aria-hidden="true">
      <div>
        <Icon svg={drop} size="xl" />
        <p>{t("files.drop-here", { name: nameOf(path) || t("files.title") })}</p>
      </div>
    </div>
  );
}

interface EntriesProps {
  entry: Entry;
  entries: readonly Entry[];
  open: string | undefined;
}

function Entries({ entry, entries, open }: EntriesProps) {
  const list = useList(entries);
  return (
    <>
      {entries.length === 0 ? (
        <Empty icon={drop} title={t(entry.path === "/" ? "files.none" : "files.none-here")}>
          {entry.canWrite ? <p>{t("files.none-text")}</p> : null}
        </Empty>
      ) : (
        <div>
          <ChosenBar chosen={list.chosen} count={entries.length} onAsk={list.onAsk} onClear={list.clear} />
          <FileList {...list.props} label={t("files.in", { folder: folderName(entry.path) })} entries={entries} />
        </div>
      )}
      {open === undefined ? null : (
        <Viewer path={open} beside={entries} onAsk={list.onAsk} onClose={() => navigate(folderHref(parentOf(open)))} />
      )}
      {list.dialog}
    </>
  );
}

function Found({ query, onClear }: { query: string; onClear: () => void }) {
  const found = useResource("files.search", { q: query.slice(0, 200) }, { events: ["files.changed"] });
  return (
    <Loaded from={found} lines={6}>
      {(entries) => <FoundEntries entries={entries} onClear={onClear} />}
    </Loaded>
  );
}

function FoundEntries({ entries, onClear }: { entries: readonly Entry[]; onClear: () => void }) {
  const list = useList(entries);
  if (entries.length === 0) {
    return (
      <Empty icon={nothing} title={t("files.not-found")}>
        <Button onClick={onClear}>{t("files.search-clear")}</Button>
      </Empty>
    );
  }
  return (
    <div>
      <ChosenBar chosen={list.chosen} count={entries.length} found onAsk={list.onAsk} onClear={list.clear} />
      <FileList {...list.props} withFolder label={t("files.found")} entries={entries} />
      {list.dialog}
    </div>
  );
}

/** What a list of entries has about it: what is chosen, and the dialog of what was asked. */
function useList(entries: readonly Entry[]) {
  const [kept, setSelection] = useState(NOTHING);
  const [ask, setAsk] = useState<Ask>();
  const selection = still(
    kept,
    entries.map(({ path }) => path),
  );
  const clear = () => setSelection(NOTHING);
  const onAsk = asks(setAsk, clear);
  return {
    chosen: entries.filter(({ path }) => selection.chosen.has(path)),
    onAsk,
    clear,
    dialog: ask ? <Asked ask={ask} onClose={() => setAsk(undefined)} /> : null,
    props: {
      ...{ selection, onSelection: setSelection },
      onKey: (deed: "rename" | "remove", these: readonly Entry[]) =>
        onAsk({ deed, entries: these.filter(({ canWrite }) => canWrite) }),
      menu: (entry: Entry, close: () => void) => <EntryMenu {...{ entry, onAsk, close }} />,
    },
  };
}

/** A value once it has stayed the same for a while. */
function useLater(value: string, pauseMs: number): string {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return value === "" ? "" : later;
}
