/** The slices of whoever looks: each with its slivers, where they run and how; and the form that makes one. */
import cpu from "lucide-static/icons/cpu.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { amount } from "../../../../ui/src/amount.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button, LinkButton } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { date } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { ConsoleButton } from "./console-part.tsx";
import { LaunchForm } from "./launch-form.tsx";
import { HOSTS_TIMEOUT_MS } from "./patience.ts";
import { sliverHref } from "./sliver-page.tsx";
import { Trouble } from "./trouble.tsx";

type Slice = Output<"compute.slice">;

/** States of slivers move on without an event when a host is another box. */
const REFRESH_MS = 3_000;

export function SlicesPart({ lenders }: { lenders: number }) {
  const slices = useResource("compute.slices", {}, { events: ["compute"], everyMs: REFRESH_MS });
  const [isMaking, setMaking] = useState(false);
  const begin = (
    <Button kind="primary" onClick={() => setMaking(true)}>
      {t("compute.launch")}
    </Button>
  );
  return (
    <Loaded from={slices}>
      {(list) => (
        <div class="stack">
          {isMaking ? (
            <LaunchForm
              onDone={() => {
                setMaking(false);
                slices.reload();
              }}
              onCancel={() => setMaking(false)}
            />
          ) : list.length > 0 ? (
            <div class="cluster end">{begin}</div>
          ) : (
            <Empty icon={cpu} title={t("compute.none")}>
              <p>{t("compute.none-text")}</p>
              {lenders === 0 ? <p>{t("compute.no-lenders")}</p> : null}
              <div class="cluster">
                {lenders === 0 ? <LinkButton href="/compute/lend">{t("compute.tab-lend")}</LinkButton> : null}
                {begin}
              </div>
            </Empty>
          )}
          {list.map((slice) => (
            <SliceCard key={slice.id} slice={slice} onChange={slices.reload} />
          ))}
        </div>
      )}
    </Loaded>
  );
}

function SliceCard({ slice, onChange }: { slice: Slice; onChange: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const { name } = slice;
  const turn = (on: boolean) =>
    attempt(
      async () => {
        await call(on ? "compute.startSlice" : "compute.stopSlice", { name }, { timeoutMs: HOSTS_TIMEOUT_MS });
        onChange();
      },
      t(on ? "compute.started" : "compute.halted", { name }),
    );
  const renew = () =>
    attempt(async () => {
      const { endsAt } = await call("compute.renewSlice", { name }, { timeoutMs: HOSTS_TIMEOUT_MS });
      onChange();
      toast(t("compute.renewed", { name, until: date(endsAt, language.value) }));
    });
  return (
    <section class="card stack">
      <div class="cluster">
        <h2 class="grow">{name}</h2>
        <span class="soft">{t("compute.running", { running: slice.running, wanted: slice.wanted })}</span>
      </div>
      <div class="cluster apart">
        <p class="soft small">
          {t("compute.facts", {
            image: slice.image,
            cores: slice.cores,
            memory: amount(slice.memoryBytes, language.value),
            disk: amount(slice.diskBytes, language.value),
            until: date(slice.endsAt, language.value),
          })}
        </p>
        <Button onClick={renew} aria-label={t("compute.renew-named", { name })}>
          {t("compute.renew")}
        </Button>
      </div>
      <ul role="list" class="rows">
        {slice.slivers.map((one) => (
          <li key={one.id}>
            <span class="grow">
              <strong>{t("compute.sliver", { number: one.number, box: one.box })}</strong>
              <br />
              <span class="soft small">{[one.owner, one.zone].filter(Boolean).join(" · ")}</span>
              {one.address ? <div class="soft small">{t("compute.address", { address: one.address })}</div> : null}
              {one.trouble ? <Trouble code={one.trouble} /> : null}
            </span>
            <span>{t(`compute.state-${one.state}`)}</span>
            <span class="cluster end">
              <LinkButton
                href={sliverHref(name, one.number)}
                label={t("compute.inside-named", { name: `${name}/${one.number}` })}
              >
                {t("compute.inside")}
              </LinkButton>
              {one.state === "running" ? <ConsoleButton place={`${name}/${one.number}`} /> : null}
            </span>
          </li>
        ))}
      </ul>
      {slice.missing > 0 ? <p role="status">{t("compute.waits", { missing: slice.missing })}</p> : null}
      {slice.isEnded ? <p role="status">{t("compute.ended")}</p> : null}
      <div class="cluster end">
        <Button kind="danger-quiet" onClick={() => setAsking(true)} aria-label={t("compute.delete-named", { name })}>
          {t("compute.delete")}
        </Button>
        {slice.isEnded ? null : (
          <Button
            onClick={() => turn(slice.isStopped)}
            aria-label={t(slice.isStopped ? "compute.start-named" : "compute.stop-named", { name })}
          >
            {t(slice.isStopped ? "compute.start" : "compute.stop")}
          </Button>
        )}
      </div>
      {isAsking ? (
        <Confirm
          title={t("compute.delete-named", { name })}
          confirm={t("compute.delete")}
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await call("compute.deleteSlice", { name }, { timeoutMs: HOSTS_TIMEOUT_MS });
            onChange();
          }}
        >
          <p>{t("compute.confirm-delete")}</p>
        </Confirm>
      ) : null}
    </section>
  );
}
