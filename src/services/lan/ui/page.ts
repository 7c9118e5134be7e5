/** What is heard on the local network has no page of its own: it stands on the page of the services. */
import type { Page } from "../../../../ui/src/page.ts";
import type { lanContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    lan: typeof lanContract;
  }
  interface Words {
    lan: typeof en;
  }
}

export const pages: Page[] = [];
