/** The page of compute: one's slices, what this box lends, and images. */
import icon from "lucide-static/icons/cpu.svg?raw";
import type { Page } from "../../../../ui/src/page.ts";
import type { computeContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    compute: typeof computeContract;
  }
  interface Words {
    compute: typeof en;
  }
}

export const pages: Page[] = [{ path: "compute", icon, order: 810, role: "guest", title: "compute.title" }];
