/** Space and safety: how the files are, what this box gives, who uses it, what one may use in return, the servers. */
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { type Resource, useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Meter } from "../../../../ui/src/components/figures.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { bytes, percent } from "../../../../ui/src/format.ts";
import { may } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { GB, givenGb, sizeInput, stepsOf, usersOf } from "./giving.ts";
import { Recovery } from "./recovery.tsx";
import { Servers } from "./servers.tsx";

type Status = Output<"files.status">;

export function Space({ status }: { status: Resource<Status> }) {
  return (
    <Loaded from={status} lines={8}>
      {(now) => (
        <div class="stack wide">
          <Care status={now} />
          <div class="columns">
            {may("host") ? <Giving status={now} onChange={status.reload} /> : <GivenHere status={now} />}
            {may("member") ? <Mine me={now.me} /> : null}
          </div>
          {may("member") ? <Recovery /> : null}
          {may("host") ? <Users /> : null}
          <Servers status={now} onChange={status.reload} />
        </div>
      )}
    </Loaded>
  );
}

function Care({ status: { grid, care } }: { status: Status }) {
  const { reachable, happy, enough, servers } = grid;
  const word = servers.length === 0 ? "none" : !enough ? "few" : servers.length === 1 ? "one" : "well";
  const tone = word === "well" ? "ok" : word === "one" ? "warning" : "error";
  const { state, files, healthy, weak, lost, running, checkedAt } = care;
  return (
    <section class="card stack">
      <h2>{t("files.care")}</h2>
      <Notice tone={tone} title={t(`files.grid-${word}`, { reachable, happy })}>
        <p>{t(`files.grid-${word}-text`, { needed: grid.needed, total: grid.total })}</p>
      </Notice>
      {lost > 0 ? (
        <Notice tone="error" title={t("files.care-lost", { count: lost })}>
          <p>{t("files.care-lost-text")}</p>
        </Notice>
      ) : null}
      {weak > 0 ? (
        <Notice tone="warning" title={t("files.care-weak", { count: weak })}>
          <p>{t("files.care-weak-text")}</p>
        </Notice>
      ) : null}
      <p>
        {t(`files.care-${state}`)} {files > 0 ? t("files.care-count", { healthy, files }) : ""}{" "}
        {checkedAt ? (
          <span class="soft small">
            {t("files.checked")} <Ago at={checkedAt} />
          </span>
        ) : null}
      </p>
      {running && running.total > 0 ? (
        <div class="stack tight">
          <span class="soft small figure">
            {t(`files.care-${running.kind}`)} ·{" "}
            {percent(Math.floor((running.done / running.total) * 100), language.value)}
          </span>
          <progress aria-label={t(`files.care-${running.kind}`)} value={running.done} max={running.total} />
        </div>
      ) : null}
    </section>
  );
}

