/** The snapshots of a sliver: one more, back to one, away with one. Going back says first what is lost. */
import camera from "lucide-static/icons/camera.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { dateTime } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";

/** A storage that copies takes minutes. */
const TIMEOUT_MS = 5 * 60_000;

interface Asking {
  what: "restore" | "drop";
  name: string;
  takenAt: string;
}

export function SliverSnapshots({ place }: { place: string }) {
  const snapshots = useResource("compute.snapshots", { sliver: place }, { events: [] });
  const [asking, setAsking] = useState<Asking>();
  const take = () =>
    attempt(async () => {
      const all = await call("compute.takeSnapshot", { sliver: place }, { timeoutMs: TIMEOUT_MS });
      snapshots.reload();
      toast(t("compute.snapshot-taken", { name: all.at(-1)?.name ?? "" }));
    });
  return (
    <section class="card stack">
      <p class="soft">{t("compute.snapshot-lead")}</p>
      <Loaded from={snapshots} lines={4}>
        {(list) => (
          <>
            {list.length === 0 ? <Empty icon={camera} title={t("compute.snapshot-none")} /> : null}
            <ul role="list" class="rows">
              {list.map(({ name, takenAt }) => (
                <li key={name}>
                  <span class="grow">
                    <strong>{name}</strong>
                    <br />
                    <span class="soft small">
                      {dateTime(takenAt, language.value)} · <Ago at={takenAt} />
                    </span>
                  </span>
                  <span class="cluster end">
                    <Button
                      kind="danger-quiet"
                      aria-label={t("compute.snapshot-drop-named", { name })}
                      onClick={() => setAsking({ what: "drop", name, takenAt })}
                    >
                      {t("compute.delete")}
                    </Button>
                    <Button
                      aria-label={t("compute.snapshot-restore-named", { name })}
                      onClick={() => setAsking({ what: "restore", name, takenAt })}
                    >
                      {t("compute.snapshot-restore")}
                    </Button>
                  </span>
                </li>
              ))}
            </ul>
            <div class="cluster end">
              <Button kind="primary" onClick={take}>
                {t("compute.snapshot-take")}
              </Button>
            </div>
          </>
        )}
      </Loaded>
      {asking ? (
        <Ask asking={asking} place={place} onClose={() => setAsking(undefined)} onDone={snapshots.reload} />
      ) : null}
    </section>
  );
}

function Ask({
  asking: { what, name, takenAt },
  place,
  onClose,
  onDone,
}: {
  asking: Asking;
  place: string;
  onClose: () => void;
  onDone: () => void;
}) {
  const isBack = what === "restore";
  const title = t(isBack ? "compute.snapshot-restore-named" : "compute.snapshot-drop-named", { name });
  return (
    <Confirm
      title={title}
      confirm={t(isBack ? "compute.snapshot-restore" : "compute.delete")}
      onClose={onClose}
      onConfirm={async () => {
        const input = { sliver: place, name };
        await call(isBack ? "compute.restoreSnapshot" : "compute.dropSnapshot", input, { timeoutMs: TIMEOUT_MS });
        onDone();
        toast(t(isBack ? "compute.snapshot-restored" : "compute.snapshot-dropped", { name }));
      }}
    >
      <p>
        {isBack
          ? t("compute.snapshot-lost", { when: dateTime(takenAt, language.value) })
          : t("compute.confirm-drop-snapshot", { name, sliver: place })}
      </p>
    </Confirm>
  );
}
