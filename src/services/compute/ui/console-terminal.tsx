/**
 * A terminal in a sliver. What it says stays to be read when it has ended; a line that was cut is opened again by
 * itself, with a new shell.
 *
 *   opening ─► open ─┬─ exit ───────────────► ended   ─┐
 *      ▲             ├─ the box says why ───► failed  ─┤ "Open again"
 *      │             └─ nothing was said ───► cut     ─┤
 *      └────────────── after 1 s, doubled to 15 s ◄────┘ (cut)
 */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { ErrorNotice, Notice } from "../../../../ui/src/components/notice.tsx";
import { openSocket } from "../../../../ui/src/socket.ts";
import type { Socket } from "../../../../ui/src/socket.ts";
import { t } from "../../../../ui/src/words.ts";
import { beginStrictStyles } from "../../../../ui/src/strict-styles.ts";

type State =
  | { state: "opening" | "open" | "cut" }
  | { state: "ended"; code: number }
  | { state: "failed"; error: ApiError };

const AGAIN_MS_MIN = 1_000;
const AGAIN_MS_MAX = 15_000;
const SCROLLBACK_LINES = 5_000;
const FONT_PX = 14;
/** The box is told when so much more was drawn; it sends only so far ahead. */
const SHOWN_BYTES = 32 * 1024;
/** Of WCAG 2.2, also for what a program colours without thinking of light pages. */
const CONTRAST_MIN = 4.5;

export default function ConsoleTerminal({ place }: { place: string }) {
  const screen = useRef<HTMLDivElement>(null);
  const again = useRef<() => void>(() => {});
  const [now, setNow] = useState<State>({ state: "opening" });
  useEffect(() => {
    const { open, end } = begin(screen.current!, place, setNow);
    again.current = open;
    return end;
  }, [place]);
  return (
    <>
      <Standing now={now} place={place} />
      {now.state === "opening" || now.state === "open" ? null : (
        <div class="cluster end">
          <Button kind="primary" onClick={() => again.current()}>
            {t("compute.console-again")}
          </Button>
        </div>
      )}
      <div class="console-screen" ref={screen} />
      <p class="soft small">{t("compute.console-keys")}</p>
    </>
  );
}

function Standing({ now, place }: { now: State; place: string }) {
  if (now.state === "failed") return <ErrorNotice error={now.error} />;
  if (now.state === "cut") {
    return (
      <div role="alert">
        <Notice tone="warning" title={t("compute.console-cut")} />
      </div>
    );
  }
  const texts = {
    opening: () => t("compute.console-opening", { place }),
    open: () => t("compute.console-open"),
    ended: () => t("compute.console-ended", { code: now.state === "ended" ? now.code : 0 }),
  };
  return <p role="status">{texts[now.state]()}</p>;
}

/** The terminal on the page, and its line to the box. Gives how to open it again, and how to end it. */
function begin(screen: HTMLElement, place: string, show: (now: State) => void): { open: () => void; end: () => void } {
  Terminal.strings.promptLabel = t("compute.console-screen", { place });
  const endStrictStyles = beginStrictStyles();
  const terminal = new Terminal({
    ...{ screenReaderMode: true, scrollback: SCROLLBACK_LINES },
    ...{ fontSize: FONT_PX, fontFamily: tokenOf("--font-mono"), theme: themeOf(), minimumContrastRatio: CONTRAST_MIN },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(screen);
  fit.fit();
  let line: Socket | undefined;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let againMs = AGAIN_MS_MIN;

  const open = () => {
    clearTimeout(waiting);
    line?.close();
    terminal.reset();
    show({ state: "opening" });
    let drawnBytes = 0;
    const { cols: columns, rows } = terminal;
    const opened = openSocket(
      "compute.console",
      { sliver: place, columns, rows, paced: "true" },
      {
        said() {
          againMs = AGAIN_MS_MIN;
          show({ state: "open" });
          // What was drawn larger meanwhile.
          opened.send({ columns: terminal.cols, rows: terminal.rows });
          terminal.focus();
        },
        bytes: (bytes) =>
          terminal.write(bytes, () => {
            drawnBytes += bytes.length;
            if (drawnBytes < SHOWN_BYTES) return;
            opened.send({ shown: drawnBytes });
            drawnBytes = 0;
          }),
        ended(end) {
          if (end.how === "done") return show({ state: "ended", code: end.output.exitCode });
          if (end.how === "failed") return show({ state: "failed", error: end.error });
          show({ state: "cut" });
          waiting = setTimeout(open, againMs);
          againMs = Math.min(againMs * 2, AGAIN_MS_MAX);
        },
      },
    );
    line = opened;
  };

  const typed = new TextEncoder();
  terminal.onData((text) => line?.send(typed.encode(text)));
  terminal.onBinary((text) => line?.send(Uint8Array.from(text, (char) => char.charCodeAt(0))));
  terminal.onResize(({ cols: columns, rows }) => line?.send({ columns, rows }));
  // All keys are the terminal's; this one leads out of it, as no program waits for it.
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.key !== "F6" || !event.shiftKey) return true;
    if (event.type === "keydown") screen.closest("dialog")?.querySelector("button")?.focus();
    return false;
  });
  const seen = new ResizeObserver(() => fit.fit());
  seen.observe(screen);
  const themed = new MutationObserver(() => void (terminal.options.theme = themeOf()));
  themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  open();
  return {
    open,
    end() {
      clearTimeout(waiting);
      seen.disconnect();
      themed.disconnect();
      line?.close();
      terminal.dispose();
      endStrictStyles();
    },
  };
}

const tokenOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function themeOf() {
  const [foreground, background] = [tokenOf("--ink"), tokenOf("--surface")];
  const [selectionBackground, cursor] = [tokenOf("--accent-soft"), tokenOf("--accent")];
  return { foreground, background, cursor, cursorAccent: background, selectionBackground };
}
