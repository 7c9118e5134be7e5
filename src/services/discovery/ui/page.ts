/** The page of all services of the community. */
import icon from "lucide-static/icons/layout-grid.svg?raw";
import type { Page } from "../../../../ui/src/page.ts";
import type { discoveryContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    discovery: typeof discoveryContract;
  }
  interface Words {
    discovery: typeof en;
  }
}

export const pages: Page[] = [{ path: "services", icon, order: 20, role: "guest", title: "discovery.title" }];
