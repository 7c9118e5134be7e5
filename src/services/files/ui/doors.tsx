/** For the host: the two doors by which devices come in, open or closed. */
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import type { Resource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Switch } from "../../../../ui/src/components/field.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";

type Status = Output<"files.status">;

/** Where nothing else stands by habit; another one can be set in the settings. */
const USUAL = { webdav: 7080, sftp: 2022 } as const;
const DOORS = ["webdav", "sftp"] as const;

export function Doors({ status }: { status: Resource<Status> }) {
  const [busy, setBusy] = useState(false);
  const turn = async (door: (typeof DOORS)[number], on: boolean, port: number) => {
    setBusy(true);
    const wish = on ? port || USUAL[door] : 0;
    await attempt(() => call("files.access", door === "webdav" ? { webdavPort: wish } : { sftpPort: wish }));
    status.reload();
    setBusy(false);
  };
  return (
    <section class="card stack">
      <h2>{t("files.doors")}</h2>
      <Loaded from={status} lines={2}>
        {({ access }) => (
          <>
            {DOORS.map((door) => {
              const { on, port, url, reason } = access[door];
              return (
                <div key={door} class="stack tight">
                  <Switch
                    label={t(`files.${door}`)}
                    hint={t(`files.${door}-hint`)}
                    checked={on || reason !== null}
                    disabled={busy}
                    onChecked={(checked) => void turn(door, checked, port)}
                  />
                  {on && url ? (
                    <div class="with-button">
                      <code class="code">{url}</code>
                      <CopyButton text={url} bare about={t(`files.${door}`)} />
                    </div>
                  ) : null}
                  {reason ? <Notice tone="error" title={t("files.door-failed", { port, reason })} /> : null}
                </div>
              );
            })}
          </>
        )}
      </Loaded>
    </section>
  );
}
