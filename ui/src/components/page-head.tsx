/** The head of every page: its name (which gets the focus after a move), a sentence, and what can be done here. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { session } from "../session.ts";

interface PageHeadProps {
  title: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}

export function PageHead({ title, children, actions }: PageHeadProps) {
  const box = session.value?.box.name;
  useEffect(() => {
    document.title = box ? `${title} · ${box}` : title;
  }, [title, box]);
  return (
    <div class="page-head">
      <div class="words">
        <h1 tabIndex={-1}>{title}</h1>
        {children ? <p>{children}</p> : null}
      </div>
      {actions ? <div class="cluster">{actions}</div> : null}
    </div>
  );
}

/** Parts of one page, each with an address of its own. */
export function Tabs({
  label,
  tabs,
}: {
  label: string;
  tabs: readonly { href: string; text: string; on: boolean; count?: number }[];
}) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ href, text, on, count }) => (
        <a key={href} href={href} aria-current={on ? "page" : undefined}>
          {text}
          {count ? (
            <>
              {" "}
              <span class="badge">{count}</span>
            </>
          ) : null}
        </a>
      ))}
    </nav>
  );
}
