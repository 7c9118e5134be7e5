/** The ports of one sliver that the community sees, and the form that publishes one. */
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";
import { Trouble } from "./trouble.tsx";

const PORT = /^[1-9]\d{0,4}$/;
const PORT_MAX = 65_535;
/** Its address is known when the record is: without an event when its host is another box. */
const REFRESH_MS = 3_000;

export function SliverPorts({ name, number }: { name: string; number: number }) {
  const all = useResource("compute.published", {}, { events: ["compute", "discovery"], everyMs: REFRESH_MS });
  const [port, setPort] = useState("");
  const [title, setTitle] = useState("");
  const sliver = `${name}/${number}`;
  const isPort = PORT.test(port) && Number(port) <= PORT_MAX;
  const publish = async () => {
    const wish = { sliver, port: Number(port), ...(title.trim() ? { title } : {}) };
    await call("compute.publishPort", wish);
    toast(t("compute.port-published", { port }));
    setPort("");
    setTitle("");
    all.reload();
  };
  const drop = (wanted: number, called: string) =>
    attempt(
      async () => {
        await call("compute.unpublishPort", { sliver, port: wanted });
        all.reload();
      },
      t("compute.port-dropped", { port: wanted }),
      async () => {
        await call("compute.publishPort", { sliver, port: wanted, title: called });
        all.reload();
      },
    );
  return (
    <>
      <section class="card stack">
        <h2>{t("compute.ports")}</h2>
        <p class="soft">{t("compute.ports-lead")}</p>
        <Loaded from={all}>
          {(list) => {
            const own = list.filter((one) => one.slice === name && one.number === number);
            if (own.length === 0) return <p>{t("compute.ports-none")}</p>;
            return (
              <ul role="list" class="rows">
                {own.map((one) => (
                  <li key={one.port}>
                    <span class="grow">
                      <strong>{one.title}</strong> <span class="soft">{one.port}</span>
                      <br />
                      {one.why !== null ? (
                        <Trouble code={one.why} />
                      ) : one.url === null ? (
                        <span class="soft small">{t("compute.port-waits")}</span>
                      ) : (
                        <a href={one.url} rel="noopener noreferrer" target="_blank">
                          {one.url}
                        </a>
                      )}
                    </span>
                    <Button
                      kind="quiet"
                      onClick={() => drop(one.port, one.title)}
                      aria-label={t("compute.port-drop-named", { port: one.port })}
                    >
                      {t("compute.port-drop")}
                    </Button>
                  </li>
                ))}
              </ul>
            );
          }}
        </Loaded>
      </section>
      <section class="card stack">
        <h2>{t("compute.port-publish")}</h2>
        <Form submit={t("compute.port-publish")} ready={isPort} onSubmit={publish}>
          <TextField
            label={t("compute.port")}
            hint={t("compute.port-hint")}
            wrong={port === "" || isPort ? undefined : t("compute.port-wrong")}
            value={port}
            onValue={setPort}
            maxLength={5}
            inputMode="numeric"
          />
          <TextField label={t("compute.port-title")} value={title} onValue={setTitle} maxLength={80} />
        </Form>
      </section>
    </>
  );
}
