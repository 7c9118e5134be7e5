/** The store as this box sees it: what it survives, the ring, what moves, how fast it is, and leaving it. */
import { useState } from "preact/hooks";
import { amount } from "../../../../ui/src/amount.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Meter } from "../../../../ui/src/components/figures.tsx";
import { Notice } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { SETUP_TIMEOUT_MS } from "../../../../ui/src/constants.ts";
import { count, milliseconds } from "../../../../ui/src/format.ts";
import { may } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { COPIES_WANTED } from "./limits.ts";
import { Ring } from "./ring-picture.tsx";
import { type Status, arriving, verdictOf, wholePercent } from "./view.ts";

export function StorePart({ status }: { status: Status }) {
  const { word, tone } = verdictOf(status);
  const { total, reachable } = status.slots;
  return (
    <div class="stack">
      <div role="status">
        <Notice tone={tone} title={t(`kv.survives-${word}`, { percent: wholePercent(total - reachable, total) })}>
          <p>{t(`kv.survives-${word}-text`)}</p>
        </Notice>
      </div>
      <Moving status={status} />
      {status.members.some((member) => member.slots > 0) ? (
        <section class="card">
          <h2>{t("kv.ring")}</h2>
          <Ring status={status} />
        </section>
      ) : null}
      <Figures status={status} />
      <section class="card">
        <details>
          <summary>{t("kv.how")}</summary>
          <div class="stack tight">
            <p>{t("kv.how-slots", { total })}</p>
            <p>{t("kv.how-leads")}</p>
            <p>{t("kv.how-agree")}</p>
            <p>{t("kv.how-split")}</p>
          </div>
        </details>
      </section>
      {may("host") ? <Leave status={status} /> : null}
    </div>
  );
}

/** Slots on their way here and away. */
function Moving({ status }: { status: Status }) {
  const { leaving } = status.slots;
  const coming = arriving(status);
  if (!coming && leaving === 0) return null;
  return (
    <section class="card stack tight">
      {coming ? (
        <>
          <div class="cluster apart">
            <span>{t("kv.arriving")}</span>
            <span class="soft small figure">{t("kv.arriving-of", { ...coming })}</span>
          </div>
          <progress aria-label={t("kv.arriving")} value={coming.done} max={coming.all} />
        </>
      ) : null}
      {leaving > 0 ? (
        <div class="cluster apart">
          <span>{t("kv.giving")}</span>
          <span class="soft small figure">{t("kv.giving-count", { count: leaving })}</span>
        </div>
      ) : null}
    </section>
  );
}

function Figures({ status }: { status: Status }) {
  const { operationsPerSecond, p50Ms, p99Ms, keys, usedBytes, quotaBytes, redis } = status;
  const time = (ms: number | null) =>
    ms === null ? <span class="soft">{t("kv.unasked")}</span> : milliseconds(ms, language.value);
  const rate = operationsPerSecond < 10 ? Math.round(operationsPerSecond * 10) / 10 : Math.round(operationsPerSecond);
  return (
    <section class="card stack">
      <h2>{t("kv.figures")}</h2>
      <Meter
        label={t("kv.used")}
        share={quotaBytes > 0 ? usedBytes / quotaBytes : 0}
        text={t("kv.used-of", { used: amount(usedBytes, language.value), quota: amount(quotaBytes, language.value) })}
      />
      <dl class="facts kv-figures">
        <dt>{t("kv.keys-here")}</dt>
        <dd class="figure">{count(keys, language.value)}</dd>
        <dt>{t("kv.rate")}</dt>
        <dd class="figure">{count(rate, language.value)}</dd>
        <dt>{t("kv.p50")}</dt>
        <dd class="figure">{time(p50Ms)}</dd>
        <dt>{t("kv.p99")}</dt>
        <dd class="figure">{time(p99Ms)}</dd>
        <dt>{t("kv.redis")}</dt>
        <dd>
          {redis.state === "running"
            ? t("kv.redis-on", { address: redis.address, port: redis.port, count: redis.clients })
            : redis.state === "failed"
              ? t("kv.redis-failed", { port: redis.port, reason: redis.reason ?? "" })
              : t("kv.redis-off")}
        </dd>
      </dl>
    </section>
  );
}

function Leave({ status }: { status: Status }) {
  const [asking, setAsking] = useState(false);
  const others = status.members.length - 1;
  const leave = () => call("kv.leave", {}, { timeoutMs: SETUP_TIMEOUT_MS });
  const stay = () => call("kv.takePart", {}, { timeoutMs: SETUP_TIMEOUT_MS });
  if (status.state === "leaving")
    return (
      <div class="cluster end">
        <Button onClick={() => attempt(stay, t("kv.takes-part"))}>{t("kv.stay")}</Button>
      </div>
    );
  return (
    <div class="cluster end">
      <Button kind="danger-quiet" onClick={() => setAsking(true)}>
        {t("kv.leave")}
      </Button>
      {asking ? (
        <Confirm title={t("kv.leave-title")} confirm={t("kv.leave")} onConfirm={leave} onClose={() => setAsking(false)}>
          <p>{t(others > 0 ? "kv.leave-others" : "kv.leave-alone")}</p>
          {others > 0 && others < COPIES_WANTED ? <p>{t("kv.leave-fewer")}</p> : null}
        </Confirm>
      ) : null}
    </div>
  );
}
