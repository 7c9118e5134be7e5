/** Over a list: how much is in it; and when something is chosen, what can be done with that. */
import close from "lucide-static/icons/x.svg?raw";
import copy from "lucide-static/icons/copy.svg?raw";
import download_ from "lucide-static/icons/download.svg?raw";
import move from "lucide-static/icons/folder-input.svg?raw";
import trash from "lucide-static/icons/trash-2.svg?raw";
import { Button } from "../../../../ui/src/components/button.tsx";
import { bytes } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { download } from "./deeds.tsx";
import type { Ask } from "./entry-deeds.tsx";
import { DOWNLOADS_MAX } from "./limits.ts";
import type { Entry } from "./order.ts";

interface ChosenBarProps {
  chosen: readonly Entry[];
  count: number;
  found?: boolean;
  onAsk: (ask: Ask) => void;
  onClear: () => void;
}

export function ChosenBar({ chosen, count, found = false, onAsk, onClear }: ChosenBarProps) {
  const files = chosen.filter(({ kind }) => kind === "file");
  const size = files.reduce((sum, entry) => sum + entry.bytes, 0);
  const mayWrite = chosen.every(({ canWrite }) => canWrite);
  const ask = (deed: Ask["deed"]) => () => onAsk({ deed, entries: chosen });
  return (
    <div class={`files-chosen ${chosen.length > 0 ? "on" : ""}`}>
      <p class="soft small" role="status">
        {chosen.length === 0
          ? t(found ? "files.found-count" : "files.count", { count })
          : `${t("files.chosen", { count: chosen.length })}${size > 0 ? ` · ${bytes(size, language.value)}` : ""}`}
      </p>
      {chosen.length > 0 ? (
        <div class="cluster">
          {chosen.length <= DOWNLOADS_MAX ? (
            <Button kind="quiet" icon={download_} onClick={() => download(chosen)}>
              {t(files.length < chosen.length ? "files.download-zip" : "files.download")}
            </Button>
          ) : null}
          {mayWrite ? (
            <Button kind="quiet" icon={move} onClick={ask("move")}>
              {t("files.move")}
            </Button>
          ) : null}
          <Button kind="quiet" icon={copy} onClick={ask("copy")}>
            {t("files.copy")}
          </Button>
          {mayWrite ? (
            <Button kind="danger-quiet" icon={trash} onClick={ask("remove")}>
              {t("files.remove")}
            </Button>
          ) : null}
          <Button kind="quiet" icon={close} aria-label={t("files.choose-none")} onClick={onClear} />
        </div>
      ) : null}
    </div>
  );
}
