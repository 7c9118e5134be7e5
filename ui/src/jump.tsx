/**
 * The search that jumps anywhere: pages, services, boxes. One field, arrow keys and Enter; works the same with a
 * finger. It asks the box only when it is opened.
 */
import boxIcon from "lucide-static/icons/server.svg?raw";
import serviceIcon from "lucide-static/icons/layout-grid.svg?raw";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useResource } from "./box.ts";
import { Icon } from "./components/icon.tsx";
import { JUMP_RESULTS_MAX } from "./constants.ts";
import { find, findable } from "./find.ts";
import type { PageEntry } from "./pages.ts";
import { navigate } from "./router.ts";
import { t, word } from "./words.ts";

interface Target {
  group: "pages" | "services" | "boxes";
  icon: string;
  title: string;
  detail: string;
  href: string;
}

/** The field steers a list of our own, not a <datalist>; the element types know only the latter. */
const COMBOBOX = { role: "combobox", "aria-expanded": true } as object;

function useTargets(pages: readonly PageEntry[], query: string): Target[] {
  const services = useResource("discovery.list", { all: "false" }).data;
  const boxes = useResource("mesh.boxes", { all: "false" }).data;
  const entries = useMemo(
    () => ({
      pages: findable(
        pages.map((page): Target => ({
          group: "pages",
          icon: page.icon,
          title: word(page.title),
          detail: "",
          href: `/${page.path}`,
        })),
        (target) => [target.title],
      ),
      services: findable(
        (services ?? []).map((service): Target => ({
          group: "services",
          icon: serviceIcon,
          title: service.title,
          detail: service.box,
          href: `/services/${encodeURIComponent(service.id)}`,
        })),
        (target) => [target.title, target.detail],
      ),
      boxes: findable(
        (boxes ?? []).map((box): Target => ({
          group: "boxes",
          icon: boxIcon,
          title: box.name,
          detail: [box.owner, box.zone].filter(Boolean).join(", "),
          href: `/boxes/${encodeURIComponent(box.id)}`,
        })),
        (target) => [target.title, target.detail],
      ),
    }),
    [pages.length, services, boxes],
  );
  return [entries.pages, entries.services, entries.boxes].flatMap((list, index) =>
    query || index === 0 ? find(list, query).slice(0, index === 0 && !query ? undefined : JUMP_RESULTS_MAX) : [],
  );
}

export function Jump({ pages, onClose }: { pages: readonly PageEntry[]; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const targets = useTargets(pages, query);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => document.getElementById(`jump-${at}`)?.scrollIntoView({ block: "nearest" }), [at]);
  const go = (target: Target | undefined) => {
    if (!target) return;
    onClose();
    navigate(target.href);
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && targets.length) {
      event.preventDefault();
      setAt((at + step + targets.length) % targets.length);
    } else if (event.key === "Enter") go(targets[at]);
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label={t("shell.search")}
      onCancel={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <input
        type="search"
        {...COMBOBOX}
        aria-label={t("shell.search")}
        aria-controls="jump-list"
        aria-activedescendant={targets[at] ? `jump-${at}` : undefined}
        placeholder={t("shell.search-hint")}
        autocomplete="off"
        autofocus
        value={query}
        onKeyDown={press}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
      />
      <Found targets={targets} at={at} onAt={setAt} onGo={go} />
      {targets.length ? null : (
        <p class="empty" role="status">
          {t("shell.search-none")}
        </p>
      )}
    </dialog>
  );
}

interface FoundProps {
  targets: readonly Target[];
  at: number;
  onAt: (index: number) => void;
  onGo: (target: Target) => void;
}

function Found({ targets, at, onAt, onGo }: FoundProps) {
  return (
    <div class="found" id="jump-list" role="listbox" aria-label={t("shell.search-found")}>
      {targets.map((target, index) => (
        <div key={target.href}>
          {targets[index - 1]?.group === target.group ? null : (
            <div class="group" aria-hidden="true">
              {t(`shell.search-${target.group}`)}
            </div>
          )}
          <div
            id={`jump-${index}`}
            role="option"
            aria-selected={index === at}
            onClick={() => onGo(target)}
            onPointerMove={() => onAt(index)}
          >
            <Icon svg={target.icon} size="s" />
            <span class="grow">
              {target.title} <span class="soft small">{target.detail}</span>
            </span>
          </div>
        </div>
      ))}
    </div>
  );
}
