/** One box: what it tells, and what a steward may do about it. Each deed names its consequences before it asks. */
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import type { Output } from "../../../../ui/src/api.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Confirm, Dialog } from "../../../../ui/src/components/dialog.tsx";
import { TextField } from "../../../../ui/src/components/field.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { Ago, Lasting } from "../../../../ui/src/components/time.tsx";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { date, milliseconds } from "../../../../ui/src/format.ts";
import { may } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { stateTone } from "./box-state.ts";

type Box = Output<"mesh.box">;
type Community = NonNullable<Output<"mesh.community">>;

export function BoxDetails({ id, community, onClose }: { id: string; community: Community; onClose: () => void }) {
  const box = useResource("mesh.box", { id });
  const services = useResource("discovery.list", { box: id });
  return (
    <Dialog drawer title={box.data?.name ?? t("mesh.box")} onClose={onClose}>
      <Loaded from={box} lines={6}>
        {(shown) => (
          <div class="stack wide">
            <div class="cluster">
              <span class={`badge ${stateTone[shown.state]}`}>{t(`mesh.state-${shown.state}`)}</span>
              {shown.steward ? <span class="badge">{t("mesh.steward")}</span> : null}
              {shown.health ? <span class={`badge ${shown.health}`}>{t(`shell.health-${shown.health}`)}</span> : null}
            </div>
            {shown.state === "pending" ? (
              <Notice tone="info" title={t("mesh.pending-text", { owner: shown.owner })} />
            ) : null}
            {shown.state === "excluded" ? <Notice tone="error" title={t("mesh.excluded-text")} /> : null}
            <Facts box={shown} />
            {services.data && services.data.length > 0 ? (
              <section class="stack tight">
                <h3>{t("mesh.its-services")}</h3>
                <ul role="list" class="rows">
                  {services.data.slice(0, 30).map((service) => (
                    <li key={service.id}>
                      <a href={`/services/${encodeURIComponent(service.id)}`}>{service.title}</a>
                    </li>
                  ))}
                </ul>
              </section>
            ) : null}
            {community.steward && may("steward") && !shown.self ? <Deeds box={shown} onDone={box.reload} /> : null}
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}

function Facts({ box }: { box: Box }) {
  const distance =
    box.rttMs === null ? t("mesh.no-distance") : t("quality.about", { time: milliseconds(box.rttMs, language.value) });
  return (
    <dl class="facts">
      <dt>{t("box.owner")}</dt>
      <dd>{box.owner || t("mesh.unknown")}</dd>
      <dt>{t("box.zone")}</dt>
      <dd>{box.zone || t("mesh.unknown")}</dd>
      <dt>{t("mesh.distance")}</dt>
      <dd class="figure">{box.self ? t("mesh.here") : distance}</dd>
      {box.seenAt ? (
        <>
          <dt>{t("mesh.heard")}</dt>
          <dd>
            <Ago at={box.seenAt} />
          </dd>
        </>
      ) : null}
      {box.startedAt ? (
        <>
          <dt>{t("box.running")}</dt>
          <dd>
            <Lasting since={box.startedAt} />
          </dd>
        </>
      ) : null}
      {box.since ? (
        <>
          <dt>{t("mesh.member-since")}</dt>
          <dd>{date(box.since, language.value)}</dd>
        </>
      ) : null}
      <dt>{t("box.version")}</dt>
      <dd>{box.version || t("mesh.unknown")}</dd>
      {box.address ? (
        <>
          <dt>{t("box.address")}</dt>
          <dd class="mono">{box.address}</dd>
        </>
      ) : null}
      <dt>{t("box.id")}</dt>
      <dd>
        <span class="mono">{box.id}</span> <CopyButton text={box.id} bare kind="quiet" label={t("box.copy-id")} />
      </dd>
    </dl>
  );
}

function Deeds({ box, onDone }: { box: Box; onDone: () => void }) {
  const [asking, setAsking] = useState<"exclude" | "steward" | null>(null);
  const { id, name } = box;
  const run = (deed: () => Promise<unknown>) => async () => {
    await deed();
    onDone();
  };
  const pardon = run(() => call("mesh.pardon", { id }));
  return (
    <section class="stack tight">
      <h3>{t("mesh.deeds")}</h3>
      <div class="cluster">
        {box.state === "pending" ? (
          <Button
            kind="primary"
            onClick={() =>
              attempt(
                run(() => call("mesh.admit", { id })),
                t("mesh.admitted", { box: name }),
              )
            }
          >
            {t("mesh.admit")}
          </Button>
        ) : null}
        {box.state === "up" || box.state === "suspect" || box.state === "away" ? (
          <Button onClick={() => setAsking("steward")}>
            {t(box.steward ? "mesh.steward-take" : "mesh.steward-make")}
          </Button>
        ) : null}
        {box.state === "excluded" ? (
          <Button kind="primary" onClick={() => attempt(pardon, t("mesh.pardoned", { box: name }))}>
            {t("mesh.pardon")}
          </Button>
        ) : (
          <Button kind="danger-quiet" onClick={() => setAsking("exclude")}>
            {t("mesh.exclude")}
          </Button>
        )}
      </div>
      {asking === "exclude" ? <Exclude box={box} onDone={onDone} onClose={() => setAsking(null)} /> : null}
      {asking === "steward" ? (
        <Confirm
          title={t(box.steward ? "mesh.steward-take" : "mesh.steward-make")}
          kind="primary"
          confirm={t(box.steward ? "mesh.steward-take" : "mesh.steward-make")}
          onConfirm={run(() => call("mesh.appointSteward", { id, steward: !box.steward }))}
          onClose={() => setAsking(null)}
        >
          <p>{t(box.steward ? "mesh.steward-take-text" : "mesh.steward-make-text", { owner: box.owner, box: name })}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

function Exclude({ box, onDone, onClose }: { box: Box; onDone: () => void; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const { id, name } = box;
  const exclude = async () => {
    await call("mesh.exclude", { id, reason });
    onDone();
    toast(t("mesh.excluded", { box: name }), async () => {
      await call("mesh.pardon", { id });
      onDone();
    });
  };
  return (
    <Confirm
      title={t("mesh.exclude-title", { box: name })}
      confirm={t("mesh.exclude")}
      ready={reason.trim() !== ""}
      onConfirm={exclude}
      onClose={onClose}
    >
      <p>{t("mesh.exclude-text", { box: name, owner: box.owner, count: box.services })}</p>
      <TextField
        label={t("mesh.reason")}
        hint={t("mesh.reason-hint")}
        value={reason}
        onValue={setReason}
        maxLength={300}
      />
    </Confirm>
  );
}
