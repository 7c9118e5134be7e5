/** The page of files: a member's own, what is shared, trash, devices, space; and the page behind a link. */
import icon from "lucide-static/icons/folder.svg?raw";
import type { Page } from "../../../../ui/src/page.ts";
import type { filesContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    files: typeof filesContract;
  }
  interface Words {
    files: typeof en;
  }
}

export const pages: Page[] = [
  { path: "files", icon, order: 15, role: "guest", title: "files.title" },
  { path: "shared", icon, order: 0, role: "public", title: "files.shared-with", front: true, panel: "panel-shared" },
];
