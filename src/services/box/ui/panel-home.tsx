/**
 * Home answers three questions without a click: is everything running, is it healthy, how full is it. Then what is
 * new nearby, and what waits for the reader.
 */
import full from "lucide-static/icons/gauge.svg?raw";
import healthy from "lucide-static/icons/heart-pulse.svg?raw";
import running from "lucide-static/icons/activity.svg?raw";
import type { ComponentChildren } from "preact";
import type { Output } from "../../../../ui/src/api.ts";
import { type Resource, useResource } from "../../../../ui/src/box.ts";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Meter } from "../../../../ui/src/components/figures.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { PageHead } from "../../../../ui/src/components/page-head.tsx";
import { Ago, Lasting } from "../../../../ui/src/components/time.tsx";
import { FIGURES_PERIOD_MS } from "../../../../ui/src/constants.ts";
import { bytes, partOfDay, percent } from "../../../../ui/src/format.ts";
import { may, session } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { Fresh, Waiting } from "./home-news.tsx";
import { Warnings } from "./warnings.tsx";
import "./box.css";

type Status = Output<"box.status">;

export default function HomePanel() {
  const status = useResource("box.status", {}, { events: ["box", "mesh", "discovery"], everyMs: FIGURES_PERIOD_MS });
  const hello = t(`home.${partOfDay(new Date().getHours())}`, { name: session.value?.account ?? "" });
  return (
    <>
      <PageHead title={hello}>{status.data ? <Place status={status.data} /> : null}</PageHead>
      <div class="stack wide">
        <Loaded from={status} lines={6}>
          {(now) => (
            <div class="answers">
              <Running status={now} />
              <Healthy status={now} />
              <Full status={now} from={status} />
            </div>
          )}
        </Loaded>
        <div class="columns">
          <Fresh />
          <Waiting status={status.data} />
        </div>
      </div>
    </>
  );
}

function Place({ status }: { status: Status }) {
  return status.community
    ? t("home.place", { box: status.name, community: status.community.name, zone: status.zone })
    : t("home.place-alone", { box: status.name });
}

function Answer({
  icon,
  tone,
  title,
  children,
}: {
  icon: string;
  tone: string;
  title: string;
  children: ComponentChildren;
}) {
  return (
    <section class={`card answer ${tone}`}>
      <div class="answer-head">
        <span class="answer-icon">
          <Icon svg={icon} />
        </span>
        <h2>{title}</h2>
      </div>
      {children}
    </section>
  );
}

function Running({ status }: { status: Status }) {
  const up = status.state !== "stopping";
  const tone = !up ? "error" : status.state === "alone" ? "info" : "ok";
  return (
    <Answer icon={running} tone={tone} title={t(`home.state-${status.state}`)}>
      <p class="soft">
        {t("home.running-for")} <Lasting since={status.startedAt} />
      </p>
      <ul role="list" class="plain-figures">
        <li>
          <a href="/boxes">{t("home.boxes-up", { count: status.boxes.up, known: status.boxes.known })}</a>
        </li>
        <li>
          <a href="/services">{t("home.services", { count: status.services.community })}</a>
        </li>
        <li>
          <a href="/services/own">{t("home.services-own", { count: status.services.own })}</a>
        </li>
      </ul>
    </Answer>
  );
}

function Healthy({ status }: { status: Status }) {
  const warnings = useResource("box.health", {}, { when: may("member") });
  return (
    <Answer icon={healthy} tone={status.health} title={t(`home.health-${status.health}`)}>
      {warnings.data ? (
        <Warnings warnings={warnings.data} short />
      ) : (
        <p class="soft">{t(`home.health-text-${status.health}`)}</p>
      )}
    </Answer>
  );
}

function Full({ status, from }: { status: Status; from: Resource<Status> }) {
  const { disk, memory, cpu } = status;
  const used = disk.totalBytes > 0 ? 1 - disk.freeBytes / disk.totalBytes : 0;
  const usedMemory = memory.totalBytes > 0 ? 1 - memory.freeBytes / memory.totalBytes : 0;
  const title = used >= 0.9 ? "home.full-disk" : used >= 0.75 ? "home.filling" : "home.room";
  const of = (free: number, total: number) =>
    t("home.free-of", { free: bytes(free, language.value), total: bytes(total, language.value) });
  return (
    <Answer icon={full} tone={used >= 0.9 ? "error" : used >= 0.75 ? "warning" : "ok"} title={t(title)}>
      <div class="stack tight">
        <Meter label={t("home.disk")} share={used} text={of(disk.freeBytes, disk.totalBytes)} />
        <Meter label={t("home.memory")} share={usedMemory} text={of(memory.freeBytes, memory.totalBytes)} />
        <Meter
          label={t("home.cpu")}
          share={cpu.load1 / Math.max(1, cpu.cores)}
          text={percent(Math.min(100, (100 * cpu.load1) / Math.max(1, cpu.cores)), language.value)}
        />
      </div>
      <p class="soft small">
        {t("home.measured")} <Ago at={from.atMs} />
      </p>
    </Answer>
  );
}
