/** The page of the key-value store: the ring, and a browser of its keys. */
import icon from "lucide-static/icons/key-round.svg?raw";
import type { Page } from "../../../../ui/src/page.ts";
import type { kvContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    kv: typeof kvContract;
  }
  interface Words {
    kv: typeof en;
  }
}

export const pages: Page[] = [{ path: "kv", icon, order: 820, role: "guest", title: "kv.title" }];
