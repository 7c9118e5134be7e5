/** How safe a file or folder is, in plain words; looking again, and making missing pieces anew. */
import shield from "lucide-static/icons/shield-check.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { type ApiError, asApiError, call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { ErrorNotice, Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { t } from "../../../../ui/src/words.ts";
import { CHECK_TIMEOUT_MS } from "./limits.ts";
import type { Entry } from "./order.ts";
import { type Health, verdictOf } from "./safety.ts";

type Checked = Output<"files.check">;

export function HealthPart({ entry }: { entry: Entry }) {
  const { path, kind } = entry;
  const health = useResource("files.health", { path }, { events: ["files.changed"] });
  const [checked, setChecked] = useState<Checked>();
  const [isHeld, setHeld] = useState(false);
  const [error, setError] = useState<ApiError>();
  const run = async (deed: "check" | "verify" | "repair") => {
    setError(undefined);
    setHeld(false);
    const options = { timeoutMs: CHECK_TIMEOUT_MS };
    try {
      if (deed === "repair") setHeld((await call("files.repair", { path }, options)).waiting > 0);
      else setChecked(await call("files.check", { path, verify: deed === "verify" }, options));
      health.reload();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  const isBad = health.data !== undefined && ["weak", "cannot"].includes(verdictOf(health.data).word);
  return (
    <section class="stack tight">
      <h3>{t("files.safety")}</h3>
      <Loaded from={health} lines={2}>
        {(now) => <Verdict health={now} />}
      </Loaded>
      {checked && (kind === "folder" || checked.damaged > 0) ? <Report checked={checked} /> : null}
      {isHeld ? <Notice tone="warning" title={t("files.care-held")} /> : null}
      {error ? <ErrorNotice error={error} /> : null}
      <div class="cluster">
        <Button icon={shield} onClick={() => run("check")}>
          {t("files.check-now")}
        </Button>
        <Button kind="quiet" onClick={() => run("verify")}>
          {t("files.check-all")}
        </Button>
        {isBad || (checked && !checked.ok) ? (
          <Button kind="primary" onClick={() => run("repair")}>
            {t("files.repair")}
          </Button>
        ) : null}
      </div>
    </section>
  );
}

function Verdict({ health }: { health: Health }) {
  const { word, tone } = verdictOf(health);
  const { good, total, needed, servers, owners, zones, checkedAt } = health;
  const boxes = t("files.on-boxes", { count: servers });
  const places = zones > 1 ? t("files.in-zones", { count: zones }) : "";
  return (
    <Notice tone={tone} title={t(`files.safe-${word}`, { good, total, needed, boxes, places })}>
      <p>{t(`files.safe-${word}-text`, { needed, spare: Math.max(0, good - needed), owners })}</p>
      {checkedAt ? (
        <p class="soft small">
          {t("files.checked")} <Ago at={checkedAt} />
        </p>
      ) : null}
    </Notice>
  );
}

function Report({ checked: { checked, healthy, weak, lost, damaged, items } }: { checked: Checked }) {
  const bad = items.filter(({ state }) => state !== "healthy");
  return (
    <div class="stack tight" role="status">
      <p>{t("files.check-found", { checked, healthy, weak, lost })}</p>
      {damaged > 0 ? <p>{t("files.check-damaged", { count: damaged })}</p> : null}
      {bad.length > 0 ? (
        <ul class="files-bad">
          {bad.map(({ path, good, needed, state }) => (
            <li key={path}>
              {path} <span class={`badge ${state === "lost" ? "bad" : "warn"}`}>{`${good}/${needed}`}</span>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

export function HealthDialog({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  return (
    <Dialog title={entry.name || t("files.title")} onClose={onClose}>
      <HealthPart entry={entry} />
    </Dialog>
  );
}
