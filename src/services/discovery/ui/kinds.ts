/** What each category looks like, and the kinds that people publish most, so that nobody must know a type. */
import chat from "lucide-static/icons/message-circle.svg?raw";
import compute from "lucide-static/icons/cpu.svg?raw";
import files from "lucide-static/icons/folder.svg?raw";
import games from "lucide-static/icons/dices.svg?raw";
import learning from "lucide-static/icons/graduation-cap.svg?raw";
import mail from "lucide-static/icons/mail.svg?raw";
import maps from "lucide-static/icons/map.svg?raw";
import names from "lucide-static/icons/tag.svg?raw";
import network from "lucide-static/icons/network.svg?raw";
import other from "lucide-static/icons/package.svg?raw";
import print from "lucide-static/icons/printer.svg?raw";
import radio from "lucide-static/icons/radio.svg?raw";
import remote from "lucide-static/icons/monitor.svg?raw";
import sensors from "lucide-static/icons/thermometer.svg?raw";
import video from "lucide-static/icons/film.svg?raw";
import web from "lucide-static/icons/globe.svg?raw";
import type { Category } from "./view.ts";

export const categoryIcon: Record<Category, string> = {
  web,
  radio,
  video,
  files,
  chat,
  mail,
  games,
  maps,
  sensors,
  print,
  remote,
  names,
  network,
  compute,
  learning,
  other,
};

export const CATEGORIES = Object.keys(categoryIcon) as Category[];

export interface Kind {
  category: Category;
  type: string;
  port: number;
}

/** The choice of the publish dialog; the box knows the details of each type. */
export const KINDS: readonly Kind[] = [
  { category: "web", type: "_http._tcp", port: 80 },
  { category: "radio", type: "_icecast._tcp", port: 8000 },
  { category: "video", type: "_rtsp._tcp", port: 554 },
  { category: "files", type: "_webdav._tcp", port: 80 },
  { category: "chat", type: "_xmpp-client._tcp", port: 5222 },
  { category: "mail", type: "_imap._tcp", port: 143 },
  { category: "sensors", type: "_mqtt._tcp", port: 1883 },
  { category: "print", type: "_ipp._tcp", port: 631 },
  { category: "remote", type: "_ssh._tcp", port: 22 },
  { category: "other", type: "", port: 0 },
];
