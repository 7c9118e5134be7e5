/** Makes a slice: a name, an image, how many, how large, how far apart. The rest has sensible values. */
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button, LinkButton } from "../../../../ui/src/components/button.tsx";
import { SelectField, Switch } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { t } from "../../../../ui/src/words.ts";
import { NameField, isName } from "./name-field.tsx";
import { HOSTS_TIMEOUT_MS } from "./patience.ts";

const MEMORIES = ["128MiB", "256MiB", "512MiB", "1GiB", "2GiB", "4GiB"];
const DISKS = ["512MiB", "1GiB", "4GiB", "10GiB", "20GiB"];
const COUNTS = ["1", "2", "3", "5", "8"];
const APARTS = ["box", "owner", "zone", "none"] as const;

export function LaunchForm({ onDone, onCancel }: { onDone: () => void; onCancel: () => void }) {
  const images = useResource("compute.images", {}, { events: ["compute"] });
  const [name, setName] = useState("");
  const [image, setImage] = useState("");
  const [slivers, setSlivers] = useState("1");
  const [memory, setMemory] = useState("512MiB");
  const [disk, setDisk] = useState("1GiB");
  const [apart, setApart] = useState<string>("box");
  const [recreate, setRecreate] = useState(false);
  const plain = (all: readonly string[]) =>
    all.map((value) => ({ value, label: value.replace(/(\d)([A-Z])/, "$1 $2") }));
  return (
    <section class="card stack">
      <h2>{t("compute.launch")}</h2>
      <Loaded from={images}>
        {(list) => {
          if (list.length === 0) return <NoImages onCancel={onCancel} />;
          const chosen = image || list[0]!.name;
          const make = async () => {
            const wish = { name, image: chosen, slivers: Number(slivers), memory, disk, recreate };
            await call("compute.launch", { ...wish, apart: apart as "box" }, { timeoutMs: HOSTS_TIMEOUT_MS });
            onDone();
          };
          return (
            <Form
              submit={t("compute.launch")}
              ready={isName(name)}
              running={t("compute.waiting")}
              onSubmit={make}
              beside={<Button onClick={onCancel}>{t("compute.cancel")}</Button>}
            >
              <NameField {...{ name, setName }} autofocus />
              <SelectField
                label={t("compute.image")}
                value={chosen}
                onValue={setImage}
                options={list.map((one) => ({ value: one.name, label: `${one.name} · ${one.owner}` }))}
              />
              <SelectField label={t("compute.slivers")} value={slivers} onValue={setSlivers} options={plain(COUNTS)} />
              <SelectField label={t("compute.memory")} value={memory} onValue={setMemory} options={plain(MEMORIES)} />
              <SelectField label={t("compute.disk")} value={disk} onValue={setDisk} options={plain(DISKS)} />
              <SelectField
                label={t("compute.apart")}
                value={apart}
                onValue={setApart}
                options={APARTS.map((value) => ({ value, label: t(`compute.apart-${value}`) }))}
              />
              <Switch
                label={t("compute.recreate")}
                hint={t("compute.recreate-hint")}
                checked={recreate}
                onChecked={setRecreate}
              />
            </Form>
          );
        }}
      </Loaded>
    </section>
  );
}

function NoImages({ onCancel }: { onCancel: () => void }) {
  return (
    <>
      <Notice tone="info" title={t("compute.no-images")} />
      <div class="cluster end">
        <Button onClick={onCancel}>{t("compute.cancel")}</Button>
        <LinkButton kind="primary" href="/compute/images">
          {t("compute.tab-images")}
        </LinkButton>
      </div>
    </>
  );
}
