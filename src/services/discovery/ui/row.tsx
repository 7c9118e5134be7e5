/** One service in the list: what it is, where, how good from here, and the right thing to do with it. */
import away from "lucide-static/icons/cloud-off.svg?raw";
import listen from "lucide-static/icons/headphones.svg?raw";
import open from "lucide-static/icons/external-link.svg?raw";
import stop from "lucide-static/icons/square.svg?raw";
import { Button, LinkButton } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { t, word } from "../../../../ui/src/words.ts";
import { categoryIcon } from "./kinds.ts";
import { play, playing } from "./player.tsx";
import { QualityMark } from "./quality-mark.tsx";
import type { Service } from "./view.ts";

export function ServiceAction({ service }: { service: Service }) {
  const usable = service.state === "up" || service.own;
  if (service.action === "listen" && usable) {
    const on = playing.value?.id === service.id;
    return (
      <Button
        kind={on ? "primary" : "soft-accent"}
        icon={on ? stop : listen}
        aria-label={`${t(on ? "discovery.stop" : "discovery.listen")}: ${service.title}`}
        onClick={() => play(on ? null : service)}
      >
        {t(on ? "discovery.stop" : "discovery.listen")}
      </Button>
    );
  }
  if (service.action === "open" && usable) {
    return (
      <LinkButton
        kind="soft-accent"
        icon={open}
        href={service.url}
        outside
        label={`${t("discovery.open")}: ${service.title}`}
      >
        {t("discovery.open")}
      </LinkButton>
    );
  }
  return <CopyButton kind="soft-accent" text={service.url} label={t("shell.copy")} about={service.title} />;
}

export function ServiceRow({ service, gone = false }: { service: Service; gone?: boolean }) {
  const grey = gone || service.state === "away" || service.state === "withdrawn";
  return (
    <article class={`service ${grey ? "grey" : ""}`}>
      <span class="service-icon">
        <Icon svg={grey ? away : categoryIcon[service.category]} />
      </span>
      <div class="service-words">
        <a class="service-title" href={`/services/${encodeURIComponent(service.id)}`}>
          {service.title}
        </a>
        <span class="soft small line">
          {gone ? (
            t("discovery.gone")
          ) : service.state === "up" ? null : (
            <>
              <span class={`badge ${service.state === "failing" ? "bad" : ""}`}>
                {t(`discovery.state-${service.state}`)}
              </span>{" "}
            </>
          )}
          {gone ? null : t("discovery.from", { box: service.box, owner: service.owner, zone: service.zone })}
        </span>
        <span class="soft small line">{service.own && service.reason ? reasonText(service) : service.description}</span>
      </div>
      <div class="service-quality">
        <QualityMark service={service} />
      </div>
      <div class="service-action">
        <ServiceAction service={service} />
      </div>
    </article>
  );
}

/** Why an own service is not up: a word key, or text that the box sent. */
export function reasonText(service: Service): string {
  return service.reason ? word(service.reason, {}, word(`check-reason.${service.reason}`, {}, service.reason)) : "";
}
