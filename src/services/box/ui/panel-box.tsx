/**
 * This box, for its host: what it is doing, its health with the doctor, its parts, its settings, its log.
 */
import type { PanelProps } from "../../../../ui/src/page.ts";
import { useState } from "preact/hooks";
import pencil from "lucide-static/icons/pencil.svg?raw";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { TextField } from "../../../../ui/src/components/field.tsx";
import { Meter } from "../../../../ui/src/components/figures.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import { Ago, Lasting } from "../../../../ui/src/components/time.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { FIGURES_PERIOD_MS } from "../../../../ui/src/constants.ts";
import { bytes, percent } from "../../../../ui/src/format.ts";
import { loadSession } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { Doctor } from "./doctor.tsx";
import { Logs } from "./logs.tsx";
import { Parts } from "./parts.tsx";
import { Settings } from "./settings.tsx";
import { Warnings } from "./warnings.tsx";
import "./box.css";

const TABS = ["", "health", "parts", "settings", "log"] as const;

export default function BoxPanel({ rest }: PanelProps) {
  const at = TABS.find((tab) => tab === rest) ?? "";
  return (
    <>
      <PageHead title={t("box.title")}>{t("box.lead")}</PageHead>
      <div class="stack wide">
        <Tabs
          label={t("box.title")}
          tabs={TABS.map((tab) => ({
            href: tab ? `/box/${tab}` : "/box",
            text: t(`box.tab-${tab || "now"}`),
            on: tab === at,
          }))}
        />
        {at === "" ? <Now /> : null}
        {at === "health" ? <Health /> : null}
        {at === "parts" ? <Parts /> : null}
        {at === "settings" ? <Settings /> : null}
        {at === "log" ? <Logs /> : null}
      </div>
    </>
  );
}

function Health() {
  const warnings = useResource("box.health", {});
  return (
    <div class="columns">
      <section class="card stack">
        <h2>{t("box.warnings")}</h2>
        <Loaded from={warnings}>{(list) => <Warnings warnings={list} />}</Loaded>
      </section>
      <Doctor />
    </div>
  );
}

function Now() {
  const status = useResource("box.status", {}, { events: ["box", "mesh", "discovery"], everyMs: FIGURES_PERIOD_MS });
  const [renaming, setRenaming] = useState(false);
  return (
    <Loaded from={status} lines={8}>
      {(now) => (
        <div class="columns">
          <section class="card stack">
            <div class="cluster apart">
              <h2>{now.name}</h2>
              <Button kind="quiet" icon={pencil} onClick={() => setRenaming(true)}>
                {t("box.rename")}
              </Button>
            </div>
            <Identity now={now} />
          </section>
          <section class="card stack">
            <h2>{t("box.figures")}</h2>
            <Meter
              label={t("home.disk")}
              share={1 - now.disk.freeBytes / (now.disk.totalBytes || 1)}
              text={free(now.disk)}
            />
            <Meter
              label={t("home.memory")}
              share={1 - now.memory.freeBytes / (now.memory.totalBytes || 1)}
              text={free(now.memory)}
            />
            <dl class="facts">
              <dt>{t("box.own-memory")}</dt>
              <dd class="figure">{bytes(now.memory.rssBytes, language.value)}</dd>
              <dt>{t("box.own-cpu")}</dt>
              <dd class="figure">{percent(now.cpu.processPercent, language.value)}</dd>
              <dt>{t("box.load")}</dt>
              <dd class="figure">{t("box.load-text", { load: now.cpu.load1, count: now.cpu.cores })}</dd>
            </dl>
            <p class="soft small">
              {t("home.measured")} <Ago at={status.atMs} />
            </p>
          </section>
          {renaming ? <Rename now={now.name} onClose={() => setRenaming(false)} /> : null}
        </div>
      )}
    </Loaded>
  );
}

function Identity({ now }: { now: Output<"box.status"> }) {
  return (
    <dl class="facts">
      <dt>{t("box.owner")}</dt>
      <dd>{now.owner}</dd>
      <dt>{t("box.zone")}</dt>
      <dd>{now.zone}</dd>
      <dt>{t("box.community")}</dt>
      <dd>{now.community?.name ?? t("box.no-community")}</dd>
      <dt>{t("box.running")}</dt>
      <dd>
        <Lasting since={now.startedAt} />
      </dd>
      <dt>{t("box.version")}</dt>
      <dd>{now.version}</dd>
      <dt>{t("box.address")}</dt>
      <dd>
        <a href={now.url}>{now.url}</a>
      </dd>
      <dt>{t("box.addresses")}</dt>
      <dd class="mono">{now.addresses.join(", ")}</dd>
      <dt>{t("box.ports")}</dt>
      <dd>{t("box.ports-text", { page: String(now.port), mesh: String(now.meshPort) })}</dd>
      <dt>{t("box.id")}</dt>
      <dd>
        <span class="mono">{now.id}</span> <CopyButton text={now.id} bare kind="quiet" label={t("box.copy-id")} />
      </dd>
    </dl>
  );
}

function free({ freeBytes, totalBytes }: { freeBytes: number; totalBytes: number }): string {
  return t("home.free-of", { free: bytes(freeBytes, language.value), total: bytes(totalBytes, language.value) });
}

function Rename({ now, onClose }: { now: string; onClose: () => void }) {
  const [name, setName] = useState(now);
  const save = async () => {
    await call("box.rename", { name });
    await loadSession();
    toast(t("box.renamed", { name }), async () => {
      await call("box.rename", { name: now });
      await loadSession();
    });
  };
  return (
    <Confirm
      title={t("box.rename")}
      kind="primary"
      confirm={t("shell.save")}
      ready={name.trim() !== "" && name !== now}
      onConfirm={save}
      onClose={onClose}
    >
      <TextField label={t("box.name")} value={name} onValue={setName} maxLength={40} />
      <p class="soft">{t("box.rename-text")}</p>
    </Confirm>
  );
}
