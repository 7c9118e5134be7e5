/** Devices that open the reader's files: a password for each, shown once, and how each system takes it. */
import phone from "lucide-static/icons/smartphone.svg?raw";
import plus from "lucide-static/icons/plus.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { type Resource, useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Confirm, Dialog } from "../../../../ui/src/components/dialog.tsx";
import { AreaField, Switch, TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty, Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";
import { Doors } from "./doors.tsx";

type Device = Output<"files.devices">[number];
type Made = Output<"files.addDevice">;
type Status = Output<"files.status">;

const SYSTEMS = ["windows", "mac", "linux", "android", "ios"] as const;

export function Devices({ status }: { status: Resource<Status> }) {
  const devices = useResource("files.devices", {}, { events: ["files.changed"] });
  const [adding, setAdding] = useState(false);
  const [taking, setTaking] = useState<Device>();
  const { access } = status.data ?? {};
  const isOpen = access !== undefined && (access.webdav.on || access.sftp.on);
  return (
    <div class="stack wide">
      {access && !isOpen ? (
        <Notice tone="info" title={t("files.doors-closed")}>
          <p>{t(may("host") ? "files.doors-closed-host" : "files.doors-closed-ask")}</p>
        </Notice>
      ) : null}
      <section class="card stack">
        <div class="cluster apart">
          <h2>{t("files.devices")}</h2>
          <Button kind="primary" icon={plus} onClick={() => setAdding(true)}>
            {t("files.device-add")}
          </Button>
        </div>
        <p class="soft">{t("files.devices-text")}</p>
        <Loaded from={devices} lines={2}>
          {(all) =>
            all.length === 0 ? (
              <Empty icon={phone} title={t("files.devices-none")} />
            ) : (
              <ul role="list" class="rows">
                {all.map((device) => (
                  <DeviceRow key={device.id} device={device} onTake={() => setTaking(device)} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
      {may("host") ? <Doors status={status} /> : null}
      {adding ? (
        <AddDevice
          access={access}
          onClose={() => {
            setAdding(false);
            devices.reload();
          }}
        />
      ) : null}
      {taking ? (
        <Confirm
          title={t("files.device-drop-title", { name: taking.name })}
          confirm={t("files.device-drop")}
          onConfirm={async () => {
            await call("files.dropDevice", { id: taking.id });
            toast(t("files.device-dropped", { name: taking.name }));
            devices.reload();
          }}
          onClose={() => setTaking(undefined)}
        >
          <p>{t("files.device-drop-text")}</p>
        </Confirm>
      ) : null}
    </div>
  );
}

function DeviceRow({ device, onTake }: { device: Device; onTake: () => void }) {
  const { name, user, mayWrite, path, lastUsedAt } = device;
  return (
    <li>
      <Icon svg={phone} />
      <div class="grow">
        <strong>{name}</strong> <span class="badge">{t(mayWrite ? "files.mode-write" : "files.mode-read")}</span>
        <div class="soft small">
          {t("files.device-user", { user })}
          {path === "/" ? "" : ` · ${path}`} ·{" "}
          {lastUsedAt ? (
            <>
              {t("files.device-used")} <Ago at={lastUsedAt} />
            </>
          ) : (
            t("files.device-unused")
          )}
        </div>
      </div>
      <Button kind="danger-quiet" aria-label={`${t("files.device-drop")}: ${name}`} onClick={onTake}>
        {t("files.device-drop")}
      </Button>
    </li>
  );
}

function AddDevice({ access, onClose }: { access: Status["access"] | undefined; onClose: () => void }) {
  const [name, setName] = useState("");
  const [mayWrite, setMayWrite] = useState(true);
  const [publicKey, setPublicKey] = useState("");
  const [made, setMade] = useState<Made>();
  const add = async () => {
    const key = publicKey.trim();
    setMade(await call("files.addDevice", { name: name.trim(), mayWrite, ...(key === "" ? {} : { publicKey: key }) }));
  };
  if (made) {
    return (
      <Dialog title={t("files.device-made", { name: made.name })} onClose={onClose}>
        <Secrets made={made} access={access} />
        <div class="cluster end">
          <Button kind="primary" onClick={onClose}>
            {t("files.device-noted")}
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={t("files.device-add")} onClose={onClose}>
      <Form submit={t("files.device-go")} ready={name.trim() !== ""} onSubmit={add}>
        <TextField
          label={t("files.device-name")}
          hint={t("files.device-name-hint")}
          value={name}
          onValue={setName}
          maxLength={60}
          required
          autofocus
          autocomplete="off"
        />
        <Switch
          label={t("files.device-write")}
          hint={t("files.device-write-hint")}
          checked={mayWrite}
          onChecked={setMayWrite}
        />
        <details>
          <summary>{t("files.device-key")}</summary>
          <AreaField
            label={t("files.device-key-label")}
            hint={t("files.device-key-hint")}
            value={publicKey}
            onValue={setPublicKey}
            maxLength={4000}
            spellcheck={false}
          />
        </details>
      </Form>
    </Dialog>
  );
}

function Secrets({ made, access }: { made: Made; access: Status["access"] | undefined }) {
  const lines: [string, string][] = [
    [t("files.device-user-label"), made.user],
    [t("files.device-password"), made.password],
  ];
  if (access?.webdav.url) lines.push([t("files.webdav"), access.webdav.url]);
  if (access?.sftp.url) lines.push([t("files.sftp"), access.sftp.url]);
  return (
    <div class="stack">
      <Notice tone="warning" title={t("files.device-once")}>
        <p>{t("files.device-once-text")}</p>
      </Notice>
      <dl class="stack tight">
        {lines.map(([label, value]) => (
          <div key={label}>
            <dt class="soft small">{label}</dt>
            <dd class="with-button">
              <code class="code">{value}</code>
              <CopyButton text={value} bare about={label} />
            </dd>
          </div>
        ))}
      </dl>
      <section class="stack tight">
        <h3>{t("files.how")}</h3>
        <dl class="facts">
          {SYSTEMS.map((system) => (
            <div key={system} class="files-system">
              <dt>{t(`files.system-${system}`)}</dt>
              <dd>{t(`files.how-${system}`)}</dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  );
}
