/** The frame of the pages that need no signing in: the name, the reader's wishes, one calm column. */
import type { ComponentChildren } from "preact";
import mark from "lucide-static/icons/sprout.svg?raw";
import { useEffect } from "preact/hooks";
import { Icon } from "./components/icon.tsx";
import { Wishes } from "./wishes.tsx";
import { session } from "./session.ts";

export function Front({ children, broad = false }: { children?: ComponentChildren; broad?: boolean }) {
  const name = session.value?.community?.name ?? session.value?.box.name;
  useEffect(() => {
    if (name) document.title = name;
  }, [name]);
  return (
    <div class="front">
      <header>
        <a class="mark" href="/">
          <Icon svg={mark} />
          {name || "Comú"}
        </a>
        <Wishes />
      </header>
      <main class={broad ? "broad" : ""}>{children}</main>
    </div>
  );
}
