/**
 * Canned communities for the gallery and the pictures: empty, small, large. Never shipped. Each answer is checked
 * against the contract before it is served, so that this world cannot drift away from the real one.
 */
import type { z } from "zod";
import type { service as serviceShape } from "../../src/services/discovery/contract.ts";

export type Size = "new" | "empty" | "small" | "full";
export type Service = z.output<typeof serviceShape>;

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
const ago = (ms: number) => new Date(NOW_MS - ms).toISOString();

const ZONES = ["Sants", "El Clot", "Gràcia", "Vallcarca", "La Verneda", "Poble-sec", "Horta", "Sant Andreu", "Montbau"];
const OWNERS = [
  "Marta Puig",
  "Jordi Ferrer",
  "Amina Benali",
  "Pau Soler",
  "Rosa Vidal",
  "Lluís Camps",
  "Núria Roca",
  "Omar Diallo",
];
const BOX_NAMES = [
  "Forn de pa",
  "Can Batlló",
  "Escola del Clot",
  "Ateneu",
  "Biblioteca",
  "Casal d'avis",
  "Terrat 14",
  "La Lleialtat",
  "Mercat",
  "Parròquia",
];
const OFFERS = [
  ["Ràdio parroquial", "Missa del diumenge i música de cobla", "_icecast._tcp", "radio", "listen"],
  ["Fotos de classe", "Les excursions de tercer, amb contrasenya", "_http._tcp", "web", "open"],
  ["Carpeta compartida", "Actes i documents de l'ateneu", "_webdav._tcp", "files", "open"],
  ["Xat del barri", "Converses del veïnat", "_xmpp-client._tcp", "chat", "copy"],
  ["Sensor del terrat", "Temperatura i humitat cada minut", "_mqtt._tcp", "sensors", "copy"],
  ["Impressora de l'escola", "Color, dues cares", "_ipp._tcp", "print", "copy"],
  ["Viquipèdia sense xarxa", "Còpia del mes passat", "_http._tcp", "learning", "open"],
  ["Mapa dels horts", "On hi ha lloc per plantar", "_http._tcp", "maps", "open"],
  ["Vídeos de la festa major", "Els gegants i els castells", "_http._tcp", "video", "open"],
  ["Servidor de jocs", "Partides de divendres", "_minetest._udp", "games", "copy"],
] as const;

/** A number in [0, 1) that depends on its seed alone, so that two pictures of one thing are equal. */
function chance(seed: number): number {
  const x = Math.sin(seed * 12.9898 + 78.233) * 43_758.5453;
  return x - Math.floor(x);
}

function idOf(index: number): string {
  const letters = "abcdefghijklmnopqrstuvwxyz234567";
  return Array.from({ length: 52 }, (_, at) => letters[Math.floor(chance(index * 61 + at) * 32)]).join("");
}

function serviceAt(index: number, boxes: number): Service {
  const [title, description, type, category, action] = OFFERS[index % OFFERS.length]!;
  const at = Math.floor(chance(index + 5) * boxes);
  const roll = chance(index + 9);
  const own = index === 1 || index === 4;
  const state = index === 4 ? "failing" : !own && roll > 0.96 ? "away" : "up";
  const rttMs = Math.round(3 + 140 * chance(index) ** 3);
  const known = roll > 0.06;
  const measured = roll > 0.3 && index % 17 !== 13;
  const atTime = ago(20_000 + 900_000 * roll);
  return {
    id: `${idOf(own ? 0 : at)}/${index}`,
    title: index < OFFERS.length ? title : `${title} ${Math.floor(index / OFFERS.length) + 1}`,
    description,
    type,
    category,
    action,
    scope: "community",
    open: index % 3 === 0,
    box: boxName(own ? 0 : at),
    boxId: idOf(own ? 0 : at),
    zone: ZONES[(own ? 0 : at) % ZONES.length]!,
    owner: OWNERS[(own ? 0 : at) % OWNERS.length]!,
    own,
    state,
    reason: state === "failing" ? "refused" : null,
    host: `10.139.${at % 250}.2`,
    port: 8080,
    path: "/",
    url: `http://10.139.${at % 250}.2:8080/`,
    since: ago(DAY_MS * (0.1 + index * 0.7)),
    version: "",
    quality: {
      score: measured && state === "up" ? Math.round(97 - rttMs * 0.6 - 15 * chance(index + 3)) : null,
      method: index % 17 === 13 ? "none" : "http",
      reachable: measured ? state === "up" : null,
      rttMs: known && state !== "away" ? rttMs : null,
      rttSource: known && state !== "away" ? (measured ? "measured" : "estimate") : null,
      rttAt: known && state !== "away" ? atTime : null,
      firstByteMs: measured ? rttMs * 2 : null,
      lossPercent: measured ? Math.round(4 * chance(index + 2)) : null,
      lossSamples: measured ? 20 : 0,
      success7dPercent: measured ? 100 - Math.round(6 * chance(index + 7)) : null,
      samples: measured ? 21 + Math.round(600 * chance(index + 6)) : 0,
      load: known ? chance(index + 8) : null,
      loadAt: known ? ago(200_000 * roll) : null,
      measuredAt: measured ? atTime : null,
    },
  };
}

function boxName(index: number): string {
  const name = BOX_NAMES[index % BOX_NAMES.length]!;
  return index < BOX_NAMES.length ? name : `${name} ${Math.floor(index / BOX_NAMES.length) + 1}`;
}

function boxAt(index: number) {
  const state =
    index === 6
      ? "pending"
      : index === 8
        ? "excluded"
        : index === 3
          ? "away"
          : index % 23 === 11
            ? "suspect"
            : index % 13 === 12
              ? "away"
              : "up";
  // One has told nothing of itself, or what it told was refused.
  const silent = index === 7;
  return {
    id: idOf(index),
    name: silent ? idOf(index).slice(0, 8) : boxName(index),
    owner: silent ? "" : OWNERS[index % OWNERS.length]!,
    zone: silent ? "" : ZONES[index % ZONES.length]!,
    state,
    self: index === 0,
    steward: index < 2,
    address: `10.139.${index % 250}.2:7946`,
    version: "0.1.0",
    rttMs: index === 0 ? null : Math.round(2 + 110 * chance(index) ** 2),
    seenAt: ago(4_000 + index * 900),
    since: ago(DAY_MS * (1 + index * 2)),
    startedAt: ago(DAY_MS * (0.3 + 9 * chance(index))),
    services: Math.floor(4 * chance(index + 4)),
    health: state === "up" ? (index % 9 === 5 ? "warning" : "ok") : null,
  };
}

export interface World {
  size: Size;
  services: Service[];
  boxes: ReturnType<typeof boxAt>[];
}

export function makeWorld(size: Size): World {
  const [services, boxes] = { new: [0, 1], empty: [0, 1], small: [5, 9], full: [5000, 240] }[size] as [number, number];
  return {
    size,
    services: Array.from({ length: services }, (_, index) => serviceAt(index, boxes)),
    boxes: Array.from({ length: boxes }, (_, index) => boxAt(index)),
  };
}

export const OWNER = OWNERS[0]!;
export const selfId = idOf(0);
export { DAY_MS, ago };
