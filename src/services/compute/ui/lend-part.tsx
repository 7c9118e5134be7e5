/** What this box lends, to whom, and who uses it now. Nothing, until its host says so. */
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { amount } from "../../../../ui/src/amount.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Choices, SelectField } from "../../../../ui/src/components/field.tsx";
import { Meter } from "../../../../ui/src/components/figures.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { bytesOf } from "../../../kernel/size.ts";
import { date } from "../../../../ui/src/format.ts";
import { may } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";

type Status = Output<"compute.status">;

const TO = ["nobody", "zone", "community"] as const;
const CORES = ["1", "2", "4", "8", "16"];
const MEMORIES = ["512MiB", "1GiB", "2GiB", "4GiB", "8GiB", "16GiB"];
const DISKS = ["4GiB", "10GiB", "20GiB", "50GiB", "100GiB"];

export function LendPart({ status, onChange }: { status: Status; onChange: () => void }) {
  const { engine, lending, network, used } = status;
  const share = (part: number, whole: number) => (whole === 0 ? 0 : Math.min(1, part / whole));
  const of = (part: string, whole: string) => t("compute.of", { part, whole });
  return (
    <div class="stack">
      {engine.state === "missing" ? (
        <Notice tone="info" title={t("compute.engine-missing")}>
          {t("advice.compute-no-engine")}
        </Notice>
      ) : null}
      {network.state === "off" || network.state === "ready" ? null : <NoNetwork network={network} />}
      {engine.state === "silent" ? (
        <Notice tone="warning" title={t("health.compute-engine")}>
          {t("fix.compute-engine")}
        </Notice>
      ) : null}
      <section class="card stack">
        <h2>{t(lending.to === "nobody" ? "compute.lends-not" : "compute.lends")}</h2>
        <p class="soft">{t("compute.lend-lead")}</p>
        {lending.to === "nobody" && used.slivers === 0 ? null : (
          <>
            <Meter
              label={t("compute.cores")}
              share={share(used.cores, lending.cores)}
              text={of(String(used.cores), String(lending.cores))}
            />
            <Meter
              label={t("compute.memory")}
              share={share(used.memoryBytes, lending.memoryBytes)}
              text={of(amount(used.memoryBytes, language.value), amount(lending.memoryBytes, language.value))}
            />
            <Meter
              label={t("compute.disk")}
              share={share(used.diskBytes, lending.diskBytes)}
              text={of(amount(used.diskBytes, language.value), amount(lending.diskBytes, language.value))}
            />
          </>
        )}
        {may("host") ? <LendForm status={status} onChange={onChange} /> : null}
      </section>
      {may("host") && used.slivers > 0 ? <Users /> : null}
    </div>
  );
}

function NoNetwork({ network: { state, lacks } }: Pick<Status, "network">) {
  const kind = state === "missing" || state === "elsewhere" ? (`-${state}` as const) : "";
  return (
    <Notice tone="info" title={t(`check.compute-network${kind}.bad`, { lacks })}>
      {t(`check.compute-network${kind}.fix`)}
    </Notice>
  );
}

function LendForm({ status: { engine, lending }, onChange }: { status: Status; onChange: () => void }) {
  const sizeOf = (value: number, all: readonly string[], usual: string) =>
    all.find((one) => bytesOf(one) === value) ?? (value === 0 ? usual : `${Math.round(value / 2 ** 20)}MiB`);
  const [to, setTo] = useState<string>(lending.to);
  const [cores, setCores] = useState(lending.cores === 0 ? "1" : String(lending.cores));
  const [memory, setMemory] = useState(sizeOf(lending.memoryBytes, MEMORIES, "1GiB"));
  const [disk, setDisk] = useState(sizeOf(lending.diskBytes, DISKS, "10GiB"));
  const options = (all: readonly string[], now: string) =>
    [...new Set([...all, now])].map((value) => ({ value, label: value.replace(/(\d)([A-Z])/, "$1 $2") }));
  const save = async () => {
    await call("compute.lend", { cores: Number(cores), memory, disk, to: to as "zone" });
    toast(t("compute.saved"));
    onChange();
  };
  return (
    <Form submit={t("compute.save")} ready={engine.state !== "missing" || to === "nobody"} onSubmit={save}>
      <Choices
        label={t("setting.compute.lendTo")}
        name="lend-to"
        value={to}
        onValue={setTo}
        options={[...TO, ...(lending.to === "named" ? (["named"] as const) : [])].map((value) => ({
          value,
          label: t(`setting.compute.lendTo.${value}`),
        }))}
      />
      {to === "nobody" ? null : (
        <>
          <SelectField label={t("compute.cores")} value={cores} onValue={setCores} options={options(CORES, cores)} />
          <SelectField
            label={t("compute.memory")}
            value={memory}
            onValue={setMemory}
            options={options(MEMORIES, memory)}
          />
          <SelectField label={t("compute.disk")} value={disk} onValue={setDisk} options={options(DISKS, disk)} />
        </>
      )}
    </Form>
  );
}

function Users() {
  const lent = useResource("compute.lent", {}, { events: ["compute"] });
  const [asked, setAsked] = useState<string>();
  return (
    <section class="card stack">
      <h2>{t("compute.users")}</h2>
      <Loaded from={lent}>
        {(list) => (
          <ul role="list" class="rows">
            {list.map((one) => (
              <li key={one.sliver}>
                <span class="grow">
                  <strong>{one.owner || one.box}</strong>
                  <br />
                  <span class="soft small">
                    {t("compute.lent-facts", {
                      cores: one.cores,
                      memory: amount(one.memoryBytes, language.value),
                      until: date(one.leaseEndsAt, language.value),
                    })}
                    {one.snapshots > 0 ? ` · ${t("compute.lent-snapshots", { count: one.snapshots })}` : ""}
                  </span>
                </span>
                <span>{t(`compute.state-${one.state}`)}</span>
                <Button
                  kind="quiet"
                  onClick={() => setAsked(one.sliver)}
                  aria-label={t("compute.evict-named", { owner: one.owner || one.box })}
                >
                  {t("compute.evict")}
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {asked === undefined ? null : (
        <Confirm
          title={t("compute.evict")}
          confirm={t("compute.evict")}
          onClose={() => setAsked(undefined)}
          onConfirm={async () => {
            await call("compute.evict", { sliver: asked });
            lent.reload();
          }}
        >
          <p>{t("compute.confirm-evict")}</p>
        </Confirm>
      )}
    </section>
  );
}
