/**
 * The list itself with its filters. Entries are prepared once per answer; a key press only searches. While the reader
 * is busy with the list, rows keep their places: a change of order waits until the reader asks or is still.
 */
import nothing from "lucide-static/icons/search-x.svg?raw";
import empty from "lucide-static/icons/sprout.svg?raw";
import refresh from "lucide-static/icons/list-restart.svg?raw";
import { useMemo, useRef, useState } from "preact/hooks";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty } from "../../../../ui/src/components/notice.tsx";
import { useStill } from "../../../../ui/src/components/still.ts";
import { VirtualList } from "../../../../ui/src/components/virtual-list.tsx";
import { findable } from "../../../../ui/src/find.ts";
import { may } from "../../../../ui/src/session.ts";
import { steady } from "../../../../ui/src/steady.ts";
import { t } from "../../../../ui/src/words.ts";
import { categoryIcon } from "./kinds.ts";
import { ServiceRow } from "./row.tsx";
import {
  type Category,
  NO_WISH,
  SORTS,
  type Service,
  type Sort,
  type Wish,
  filtered,
  sorted,
  tally,
  wordsOf,
} from "./view.ts";

interface AllProps {
  services: readonly Service[];
  onPublish: () => void;
}

export function AllServices({ services, onPublish }: AllProps) {
  const [wish, setWish] = useState<Wish>(NO_WISH);
  const inOrder = useMemo(() => sorted(services, wish.sort), [services, wish.sort]);
  const entries = useMemo(() => findable(inOrder, wordsOf), [inOrder]);
  const next = useMemo(() => filtered(entries, wish), [entries, wish]);
  const shown = useSteady(next, wish);
  if (services.length === 0) {
    return (
      <Empty icon={empty} title={t("discovery.none")}>
        <p>{t(may("host") ? "discovery.none-host" : "discovery.none-text")}</p>
        {may("host") ? (
          <Button kind="primary" onClick={onPublish}>
            {t("discovery.publish")}
          </Button>
        ) : null}
      </Empty>
    );
  }
  return (
    <div class="stack">
      <Filters services={services} wish={wish} onWish={setWish} />
      <div class="cluster apart">
        <p class="soft small" role="status">
          {t("discovery.count", { count: next.length, all: services.length })}
        </p>
        {shown.stale ? (
          <Button kind="soft-accent" icon={refresh} onClick={shown.renew}>
            {shown.added ? t("discovery.added", { count: shown.added }) : t("discovery.new-order")}
          </Button>
        ) : null}
      </div>
      {shown.rows.length === 0 ? (
        <Empty icon={nothing} title={t("discovery.no-match")}>
          <p>{t("discovery.no-match-text")}</p>
          <Button onClick={() => setWish({ ...NO_WISH, sort: wish.sort })}>{t("discovery.clear")}</Button>
        </Empty>
      ) : (
        <VirtualList
          label={t("discovery.tab-all")}
          class="services"
          items={shown.rows}
          keyOf={({ item }) => item.id}
          row={({ item, gone }) => <ServiceRow service={item} gone={gone} />}
        />
      )}
    </div>
  );
}

/** What to draw: the new order at once after the reader's own wish or when they are still, else the old places. */
function useSteady(next: readonly Service[], wish: Wish) {
  const still = useStill();
  const kept = useRef<{ wish: Wish; ids: string[]; known: Map<string, Service> } | null>(null);
  const [, draw] = useState(0);
  const renew = () => {
    kept.current = null;
    draw((now) => now + 1);
  };
  // What the reader has just published must not wait to be asked for.
  const before = kept.current?.known;
  const ownIsNew = before !== undefined && next.some((service) => service.own && !before.has(service.id));
  if (!kept.current || kept.current.wish !== wish || still || ownIsNew) {
    kept.current = {
      wish,
      ids: next.map((service) => service.id),
      known: new Map(next.map((service) => [service.id, service])),
    };
  }
  const { ids, known } = kept.current;
  const result = useMemo(() => steady(ids, next, (service) => service.id, known), [ids, next]);
  for (const service of next) known.set(service.id, service);
  return { ...result, renew };
}

function Filters({
  services,
  wish,
  onWish,
}: {
  services: readonly Service[];
  wish: Wish;
  onWish: (wish: Wish) => void;
}) {
  const categories = useMemo(() => tally(services, "category"), [services]);
  const zones = useMemo(() => tally(services, "zone"), [services]);
  const owners = useMemo(() => tally(services, "owner"), [services]);
  return (
    <div class="stack tight">
      <div class="filters">
        <input
          type="search"
          aria-label={t("discovery.filter")}
          placeholder={t("discovery.filter")}
          value={wish.query}
          autocomplete="off"
          onInput={(event) => onWish({ ...wish, query: event.currentTarget.value })}
        />
        <Pick
          label={t("discovery.zone")}
          all={t("discovery.all-zones")}
          value={wish.zone}
          values={zones}
          onValue={(zone) => onWish({ ...wish, zone })}
        />
        <Pick
          label={t("discovery.owner")}
          all={t("discovery.all-owners")}
          value={wish.owner}
          values={owners}
          onValue={(owner) => onWish({ ...wish, owner })}
        />
        <select
          aria-label={t("discovery.sort")}
          value={wish.sort}
          onChange={(event) => onWish({ ...wish, sort: event.currentTarget.value as Sort })}
        >
          {SORTS.map((sort) => (
            <option key={sort} value={sort} selected={sort === wish.sort}>
              {t(`discovery.sort-${sort}`)}
            </option>
          ))}
        </select>
      </div>
      <div class="chips" role="group" aria-label={t("discovery.category")}>
        <button
          type="button"
          class="chip"
          aria-pressed={wish.category === ""}
          onClick={() => onWish({ ...wish, category: "" })}
        >
          {t("discovery.all-categories")}
        </button>
        {categories.map(({ value, count }) => (
          <button
            key={value}
            type="button"
            class="chip"
            aria-pressed={wish.category === value}
            onClick={() => onWish({ ...wish, category: wish.category === value ? "" : value })}
          >
            <Icon svg={categoryIcon[value as Category]} size="s" />
            {t(`category.${value as Category}`)} <span class="figure">{count}</span>
          </button>
        ))}
      </div>
    </div>
  );
}

interface PickProps {
  label: string;
  all: string;
  value: string;
  values: readonly { value: string; count: number }[];
  onValue: (value: string) => void;
}

function Pick({ label, all, value, values, onValue }: PickProps) {
  if (values.length < 2) return null;
  return (
    <select aria-label={label} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
      <option value="" selected={value === ""}>
        {all}
      </option>
      {values.map((one) => (
        <option
          key={one.value}
          value={one.value}
          selected={one.value === value}
        >{`${one.value} (${one.count})`}</option>
      ))}
    </select>
  );
}
