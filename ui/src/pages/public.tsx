/** What everybody may see without signing in: the community, its figures and growth, its open services, how to join. */
import open from "lucide-static/icons/external-link.svg?raw";
import signIn from "lucide-static/icons/key-round.svg?raw";
import type { Output } from "../api.ts";
import { useResource } from "../box.ts";
import { LinkButton } from "../components/button.tsx";
import { CopyButton } from "../components/copy.tsx";
import { GrowthChart } from "../components/figures.tsx";
import { Loaded } from "../components/notice.tsx";
import { count, date } from "../format.ts";
import { Front } from "../front.tsx";
import { session } from "../session.ts";
import { language, t } from "../words.ts";
import "../styles/public.css";

type Shown = Output<"discovery.publicPage">;

export default function PublicPage() {
  const page = useResource("discovery.publicPage", {}, { events: ["discovery", "mesh"] });
  return (
    <Front broad>
      <Loaded from={page} lines={8}>
        {(shown) => <Community page={shown} />}
      </Loaded>
    </Front>
  );
}

function Community({ page }: { page: Shown }) {
  const { community, figures, growth } = page;
  const inside = session.value !== null && session.value.role !== "public";
  return (
    <div class="stack wide">
      <header class="hero">
        <h1 tabIndex={-1}>{community?.name ?? page.box.name}</h1>
        <p class="about">{community?.about || t("public.lead")}</p>
        <div class="cluster">
          <LinkButton kind="primary" icon={signIn} href={inside ? "/" : "/sign-in"}>
            {t(inside ? "public.to-my-box" : "sign-in.title")}
          </LinkButton>
          <a class="button plain" href="#join">
            {t("public.how-to-join")}
          </a>
        </div>
      </header>
      <dl class="big-figures">
        {(["boxes", "owners", "zones", "services"] as const).map((key) => (
          <div key={key}>
            <dd class="figure">{count(figures[key], language.value)}</dd>
            <dt>{t(`public.${key}`, { count: figures[key] })}</dt>
          </div>
        ))}
      </dl>
      {growth.length > 1 ? (
        <section class="card stack">
          <h2>{t("public.growth")}</h2>
          <GrowthChart days={growth} />
        </section>
      ) : null}
      <OpenServices services={page.services} />
      <section class="card stack" id="join">
        <h2>{t("public.how-to-join")}</h2>
        <p>{t(`public.join-${page.admission ?? "none"}`, { owner: page.box.owner, box: page.box.name })}</p>
        <ol class="steps">
          <li>{t("public.step-box")}</li>
          <li>{t("public.step-code", { owner: page.box.owner })}</li>
          <li>{t("public.step-join")}</li>
        </ol>
      </section>
      <p class="soft small">
        {t("public.shown-by", { box: page.box.name, owner: page.box.owner, zone: page.box.zone })}
        {community ? ` ${t("public.since", { date: date(community.foundedAt, language.value) })}` : ""}
      </p>
    </div>
  );
}

function OpenServices({ services }: { services: Shown["services"] }) {
  return (
    <section class="stack">
      <h2>{t("public.services-open")}</h2>
      {services.length === 0 ? (
        <p class="soft">{t("public.services-none")}</p>
      ) : (
        <ul role="list" class="cards">
          {services.map((service) => (
            <li key={service.id} class="card stack tight">
              <h3>{service.title}</h3>
              {service.description ? <p>{service.description}</p> : null}
              <p class="soft small">{t("public.service-from", { box: service.box, zone: service.zone })}</p>
              <div class="cluster">
                {service.action === "copy" ? (
                  <CopyButton
                    kind="soft-accent"
                    text={service.url}
                    label={t("shell.copy-address")}
                    about={service.title}
                  />
                ) : (
                  <LinkButton
                    kind="soft-accent"
                    icon={open}
                    outside
                    href={service.url}
                    label={`${t("shell.open")}: ${service.title}`}
                  >
                    {t("shell.open")}
                  </LinkButton>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
