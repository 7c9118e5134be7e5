/** One file in full: how it looks, what can be done with it, how safe it is, its versions. The arrows go on. */
import download_ from "lucide-static/icons/download.svg?raw";
import next from "lucide-static/icons/chevron-right.svg?raw";
import previous from "lucide-static/icons/chevron-left.svg?raw";
import { useEffect, useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { bytes, dateTime } from "../../../../ui/src/format.ts";
import { navigate } from "../../../../ui/src/router.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { addressOf, download } from "./deeds.tsx";
import { EntryDeeds, type Ask } from "./entry-deeds.tsx";
import { HealthPart } from "./health-part.tsx";
import type { Entry } from "./order.ts";
import { folderName } from "./folder-name.tsx";
import { fileHref, nameOf, parentOf } from "./places.ts";
import { Preview } from "./preview.tsx";
import { Versions } from "./versions.tsx";

interface ViewerProps {
  path: string;
  /** What the arrows go through, in the order of the list. */
  beside: readonly Entry[];
  onAsk: (ask: Ask) => void;
  onClose: () => void;
}

export function Viewer({ path, beside, onAsk, onClose }: ViewerProps) {
  const entry = useResource("files.entry", { path }, { events: ["files.changed"] });
  const files = beside.filter(({ kind }) => kind === "file");
  const at = files.findIndex((one) => one.path === path);
  const go = (step: number) => {
    const to = at < 0 ? undefined : files[at + step];
    if (to) navigate(fileHref(to.path), true);
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const { target } = event;
      if (target instanceof Element && target.closest("input, textarea, select, audio, video, pre")) return;
      if (document.querySelectorAll("dialog[open]").length > 1) return;
      if (event.key === "ArrowRight") go(1);
      if (event.key === "ArrowLeft") go(-1);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  return (
    <Dialog drawer class="files-viewer" title={nameOf(path)} onClose={onClose}>
      {files.length > 1 && at >= 0 ? (
        <div class="cluster apart files-steps">
          <Button
            kind="quiet"
            icon={previous}
            aria-label={t("files.previous")}
            disabled={at === 0}
            onClick={() => go(-1)}
          />
          <span class="soft small figure">{t("files.step", { at: at + 1, count: files.length })}</span>
          <Button
            kind="quiet"
            icon={next}
            aria-label={t("files.next")}
            disabled={at === files.length - 1}
            onClick={() => go(1)}
          />
        </div>
      ) : null}
      <Loaded from={entry} lines={6}>
        {(file) => <File key={file.path} file={file} onAsk={onAsk} onClose={onClose} />}
      </Loaded>
    </Dialog>
  );
}

function File({ file, onAsk, onClose }: { file: Entry; onAsk: (ask: Ask) => void; onClose: () => void }) {
  return (
    <div class="stack">
      <div class="files-stage">
        <Preview entry={file} address={() => addressOf(file.path)} />
      </div>
      <div class="cluster">
        <Button kind="primary" icon={download_} onClick={() => download([file])}>
          {t("files.download")}
        </Button>
        <EntryDeeds
          entry={file}
          onAsk={(ask) => {
            // What is asked stands above the file; what is gone cannot be looked at.
            if (ask.deed === "remove") onClose();
            onAsk(ask);
          }}
        />
      </div>
      <HealthPart entry={file} />
      <Versions entry={file} />
      <section class="stack tight">
        <h3>{t("files.facts")}</h3>
        <dl class="facts">
          <dt>{t("files.by-size")}</dt>
          <dd class="figure">{bytes(file.bytes, language.value)}</dd>
          <dt>{t("files.by-changed")}</dt>
          <dd>{dateTime(file.modifiedAt, language.value)}</dd>
          <dt>{t("files.added")}</dt>
          <dd>{dateTime(file.createdAt, language.value)}</dd>
          <dt>{t("files.folder")}</dt>
          <dd>{folderName(parentOf(file.path))}</dd>
          <dt>{t("files.type")}</dt>
          <dd class="mono">{file.mediaType}</dd>
        </dl>
      </section>
      <Caps path={file.path} />
    </div>
  );
}

/** For those who use Tahoe-LAFS itself. Told only when it is asked for. */
function Caps({ path }: { path: string }) {
  const [cap, setCap] = useState<string>();
  const show = () => attempt(async () => setCap((await call("files.caps", { path })).read));
  return (
    <details>
      <summary>{t("files.cap")}</summary>
      <div class="stack tight">
        <p class="soft small">{t("files.cap-text")}</p>
        {cap === undefined ? (
          <div>
            <Button onClick={show}>{t("files.cap-show")}</Button>
          </div>
        ) : (
          <div class="with-button">
            <code class="code">{cap}</code>
            <CopyButton text={cap} bare />
          </div>
        )}
      </div>
    </details>
  );
}
