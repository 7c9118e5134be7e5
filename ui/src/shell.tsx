/**
 * The frame of a signed-in reader: the box and its health always in sight, the search that jumps anywhere, the rail,
 * and the page itself. A page that a service brings along gets the same frame as every other.
 */
import more from "lucide-static/icons/ellipsis.svg?raw";
import lens from "lucide-static/icons/search.svg?raw";
import offlineIcon from "lucide-static/icons/wifi-off.svg?raw";
import missing from "lucide-static/icons/signpost.svg?raw";
import { useEffect, useState } from "preact/hooks";
import { live, useResource } from "./box.ts";
import { Button, LinkButton } from "./components/button.tsx";
import { Dialog } from "./components/dialog.tsx";
import { Icon } from "./components/icon.tsx";
import { Loading } from "./components/lazy.tsx";
import { Empty } from "./components/notice.tsx";
import { PageHead } from "./components/page-head.tsx";
import { Jump } from "./jump.tsx";
import { type PageEntry, pages } from "./pages.ts";
import { firstPart, focusHeading, navigate, path, restOf } from "./router.ts";
import { may, session } from "./session.ts";
import { t, word } from "./words.ts";
import { Wishes } from "./wishes.tsx";

/** On a phone the bar holds so many pages; the rest is behind "More". */
const BAR_PAGES_MAX = 4;

function useKeys(openJump: () => void, seen: readonly PageEntry[]) {
  useEffect(() => {
    let afterG = 0;
    const press = (event: KeyboardEvent) => {
      const target = event.target;
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (target instanceof Element && target.closest("input, textarea, select, [contenteditable]")) return;
      if (event.key === "/") {
        event.preventDefault();
        openJump();
      } else if (event.key === "?") navigate("/help");
      else if (event.key === "g") afterG = event.timeStamp;
      else if (/^[1-9]$/.test(event.key) && event.timeStamp - afterG < 1_500) {
        const page = seen[Number(event.key) - 1];
        if (page) navigate(`/${page.path}`);
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [seen.length]);
}

export default function Shell() {
  const [jumping, setJumping] = useState(false);
  const [moreOpen, setMoreOpen] = useState(false);
  const seen = pages.filter((page) => may(page.role));
  const at = firstPart(path.value);
  const page = seen.find((one) => one.path === at);
  useKeys(() => setJumping(true), seen);
  useEffect(() => {
    if (at === "sign-in") navigate("/", true);
  }, [at]);
  return (
    <div class="shell">
      <a class="skip button" href="#main">
        {t("shell.skip")}
      </a>
      <Header onSearch={() => setJumping(true)} />
      <Rail seen={seen} current={page} onMore={() => setMoreOpen(true)} />
      <main id="main" class="page" tabIndex={-1}>
        {page ? (
          <Loading
            key={page.path}
            load={page.load}
            title={word(page.title)}
            props={{ rest: restOf(path.value, page.path) }}
            onDrawn={focusHeading}
          />
        ) : (
          <>
            <PageHead title={t("shell.no-page")} />
            <Empty icon={missing} title={t("shell.no-page-text")}>
              <LinkButton kind="primary" href="/">
                {t("shell.to-home")}
              </LinkButton>
            </Empty>
          </>
        )}
      </main>
      {jumping ? <Jump pages={seen} onClose={() => setJumping(false)} /> : null}
      {moreOpen ? <MorePages seen={seen.slice(BAR_PAGES_MAX)} onClose={() => setMoreOpen(false)} /> : null}
    </div>
  );
}

function Header({ onSearch }: { onSearch: () => void }) {
  const status = useResource("box.status", {}, { events: ["box", "mesh"] });
  const health = status.data?.health ?? session.value?.health ?? "ok";
  const offline = live.offline.value;
  const tone = offline ? "error" : health;
  const name = status.data?.name ?? session.value?.box.name;
  const said = t(offline ? "shell.offline" : `shell.health-${health}`);
  return (
    <>
      <header class="header">
        <a class="where" href="/">
          <span class="names">
            <span class="box-name">{name}</span>
            <span class="health">
              <span class={`dot ${tone}`} />
              {said}
            </span>
          </span>
        </a>
        <button
          type="button"
          class="search-button"
          aria-label={`${t("shell.search-hint")} /`}
          aria-keyshortcuts="/"
          onClick={onSearch}
        >
          <Icon svg={lens} size="s" />
          <span>{t("shell.search-hint")}</span>
          <kbd>/</kbd>
        </button>
        <Wishes />
      </header>
      {offline ? (
        <div class="banner" role="alert">
          <Icon svg={offlineIcon} size="s" />
          {t("shell.offline-text")}
          <Button kind="quiet" onClick={live.retry}>
            {t("shell.retry")}
          </Button>
        </div>
      ) : null}
    </>
  );
}

function Rail({
  seen,
  current,
  onMore,
}: {
  seen: readonly PageEntry[];
  current: PageEntry | undefined;
  onMore: () => void;
}) {
  const beyond = seen.length > BAR_PAGES_MAX + 1 ? BAR_PAGES_MAX : seen.length;
  const hidden = current !== undefined && seen.indexOf(current) >= beyond;
  return (
    <nav class="rail" aria-label={t("shell.pages")}>
      {seen.map((page, index) => (
        <a
          key={page.path}
          href={`/${page.path}`}
          class={index >= beyond ? "beyond" : ""}
          aria-current={page === current ? "page" : undefined}
        >
          <Icon svg={page.icon} />
          {word(page.title)}
        </a>
      ))}
      {beyond < seen.length ? (
        <div class="more">
          <button type="button" aria-haspopup="dialog" aria-current={hidden ? "true" : undefined} onClick={onMore}>
            <Icon svg={more} />
            {t("shell.more")}
          </button>
        </div>
      ) : null}
    </nav>
  );
}

function MorePages({ seen, onClose }: { seen: readonly PageEntry[]; onClose: () => void }) {
  return (
    <Dialog title={t("shell.more")} onClose={onClose}>
      <div class="stack tight">
        {seen.map((page) => (
          <a key={page.path} class="button quiet menu-item" href={`/${page.path}`} onClick={onClose}>
            <Icon svg={page.icon} size="s" />
            {word(page.title)}
          </a>
        ))}
      </div>
    </Dialog>
  );
}
