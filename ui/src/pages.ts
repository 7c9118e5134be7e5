/**
 * The pages that services bring along, found by folder. Names and icons are part of the first load; the pages
 * themselves come when somebody goes there.
 */
import helpIcon from "lucide-static/icons/circle-question-mark.svg?raw";
import type { ComponentType } from "preact";
import type { Page, PanelProps } from "./page.ts";

type Loader = () => Promise<{ default: ComponentType<PanelProps> }>;

const told = import.meta.glob<Page[]>("../../src/services/*/ui/page.ts", { import: "pages", eager: true });
const panels = import.meta.glob<{ default: ComponentType<PanelProps> }>("../../src/services/*/ui/panel*.tsx");

export interface PageEntry extends Page {
  load: Loader;
}

const help: PageEntry = {
  path: "help",
  icon: helpIcon,
  order: 900,
  role: "guest",
  title: "help.title",
  load: () => import("./pages/help.tsx"),
};

function fromServices(): PageEntry[] {
  const found: PageEntry[] = [];
  for (const [file, pages] of Object.entries(told)) {
    for (const page of pages) {
      const load = panels[file.replace(/page\.ts$/, `${page.panel ?? "panel"}.tsx`)];
      if (load) found.push({ ...page, load });
    }
  }
  return found;
}

const all = [...fromServices(), help].toSorted((a, b) => a.order - b.order);

export const pages: readonly PageEntry[] = all.filter(({ front }) => !front);
/** Those that need no signing in. */
export const frontPages: readonly PageEntry[] = all.filter(({ front }) => front);