function Giving({ status, onChange }: { status: Status; onChange: () => void }) {
  const box = useResource("box.status", {});
  const { bytesGiven, bytesUsed, on, reason, port } = status.giving;
  const [stopping, setStopping] = useState(false);
  const [wish, setWish] = useState<number>();
  const steps = stepsOf(box.data?.disk.freeBytes ?? 0, bytesGiven, bytesUsed);
  const now = on ? givenGb(bytesGiven) : 0;
  const at = wish ?? nearest(steps, now);
  const gb = steps[at] ?? 0;
  const save = async () => {
    if (gb === 0) return setStopping(true);
    await attempt(() => call("files.give", { size: sizeInput(gb) }), t("files.giving-now", { size: sizeOf(gb) }));
    setWish(undefined);
    return onChange();
  };
  return (
    <section class="card stack">
      <h2>{t("files.give")}</h2>
      <p class="soft">{t("files.give-text")}</p>
      <label class="field files-slider">
        <span class="label">{t("files.give-how-much")}</span>
        <input
          type="range"
          min={0}
          max={steps.length - 1}
          step={1}
          value={at}
          aria-valuetext={gb === 0 ? t("files.give-nothing") : sizeOf(gb)}
          onInput={(event) => setWish(Number(event.currentTarget.value))}
        />
        <output class="files-given figure">{gb === 0 ? t("files.give-nothing") : sizeOf(gb)}</output>
      </label>
      {on ? (
        <Meter
          label={t("files.give-used")}
          share={bytesGiven > 0 ? bytesUsed / bytesGiven : 0}
          text={t("files.of", { used: bytes(bytesUsed, language.value), all: bytes(bytesGiven, language.value) })}
        />
      ) : null}
      {gb > 0 && gb * GB < bytesUsed ? <p class="soft small">{t("files.give-below")}</p> : null}
      {reason ? <Notice tone="error" title={t("files.door-failed", { port, reason })} /> : null}
      <div class="cluster end">
        <Button kind="primary" disabled={wish === undefined || wish === nearest(steps, now)} onClick={save}>
          {t("shell.save")}
        </Button>
      </div>
      {stopping ? (
        <Confirm
          title={t("files.give-stop-title")}
          confirm={t("files.give-stop")}
          onConfirm={async () => {
            await call("files.stopGiving", {});
            setWish(undefined);
            onChange();
          }}
          onClose={() => setStopping(false)}
        >
          <p>{t("files.give-stop-text")}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

function nearest(steps: readonly number[], gb: number): number {
  let best = 0;
  steps.forEach((step, index) => {
    if (Math.abs(step - gb) < Math.abs((steps[best] ?? 0) - gb)) best = index;
  });
  return best;
}

function sizeOf(gb: number): string {
  return bytes(gb * GB, language.value);
}

function GivenHere({ status: { giving } }: { status: Status }) {
  return (
    <section class="card stack">
      <h2>{t("files.given-here")}</h2>
      {giving.on ? (
        <Meter
          label={t("files.give-used")}
          share={giving.bytesGiven > 0 ? giving.bytesUsed / giving.bytesGiven : 0}
          text={t("files.of", {
            used: bytes(giving.bytesUsed, language.value),
            all: bytes(giving.bytesGiven, language.value),
          })}
        />
      ) : (
        <p class="soft">{t("files.given-nothing")}</p>
      )}
    </section>
  );
}

function Mine({ me: { usedBytes, quotaBytes } }: Pick<Status, "me">) {
  const used = bytes(usedBytes, language.value);
  return (
    <section class="card stack">
      <h2>{t("files.mine")}</h2>
      {quotaBytes === null ? (
        <p>{t("files.mine-used", { used })}</p>
      ) : (
        <Meter
          label={t("files.mine-label")}
          share={quotaBytes > 0 ? usedBytes / quotaBytes : 1}
          text={t("files.of", { used, all: bytes(quotaBytes, language.value) })}
        />
      )}
      <p class="soft">{t("files.mine-text")}</p>
    </section>
  );
}

function Users() {
  const given = useResource("files.given", {}, { events: ["files.changed"] });
  return (
    <section class="card stack">
      <h2>{t("files.users")}</h2>
      <Loaded from={given} lines={3}>
        {(all) =>
          all.length === 0 ? (
            <p class="soft">{t("files.users-none")}</p>
          ) : (
            <ul role="list" class="stack">
              {usersOf(all).map(({ key, account, box, owner, accounts, usedBytes, quotaBytes }) => (
                <li key={key}>
                  <Meter
                    label={
                      account !== null
                        ? t("files.user", { member: account, box })
                        : t("files.user-box", { box, owner: owner ?? "", count: accounts })
                    }
                    share={quotaBytes > 0 ? usedBytes / quotaBytes : 0}
                    text={t("files.of", {
                      used: bytes(usedBytes, language.value),
                      all: bytes(quotaBytes, language.value),
                    })}
                  />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}
