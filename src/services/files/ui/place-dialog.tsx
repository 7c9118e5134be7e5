/** Where to put something: walks through the folders, makes a new one on the way, and asks before it writes over. */
import folderIcon from "lucide-static/icons/folder.svg?raw";
import plus from "lucide-static/icons/folder-plus.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { type ApiError, asApiError } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { ErrorNotice, Loaded } from "../../../../ui/src/components/notice.tsx";
import { language, t } from "../../../../ui/src/words.ts";
import { Crumbs } from "./crumbs.tsx";
import { type Way, makeFolder, mayGo, place } from "./deeds.tsx";
import { NameDialog } from "./name-dialog.tsx";
import { BY_NAME, type Entry, inOrder } from "./order.ts";
import { folderHref, nameOf, parentOf } from "./places.ts";

interface PlaceDialogProps {
  way: Way;
  entries: readonly Entry[];
  onClose: () => void;
}

export function PlaceDialog({ way, entries, onClose }: PlaceDialogProps) {
  const [folder, setFolder] = useState(parentOf(entries[0]?.path ?? "/"));
  const [error, setError] = useState<ApiError>();
  const [naming, setNaming] = useState(false);
  const go = async (overwrite: boolean) => {
    setError(undefined);
    try {
      await place(way, entries, folder, overwrite);
      onClose();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  const isThere = error?.code === "files-exists";
  const title = t(way === "move" ? "files.move-title" : "files.copy-title", { count: entries.length });
  return (
    <Dialog title={title} onClose={onClose}>
      <Crumbs
        path={folder}
        hrefOf={folderHref}
        onGo={(path) => {
          setFolder(path);
          setError(undefined);
        }}
      />
      <Folders folder={folder} without={way === "move" ? entries : []} onGo={setFolder} />
      {error ? <ErrorNotice error={error} /> : null}
      <div class="cluster apart">
        <Button kind="quiet" icon={plus} onClick={() => setNaming(true)}>
          {t("files.new-folder")}
        </Button>
        <Button
          kind={isThere ? "danger" : "primary"}
          disabled={!mayGo(way, entries, folder)}
          onClick={() => go(isThere)}
        >
          {isThere
            ? t("files.overwrite")
            : t(way === "move" ? "files.move-here" : "files.copy-here", { name: nameOf(folder) || t("files.title") })}
        </Button>
      </div>
      {naming ? (
        <NameDialog
          title={t("files.new-folder")}
          submit={t("files.make-folder")}
          onName={async (name) => {
            await makeFolder(folder, name);
            setFolder(folder === "/" ? `/${name}` : `${folder}/${name}`);
          }}
          onClose={() => setNaming(false)}
        />
      ) : null}
    </Dialog>
  );
}

function Folders({
  folder,
  without,
  onGo,
}: {
  folder: string;
  without: readonly Entry[];
  onGo: (path: string) => void;
}) {
  const list = useResource("files.list", { path: folder }, { events: ["files.changed"] });
  const left = new Set(without.map(({ path }) => path));
  return (
    <div class="files-folders">
      <Loaded from={list} lines={3}>
        {({ entries }) => {
          const folders = inOrder(entries, BY_NAME, language.value).filter(
            ({ kind, path, canWrite }) => kind === "folder" && canWrite && !left.has(path),
          );
          if (folders.length === 0) return <p class="soft">{t("files.no-folders")}</p>;
          return (
            <ul role="list">
              {folders.map(({ path, name }) => (
                <li key={path}>
                  <button type="button" class="button quiet menu-item" onClick={() => onGo(path)}>
                    <Icon svg={folderIcon} size="s" />
                    <span>{name}</span>
                  </button>
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
    </div>
  );
}
