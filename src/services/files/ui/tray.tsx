/** The tray of uploads: how far all is together, each file that matters, and what the reader must decide. */
import alert from "lucide-static/icons/circle-alert.svg?raw";
import again from "lucide-static/icons/rotate-cw.svg?raw";
import check from "lucide-static/icons/circle-check.svg?raw";
import close from "lucide-static/icons/x.svg?raw";
import down from "lucide-static/icons/chevron-down.svg?raw";
import hourglass from "lucide-static/icons/clock.svg?raw";
import open from "lucide-static/icons/file.svg?raw";
import pause from "lucide-static/icons/pause.svg?raw";
import play from "lucide-static/icons/play.svg?raw";
import spread from "lucide-static/icons/share-2.svg?raw";
import up from "lucide-static/icons/chevron-up.svg?raw";
import upload from "lucide-static/icons/upload.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { bytes, duration, percent } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { chooseFiles } from "./choose.tsx";
import { AWAY_EVERY_MS, TRAY_ROWS_MAX } from "./limits.ts";
import { folderName } from "./folder-name.tsx";
import { nameOf, parentOf } from "./places.ts";
import { type Totals, linesOf, missesBoxes, shareOf, totalsOf } from "./upload-view.ts";
import { control, giveFile, queue, speed, wrongOf } from "./uploader.tsx";
import type { Item, Stage } from "./uploads.ts";

const icons: Record<Stage, string> = {
  ...{ waiting: hourglass, sending: upload, storing: spread, done: check },
  ...{ failed: alert, exists: alert, paused: pause, unheld: open },
};

export function Tray() {
  // On a phone it would cover what it is about.
  const [folded, setFolded] = useState(() => matchMedia("(max-width: 47.99em)").matches);
  const now = queue.value;
  const totals = totalsOf(now);
  if (now.items.length === 0 || (totals.files === 0 && totals.counts.failed === 0)) return null;
  const { counts } = totals;
  const needsReader = counts.exists > 0;
  const { shown, more } = linesOf(now, TRAY_ROWS_MAX);
  const away = useAway(now.items.some(missesBoxes));
  return (
    <section class="files-tray" aria-label={t("files.uploads")}>
      <div class="files-tray-head">
        <div class="grow">
          <strong role="status">{summary(totals)}</strong>
          <span class="soft small figure files-tray-left">{left(totals)}</span>
        </div>
        <TrayButtons totals={totals} />
        <Button
          kind="quiet"
          icon={folded ? up : down}
          aria-label={t(folded ? "files.tray-open" : "files.tray-fold")}
          aria-expanded={!folded}
          onClick={() => setFolded(!folded)}
        />
      </div>
      {counts.done < totals.files ? <progress aria-label={t("files.uploads")} value={totals.share} max={1} /> : null}
      {needsReader ? <Question count={counts.exists} /> : null}
      {folded ? null : (
        <ul role="list" class="files-tray-list" tabIndex={0} aria-label={t("files.uploads")}>
          {shown.map((item) => (
            <Line key={item.id} item={item} away={away} />
          ))}
          {more > 0 ? <li class="soft small files-tray-more">{t("files.tray-more", { count: more })}</li> : null}
        </ul>
      )}
    </section>
  );
}

/** Names of the boxes that give space and do not answer; asked for while something waits for them. */
function useAway(isAsked: boolean): string {
  const { data } = useResource(
    "files.status",
    {},
    { when: isAsked, events: ["files.changed"], everyMs: AWAY_EVERY_MS },
  );
  const away = data?.grid.servers.filter(({ state }) => state === "away").map(({ name }) => name) ?? [];
  return isAsked && away.length > 0 ? new Intl.ListFormat(language.value).format(away) : "";
}

/** Changes seldom, so that a screen reader does not hear every percent. */
function summary({ files, done, counts }: Totals): string {
  if (counts.failed > 0) return t("files.up-failed", { count: counts.failed });
  if (done === files) return t("files.up-done", { count: files });
  const moving = counts.sending + counts.waiting + counts.storing;
  if (moving > 0) return t("files.up-going", { count: files - done });
  if (counts.exists > 0) return t("files.up-asks", { count: counts.exists });
  return counts.paused > 0 ? t("files.up-paused") : t("files.up-unheld", { count: counts.unheld });
}

function left({ share, leftBytes, counts, files, done, held }: Totals): string {
  if (done === files) return "";
  const parts = [percent(Math.floor(share * 100), language.value)];
  const perSecond = speed.value;
  if (perSecond && leftBytes > 0) {
    parts.push(t("files.up-left", { time: duration((leftBytes / perSecond) * 1000, language.value) }));
  } else if (counts.sending === 0 && counts.storing > 0) {
    parts.push(t(counts.storing > held ? "files.up-spreading" : "files.up-waiting"));
  }
  return parts.join(" · ");
}

