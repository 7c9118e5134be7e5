/** What the page says about itself: notices, errors with their advice, empty places that tell what to do, waiting. */
import alert from "lucide-static/icons/circle-alert.svg?raw";
import check from "lucide-static/icons/circle-check.svg?raw";
import info from "lucide-static/icons/info.svg?raw";
import warn from "lucide-static/icons/triangle-alert.svg?raw";
import type { ComponentChildren } from "preact";
import type { Resource } from "../box.ts";
import type { ApiError } from "../client.ts";
import { t } from "../words.ts";
import { Button } from "./button.tsx";
import { Icon } from "./icon.tsx";

export type Tone = "ok" | "info" | "warning" | "error";
export const toneIcon: Record<Tone, string> = { ok: check, info, warning: warn, error: alert };

export function Notice({
  tone,
  title,
  children,
  icon,
}: {
  tone: Tone;
  title?: string;
  children?: ComponentChildren;
  icon?: string;
}) {
  return (
    <div class={`notice ${tone}`}>
      <Icon svg={icon ?? toneIcon[tone]} />
      <div>
        {title ? <p class="title">{title}</p> : null}
        {children}
      </div>
    </div>
  );
}

interface ErrorNoticeProps {
  error: ApiError;
  retry?: () => unknown;
  /** What the button says; "try again" where that fits. */
  label?: string | undefined;
}

/** A failure: what happened, what to do, and a way to try again. */
export function ErrorNotice({ error, retry, label }: ErrorNoticeProps) {
  return (
    <div role="alert">
      <Notice tone="error" title={error.message}>
        {error.advice ? <p>{error.advice}</p> : null}
        {retry ? (
          <p>
            <Button kind="quiet" onClick={retry}>
              {label ?? t("shell.retry")}
            </Button>
          </p>
        ) : null}
      </Notice>
    </div>
  );
}

export function Empty({ icon, title, children }: { icon: string; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon svg={icon} size="xl" />
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Skeleton({ lines = 4 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={t("shell.loading")}>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

interface LoadedProps<T> {
  from: Resource<T>;
  lines?: number;
  children: (data: T) => ComponentChildren;
}

/** The three states of anything that comes from the box. What is already there stays in view when a refresh fails. */
export function Loaded<T>({ from, lines = 4, children }: LoadedProps<T>) {
  if (from.data !== undefined) {
    return (
      <>
        {from.error ? <ErrorNotice error={from.error} retry={from.reload} /> : null}
        {children(from.data)}
      </>
    );
  }
  if (from.error) return <ErrorNotice error={from.error} retry={from.reload} />;
  return <Skeleton lines={lines} />;
}
