/** The page of the boxes of the community, its invitations and its rules; and, for the host, of the gossip beneath. */
import icon from "lucide-static/icons/network.svg?raw";
import waypoints from "lucide-static/icons/waypoints.svg?raw";
import type { Page } from "../../../../ui/src/page.ts";
import type { meshContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    mesh: typeof meshContract;
  }
  interface Words {
    mesh: typeof en;
  }
}

export const pages: Page[] = [
  { path: "boxes", icon, order: 600, role: "guest", title: "mesh.title" },
  { path: "mesh", icon: waypoints, order: 850, role: "host", title: "mesh.gossip", panel: "panel-gossip" },
];
