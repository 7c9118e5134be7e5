/** The storage servers that the files lie on; for the host, lists of them that go out and come in. */
import drop from "lucide-static/icons/x.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { call, openStream, send } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { bytes, milliseconds } from "../../../../ui/src/format.ts";
import { may } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { chooseFiles } from "./choose.tsx";
import { SERVERS_YAML_MAX_BYTES } from "./limits.ts";

type Status = Output<"files.status">;
type Server = Status["grid"]["servers"][number];

const TONES = { up: "good", slow: "warn", away: "bad", unknown: "" } as const;

export function Servers({ status, onChange }: { status: Status; onChange: () => void }) {
  const { servers, needed, total } = status.grid;
  return (
    <section class="card stack">
      <h2>{t("files.servers")}</h2>
      <p class="soft">{t("files.servers-text", { needed, total })}</p>
      {servers.length === 0 ? (
        <p>{t("files.servers-none")}</p>
      ) : (
        <ul role="list" class="rows">
          {servers.map((server) => (
            <ServerRow key={server.id} server={server} onDropped={onChange} />
          ))}
        </ul>
      )}
      {may("host") ? <Lists onChange={onChange} /> : null}
    </section>
  );
}

function ServerRow({ server, onDropped }: { server: Server; onDropped: () => void }) {
  const { id, name, box, owner, zone, state, availableBytes, responseMs, origin } = server;
  const facts = [
    [owner, zone].filter(Boolean).join(", "),
    availableBytes === null ? "" : t("files.server-free", { size: bytes(availableBytes, language.value) }),
    responseMs === null ? "" : milliseconds(responseMs, language.value),
    origin === "list" ? t("files.server-list") : "",
  ].filter(Boolean);
  const take = () =>
    attempt(
      async () => {
        await call("files.dropServer", { id });
        onDropped();
      },
      t("files.server-dropped", { name }),
    );
  return (
    <li>
      <span class={`dot ${TONES[state]}`} />
      <div class="grow">
        {box ? <a href={`/boxes/${encodeURIComponent(box)}`}>{name}</a> : <strong>{name}</strong>}{" "}
        <span class="soft small">{t(`files.server-${state}`)}</span>
        <div class="soft small figure">{facts.join(" · ")}</div>
      </div>
      {origin === "list" && may("host") ? (
        <Button
          kind="quiet"
          icon={drop}
          aria-label={`${t("files.server-drop")}: ${name}`}
          title={t("files.server-drop")}
          onClick={take}
        />
      ) : null}
    </li>
  );
}

function Lists({ onChange }: { onChange: () => void }) {
  const [busy, setBusy] = useState(false);
  const give = () =>
    attempt(async () => {
      const stream = await openStream("files.exportServers", {}, new AbortController().signal);
      const text = await new Response(stream).text();
      const link = document.createElement("a");
      link.href = `data:application/yaml;charset=utf-8,${encodeURIComponent(text)}`;
      link.download = "servers.yaml";
      link.click();
    });
  const take = async () => {
    const [chosen] = (await chooseFiles("files", ".yaml,.yml")).files;
    if (!chosen) return;
    if (chosen.file.size > SERVERS_YAML_MAX_BYTES) return toast(t("files.servers-too-large"));
    setBusy(true);
    await attempt(async () => {
      const { added } = await send("files.importServers", {}, chosen.file, { signal: new AbortController().signal });
      toast(t("files.servers-added", { count: added }));
      onChange();
    });
    setBusy(false);
  };
  return (
    <details>
      <summary>{t("files.lists")}</summary>
      <div class="stack tight">
        <p class="soft small">{t("files.lists-text")}</p>
        <div class="cluster">
          <Button onClick={give}>{t("files.servers-export")}</Button>
          <Button busy={busy} onClick={() => void take()}>
            {t("files.servers-import")}
          </Button>
        </div>
      </div>
    </details>
  );
}
