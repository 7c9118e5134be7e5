/** The page of the accounts of this box; everybody reaches their own account here. */
import icon from "lucide-static/icons/users.svg?raw";
import type { Page } from "../../../../ui/src/page.ts";
import type { peopleContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    people: typeof peopleContract;
  }
  interface Words {
    people: typeof en;
  }
}

export const pages: Page[] = [{ path: "people", icon, order: 700, role: "guest", title: "people.title" }];
