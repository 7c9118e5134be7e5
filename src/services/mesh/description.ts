/**
 * What this box says of itself: its signed record (name, owner, zone, addresses) and its gossip tags (load, health),
 * written again when something changed.
 */
import { isIP } from "node:net";
import type { z } from "zod";
import type { Json } from "../../protocols/records/canonical-json.ts";
import { localAddresses } from "../../platform/addresses.ts";
import { loadPerCore, steadyLoadPerCore } from "../../platform/machine.ts";
import type { System } from "../../system.ts";
import { saidAt } from "./boxes.ts";
import type { BoxesNeeds, BoxTags } from "./boxes.ts";
import type { meshSettings } from "./contract.ts";
import { keyTag } from "./key-change.ts";
import type { Keyring } from "./keyring.ts";
import type { BoxBody } from "./kinds.ts";
import type { MeshPort } from "./mesh-port.ts";
import type { Address } from "./peers.ts";
import type { Session } from "./session.ts";
import type { MeshStore } from "./store.ts";
import { waitMs } from "./telling.ts";
import type { Told } from "./telling.ts";

/** Load and health are looked at this often; telling.ts says when the others hear of them. */
const LOOK_INTERVAL_MS = 30_000;

export interface DescriptionNeeds {
  system: System;
  port: MeshPort;
  session: () => Session | undefined;
  settings: () => z.output<typeof meshSettings>;
  /** The address by which others reach this box is another one now. */
  onAddress: () => void;
}

export interface Description {
  self(): BoxBody;
  tags(keyring: Keyring): Record<string, string>;
  /** Load, health or key changed: tells the others, if it did. */
  refresh(): void;
  advertise(): Address;
  boxesNeeds(rows: MeshStore): BoxesNeeds;
  /** Writes the record again if it differs. */
  publish(): void;
  start(): void;
  stop(): void;
}

export function createDescription({ system, port, session, settings, onAddress }: DescriptionNeeds): Description {
  const { clock } = system;
  let cancel = () => {};
  const box = () => system.config.values()["box"]!;

  /** The address that was set, or bound, or else the best of this machine. */
  const advertise = (): Address => {
    const bound = system.run.bind ?? String(box()["bind"]);
    const wildcard = bound === "" || bound === "0.0.0.0" || bound === "::" || isIP(bound) === 0;
    const address = settings().address || (wildcard ? localAddresses()[0]?.address : bound) || "127.0.0.1";
    return { address, port: port.number() };
  };
  const self = (): BoxBody => ({
    name: String(box()["name"]),
    owner: system.people.ownerName(),
    zone: String(box()["zone"]),
    version: system.version,
    address: advertise().address,
    meshPort: port.number(),
    webPort: system.run.port ?? 0,
    startedMs: system.startedMs,
  });
  const tags = (keyring: Keyring): Record<string, string> => {
    const load = String(Math.round(steadyLoadPerCore() * 20) * 5);
    const t = saidAt(clock.wallMs());
    const short: BoxTags = { l: load, t, h: system.health.level()[0]!, k: keyTag(keyring.list()[0]) };
    return { role: "comu", n: String(box()["name"]).slice(0, 40), ...short } as Record<string, string>;
  };
  const publish = () => {
    const open = session();
    if (!open || !system.people.hasAccounts()) return;
    const held = open.replica.core.get(system.identity.boxId, "box", "self");
    if (JSON.stringify(held?.body) === JSON.stringify(self())) return;
    open.replica.put("box", "self", self() as unknown as Json);
  };
  let told: Told | undefined;
  let toldMs = -Infinity;
  let chance = 0;
  /** What is about to be told; looking again does not put it off. */
  let coming: Told | undefined;
  let cancelTelling = () => {};
  const look = () => {
    const open = session();
    if (!open) return;
    if (open.advertise.address !== advertise().address) return onAddress();
    const { l, t: _saidAt, ...rest } = tags(open.keyring);
    const now = { load: Number(l), rest: JSON.stringify(rest) };
    const sinceMs = clock.monotonicMs() - toldMs;
    const delayMs = waitMs(told, now, sinceMs, open.gossip.core.aliveCount(), chance);
    const isNews = told?.rest !== now.rest;
    if ((!isNews && delayMs > 0) || coming?.rest === now.rest) return;
    cancelTelling();
    coming = now;
    cancelTelling = clock.after(delayMs, () => tell(now));
  };
  const tell = (said: Told) => {
    const open = session();
    coming = undefined;
    if (!open) return;
    told = said;
    toldMs = clock.monotonicMs();
    chance = system.random.float();
    open.gossip.setTags(tags(open.keyring));
  };

  return {
    self,
    tags,
    advertise,
    publish,
    refresh: look,
    boxesNeeds: (rows) => ({
      clock,
      rows,
      selfId: system.identity.boxId,
      self,
      selfHealth: () => system.health.level(),
      selfLoad: () => Math.round(loadPerCore() * 100) / 100,
    }),
    start() {
      publish();
      cancel = clock.every(LOOK_INTERVAL_MS, look);
    },
    stop() {
      cancel();
      cancelTelling();
    },
  };
}
