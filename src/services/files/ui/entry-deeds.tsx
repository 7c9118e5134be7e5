/** What can be done with an entry, as buttons and as a menu, and the dialogs that it takes. */
import check from "lucide-static/icons/shield-check.svg?raw";
import copy from "lucide-static/icons/copy.svg?raw";
import download_ from "lucide-static/icons/download.svg?raw";
import open from "lucide-static/icons/folder-open.svg?raw";
import move from "lucide-static/icons/folder-input.svg?raw";
import pencil from "lucide-static/icons/pencil.svg?raw";
import share from "lucide-static/icons/share-2.svg?raw";
import trash from "lucide-static/icons/trash-2.svg?raw";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { navigate } from "../../../../ui/src/router.ts";
import { t } from "../../../../ui/src/words.ts";
import { download, remove, rename } from "./deeds.tsx";
import { HealthDialog } from "./health-part.tsx";
import { NameDialog } from "./name-dialog.tsx";
import type { Entry } from "./order.ts";
import { entryHref, fileHref, join, parentOf } from "./places.ts";
import { PlaceDialog } from "./place-dialog.tsx";
import { ShareDialog } from "./share-dialog.tsx";

export interface Ask {
  deed: "rename" | "move" | "copy" | "share" | "health" | "remove";
  entries: readonly Entry[];
}

const icons = { rename: pencil, move, copy, share, health: check, remove: trash } as const;

function deedsFor({ canWrite, kind }: Entry): Ask["deed"][] {
  const read: Ask["deed"][] = kind === "folder" ? ["share", "copy", "health"] : ["share", "copy"];
  return canWrite ? ["share", "rename", "move", ...read.slice(1), "remove"] : read;
}

export function EntryDeeds({ entry, onAsk }: { entry: Entry; onAsk: (ask: Ask) => void }) {
  return (
    <>
      {deedsFor(entry).map((deed) => (
        <Button
          key={deed}
          kind={deed === "remove" ? "danger-quiet" : "plain"}
          icon={icons[deed]}
          onClick={() => onAsk({ deed, entries: [entry] })}
        >
          {t(`files.${deed}`)}
        </Button>
      ))}
    </>
  );
}

export function EntryMenu({ entry, onAsk, close }: { entry: Entry; onAsk: (ask: Ask) => void; close: () => void }) {
  const isFile = entry.kind === "file";
  return (
    <>
      <a class="button quiet menu-item" href={entryHref(entry)} onClick={close}>
        <Icon svg={open} size="s" />
        {t("shell.open")}
      </a>
      <Button
        kind="quiet"
        class="menu-item"
        icon={download_}
        onClick={() => {
          close();
          void download([entry]);
        }}
      >
        {t(isFile ? "files.download" : "files.download-zip")}
      </Button>
      {deedsFor(entry).map((deed) => (
        <Button
          key={deed}
          kind={deed === "remove" ? "danger-quiet" : "quiet"}
          class="menu-item"
          icon={icons[deed]}
          onClick={() => {
            close();
            onAsk({ deed, entries: [entry] });
          }}
        >
          {t(`files.${deed}`)}
        </Button>
      ))}
    </>
  );
}

/** The dialog of what was asked. Removing needs none: it can be taken back. */
export function Asked({ ask, onClose }: { ask: Ask; onClose: () => void }) {
  const [entry] = ask.entries;
  if (!entry) return null;
  if (ask.deed === "share") return <ShareDialog entry={entry} onClose={onClose} />;
  if (ask.deed === "health") return <HealthDialog entry={entry} onClose={onClose} />;
  if (ask.deed === "move" || ask.deed === "copy") {
    return <PlaceDialog way={ask.deed} entries={ask.entries} onClose={onClose} />;
  }
  if (ask.deed !== "rename") return null;
  return (
    <NameDialog
      title={t("files.rename")}
      submit={t("files.rename-go")}
      name={entry.name}
      onName={async (name) => {
        await rename(entry, name);
        // What is open stays open, under its new name.
        const to = join(parentOf(entry.path), name);
        if (location.pathname === fileHref(entry.path)) navigate(fileHref(to), true);
      }}
      onClose={onClose}
    />
  );
}

/** Opens the dialog of a deed, or does it. */
export function asks(setAsk: (ask: Ask | undefined) => void, onDone: () => void): (ask: Ask) => void {
  return (ask) => {
    if (ask.entries.length === 0) return;
    if (ask.deed !== "remove") return setAsk(ask);
    void remove(ask.entries).then(onDone);
  };
}
