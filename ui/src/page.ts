/**
 * What a service says about a page of its own, in services/NAME/ui/page.ts. The shell reads it at the start for the
 * rail and the search; the component itself, services/NAME/ui/PANEL.tsx, is loaded when somebody goes there.
 */
import type { Role } from "../../src/kernel/contract.ts";

export interface Page {
  /** Below the root: "services" is /services and all below it; "" is the first page. */
  path: string;
  /** The text of an SVG file, imported with `?raw`. */
  icon: string;
  /** Place in the rail, smallest first. */
  order: number;
  /** The weakest role that sees it. */
  role: Role;
  /** Word key of its name. */
  title: string;
  /** Open to everybody who has its address, in the frame of the pages without signing in; not in the rail. */
  front?: true;
  /** The file beside page.ts that draws it, without ".tsx"; by default "panel". */
  panel?: string;
}

/** What the shell hands to a panel. */
export interface PanelProps {
  /** What follows the page's own path, decoded, without slashes at the ends. */
  rest: string;
}
