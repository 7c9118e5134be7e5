/** The two pages of the box itself: Home, and This box for its host. */
import house from "lucide-static/icons/house.svg?raw";
import server from "lucide-static/icons/hard-drive.svg?raw";
import type { Page } from "../../../../ui/src/page.ts";
import type { boxContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    box: typeof boxContract;
  }
  interface Words {
    box: typeof en;
  }
}

export const pages: Page[] = [
  { path: "", icon: house, order: 10, role: "guest", title: "home.title", panel: "panel-home" },
  { path: "box", icon: server, order: 800, role: "host", title: "box.title", panel: "panel-box" },
];
