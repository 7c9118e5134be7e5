/** The lower half of Home: what is new nearby, and what waits for the reader. */
import hand from "lucide-static/icons/handshake.svg?raw";
import ear from "lucide-static/icons/ear.svg?raw";
import plug from "lucide-static/icons/unplug.svg?raw";
import add from "lucide-static/icons/user-plus.svg?raw";
import leaf from "lucide-static/icons/leaf.svg?raw";
import newest from "lucide-static/icons/sparkles.svg?raw";
import serverIcon from "lucide-static/icons/server.svg?raw";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty, Skeleton } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";
import { freshThings } from "./fresh.ts";

/** Rows of news; the whole list is one click away. */
const NEWS_MAX = 6;

export function Fresh() {
  const services = useResource("discovery.list", {}).data;
  const boxes = useResource("mesh.boxes", {}).data;
  const things = services && boxes ? freshThings(services, boxes, NEWS_MAX) : undefined;
  return (
    <section class="card stack">
      <h2>{t("home.new")}</h2>
      {!things ? (
        <Skeleton lines={3} />
      ) : things.length === 0 ? (
        <Empty icon={leaf} title={t("home.new-none")}>
          <p>{t("home.new-none-text")}</p>
        </Empty>
      ) : (
        <ul role="list" class="rows">
          {things.map((thing) => (
            <li key={thing.kind + thing.id}>
              <Icon svg={thing.kind === "box" ? serverIcon : newest} size="s" />
              <span class="grow">
                <a href={`/${thing.kind === "box" ? "boxes" : "services"}/${encodeURIComponent(thing.id)}`}>
                  {thing.title}
                </a>
                <br />
                <span class="soft small">
                  {thing.kind === "box"
                    ? t("home.new-box", { zone: thing.from })
                    : t("home.new-service", { box: thing.from })}
                </span>
              </span>
              <span class="soft small">
                <Ago at={thing.since} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface Task {
  icon: string;
  text: string;
  href: string;
  link: string;
}

function useTasks(status: Output<"box.status"> | undefined): Task[] | undefined {
  const boxes = useResource("mesh.boxes", { all: "true" }, { when: may("steward") }).data;
  const own = useResource("discovery.list", { all: "true" }, { when: may("host") }).data;
  const heard = useResource("lan.heard", {}, { when: may("host") }).data;
  if (!status) return undefined;
  const tasks: Task[] = [];
  for (const box of boxes ?? []) {
    if (box.state !== "pending") continue;
    tasks.push({
      icon: hand,
      text: t("home.wait-pending", { box: box.name, owner: box.owner }),
      href: `/boxes/${box.id}`,
      link: t("home.wait-look"),
    });
  }
  for (const service of own ?? []) {
    if (!service.own || service.state !== "failing") continue;
    const href = `/services/${encodeURIComponent(service.id)}`;
    tasks.push({ icon: plug, text: t("home.wait-failing", { title: service.title }), href, link: t("home.wait-why") });
  }
  const unpublished = (heard ?? []).filter((one) => one.published === null).length;
  if (unpublished)
    tasks.push({
      icon: ear,
      text: t("home.wait-heard", { count: unpublished }),
      href: "/services/heard",
      link: t("home.wait-look"),
    });
  if (may("host") && !status.community)
    tasks.push({ icon: add, text: t("home.wait-community"), href: "/boxes", link: t("home.wait-begin") });
  else if (may("host") && status.boxes.known <= 1)
    tasks.push({ icon: add, text: t("home.wait-first"), href: "/boxes/invitations", link: t("home.wait-invite") });
  return tasks;
}

export function Waiting({ status }: { status: Output<"box.status"> | undefined }) {
  const tasks = useTasks(status);
  return (
    <section class="card stack">
      <h2>{t("home.waiting")}</h2>
      {!tasks ? (
        <Skeleton lines={2} />
      ) : tasks.length === 0 ? (
        <Empty icon={leaf} title={t("home.waiting-none")}>
          <p>{t("home.waiting-none-text")}</p>
        </Empty>
      ) : (
        <ul role="list" class="rows">
          {tasks.map((task) => (
            <li key={task.href + task.text}>
              <Icon svg={task.icon} size="s" />
              <span class="grow">{task.text}</span>
              <a class="button soft-accent" href={task.href} aria-label={`${task.link}: ${task.text}`}>
                {task.link}
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