function TrayButtons({ totals: { counts, files } }: { totals: Totals }) {
  const going = counts.sending + counts.waiting;
  return (
    <>
      {counts.failed > 1 ? (
        <Button
          kind="quiet"
          icon={again}
          aria-label={t("files.up-retry-all")}
          onClick={() => control({ type: "retry" })}
        />
      ) : null}
      {going > 0 ? (
        <Button kind="quiet" icon={pause} aria-label={t("files.up-pause")} onClick={() => control({ type: "pause" })} />
      ) : null}
      {counts.paused > 0 && going === 0 ? (
        <Button
          kind="quiet"
          icon={play}
          aria-label={t("files.up-resume")}
          onClick={() => control({ type: "resume" })}
        />
      ) : null}
      {counts.done > 0 && counts.done === files && counts.failed === 0 ? (
        <Button kind="quiet" icon={close} aria-label={t("files.up-clear")} onClick={() => control({ type: "clear" })} />
      ) : null}
    </>
  );
}

function Question({ count }: { count: number }) {
  return (
    <div class="files-question" role="alert">
      <p>{t("files.up-exists", { count })}</p>
      <div class="cluster">
        <Button kind="primary" onClick={() => control({ type: "decide", mode: "replace" })}>
          {t("files.up-replace")}
        </Button>
        <Button onClick={() => control({ type: "decide", mode: "rename" })}>{t("files.up-both")}</Button>
        <Button kind="quiet" onClick={() => control({ type: "decide", mode: "skip" })}>
          {t("files.up-skip")}
        </Button>
      </div>
      <p class="soft small">{t("files.up-replace-hint")}</p>
    </div>
  );
}

function Line({ item, away }: { item: Item; away: string }) {
  const { id, stage, path } = item;
  const name = nameOf(path);
  const bad = stage === "failed" || stage === "exists";
  const isOn = stage === "sending" || stage === "storing" || stage === "paused" || stage === "unheld";
  const find = async () => {
    const [file] = (await chooseFiles()).files;
    if (file && !giveFile(item, file.file)) toast(t("files.up-other-file", { name }));
  };
  return (
    <li class={`files-line ${bad ? "bad" : stage === "done" ? "good" : ""}`}>
      <Icon svg={icons[stage]} size="s" />
      <div class="grow">
        <span class="files-line-name" title={path}>
          {name}
        </span>
        <span class="soft small figure files-line-state">{stateText(item, away)}</span>
        {isOn ? <progress aria-label={name} value={shareOf(item)} max={1} /> : null}
      </div>
      {stage === "failed" ? (
        <Button
          kind="quiet"
          icon={again}
          aria-label={`${t("shell.retry")}: ${name}`}
          onClick={() => control({ type: "retry", id })}
        />
      ) : null}
      {stage === "unheld" ? (
        <Button
          kind="quiet"
          icon={play}
          aria-label={`${t("files.up-choose-again")}: ${name}`}
          title={t("files.up-choose-again")}
          onClick={() => void find()}
        />
      ) : null}
      {stage === "sending" && item.kind === "large" ? (
        <Button
          kind="quiet"
          icon={pause}
          aria-label={`${t("files.up-pause")}: ${name}`}
          onClick={() => control({ type: "pause", id })}
        />
      ) : null}
      {stage === "paused" ? (
        <Button
          kind="quiet"
          icon={play}
          aria-label={`${t("files.up-resume")}: ${name}`}
          onClick={() => control({ type: "resume", id })}
        />
      ) : null}
      {stage === "done" ? null : (
        <Button
          kind="quiet"
          icon={close}
          aria-label={`${t("shell.cancel")}: ${name}`}
          onClick={() => control({ type: "cancel", id })}
        />
      )}
    </li>
  );
}

function stateText(item: Item, away: string): string {
  const { stage, wrong, bytes: all, sentBytes, partBytes, storedBytes, path, waitingFor } = item;
  const missing = away !== "" && missesBoxes(item) ? t("files.up-away", { names: away }) : "";
  const of = (now: number) => t("files.up-of", { now: bytes(now, language.value), all: bytes(all, language.value) });
  if (stage === "exists") return t("files.up-there-already");
  if (stage === "failed") return [wrong?.message, missing, wrong?.advice].filter(Boolean).join(" ");
  if (stage === "waiting" && wrong) return `${wrong.message} ${t("files.up-again-soon")}`;
  if (stage === "sending") return of(Math.min(all, sentBytes + partBytes));
  if (stage === "storing" && waitingFor !== null) {
    return [wrongOf(waitingFor).message, missing, t("files.up-again-soon")].filter(Boolean).join(" ");
  }
  if (stage === "storing") return `${t("files.up-storing")}${storedBytes > 0 ? ` · ${of(storedBytes)}` : ""}`;
  if (stage === "paused") return `${t("files.up-paused")} · ${of(sentBytes)}`;
  if (stage === "unheld")
    return `${t("files.up-unheld-line", { folder: folderName(parentOf(path)) })} ${of(sentBytes)}`;
  return stage === "done" ? bytes(all, language.value) : t("files.up-waiting");
}
