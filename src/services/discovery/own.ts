/**
 * What this box offers: publishing, withdrawing, and the checks that withdraw a service that is down and bring it
 * back when it answers again.
 *
 *   publish                check fails checkFailuresMax times in a row
 *   ────────► up ───────────────────────────────────────────────► failing
 *             ▲ ◄──────────────────────────────────────────────────┘  │
 *             │                  check answers                        │ withdraw
 *    restore  └──────────────────────── withdrawn ◄───────────────────┘
 *
 * Only `up` is announced. Each change is on disk before it is announced.
 */
import { atMost } from "../../kernel/at-most.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import type { MeshClient } from "../mesh/client.ts";
import { SERVICE_KIND, SERVICES_PER_BOX_MAX } from "./body.ts";
import type { ServiceBody } from "./body.ts";
import { discoveryErrors } from "./contract.ts";
import type { CheckKind } from "./kinds.ts";
import type { DiscoveryStore, OwnService } from "./store.ts";

/** Withdrawn services that can still be restored; the oldest is forgotten for good. */
export const WITHDRAWN_KEPT_MAX = 50;
/** Checks that run at one time. */
export const CHECKS_AT_ONCE_MAX = 8;

export interface CheckResult {
  ok: boolean;
  reason?: string;
}

export interface OwnNeeds {
  clock: Clock;
  mesh: MeshClient;
  rows: DiscoveryStore;
  settings: () => { checkIntervalS: number; checkFailuresMax: number };
  check: (own: OwnService) => Promise<CheckResult>;
  changed: () => void;
}

export interface OwnServices {
  all(): OwnService[];
  get(key: string): OwnService | undefined;
  save(key: string, body: ServiceBody, check: CheckKind): OwnService;
  withdraw(key: string): OwnService;
  restore(key: string): OwnService;
  /** Offers of the daemon itself, announced under a fixed key and never stored. */
  offer(key: string, body: ServiceBody): void;
  unoffer(key: string): void;
  /** The settings changed: the next check comes after the new interval. */
  reschedule(): void;
  start(): void;
  stop(): void;
}

const { fail } = discoveryErrors;

export function createOwnServices(needs: OwnNeeds): OwnServices {
  const held = new Map(needs.rows.own().map((own) => [own.key, own]));
  const offers = new Map<string, ServiceBody>();
  const failures = new Map<string, number>();
  let cancel = () => {};
  let running = false;
  let checking = false;

  const put = (own: OwnService) => {
    const before = held.get(own.key);
    needs.rows.saveOwn(own);
    try {
      announceOne(own);
    } catch (error) {
      // Refused means that nothing happened.
      ifRoom(() => void (before ? needs.rows.saveOwn(before) : needs.rows.removeOwn(own.key)));
      throw error;
    }
    held.set(own.key, own);
    needs.changed();
    return own;
  };
  const announceOne = (own: OwnService) => {
    if (own.state === "up" && own.body.scope !== "local")
      needs.mesh.publish(SERVICE_KIND, own.key, own.body as unknown as Json);
    else needs.mesh.withdraw(SERVICE_KIND, own.key);
  };

  /** Makes the announced records equal to what is held: after a start, after joining. */
  const announceAll = () => {
    if (!needs.mesh.community()) return;
    const announced = new Map(
      needs.mesh
        .records(SERVICE_KIND)
        .filter((one) => one.author === needs.mesh.selfId)
        .map((one) => [one.key, one.body]),
    );
    const wanted = new Map<string, ServiceBody>(offers);
    for (const own of held.values())
      if (own.state === "up" && own.body.scope !== "local") wanted.set(own.key, own.body);
    for (const [key, body] of wanted) {
      if (JSON.stringify(announced.get(key)) !== JSON.stringify(body))
        needs.mesh.publish(SERVICE_KIND, key, body as unknown as Json);
    }
    for (const key of announced.keys()) if (!wanted.has(key)) needs.mesh.withdraw(SERVICE_KIND, key);
  };

  const checkOne = async (key: string) => {
    const before = held.get(key);
    if (!before || before.state === "withdrawn" || before.check === "none") return;
    const result = await needs.check(before);
    const own = held.get(key);
    if (own !== before || !running) return;
    const failed = result.ok ? 0 : (failures.get(key) ?? 0) + 1;
    failures.set(key, failed);
    // On a full disk the next check tries again.
    if (result.ok && own.state === "failing") ifRoom(() => void put({ ...own, state: "up", reason: null }));
    else if (failed >= needs.settings().checkFailuresMax && own.state === "up") {
      ifRoom(() => void put({ ...own, state: "failing", reason: result.reason ?? "timeout" }));
    }
  };

  const checkAll = async () => {
    checking = true;
    await atMost(CHECKS_AT_ONCE_MAX, [...held.keys()], checkOne);
    checking = false;
    if (running) cancel = needs.clock.after(needs.settings().checkIntervalS * 1000, () => void checkAll());
  };

  const known = (key: string) => {
    const own = held.get(key);
    if (!own) throw fail("service-unknown");
    return own;
  };

  return {
    all: () => [...held.values()],
    get: (key) => held.get(key),
    save(key, body, check) {
      const live = [...held.values()].filter((own) => own.state !== "withdrawn").length + offers.size;
      if (!held.has(key) && live >= SERVICES_PER_BOX_MAX)
        throw fail("services-full", { params: { limit: SERVICES_PER_BOX_MAX } });
      failures.delete(key);
      return put({ key, body, check, state: "up", reason: null });
    },
    withdraw(key) {
      const own = put({ ...known(key), state: "withdrawn", reason: null });
      const withdrawn = [...held.values()].filter((one) => one.state === "withdrawn" && one.key !== key);
      for (const old of withdrawn.slice(0, Math.max(0, withdrawn.length + 1 - WITHDRAWN_KEPT_MAX))) {
        held.delete(old.key);
        needs.rows.removeOwn(old.key);
      }
      return own;
    },
    restore(key) {
      const own = known(key);
      return this.save(key, own.body, own.check);
    },
    offer(key, body) {
      offers.set(key, body);
      needs.mesh.publish(SERVICE_KIND, key, body as unknown as Json);
    },
    unoffer(key) {
      offers.delete(key);
      needs.mesh.withdraw(SERVICE_KIND, key);
    },
    start() {
      running = true;
      announceAll();
      needs.mesh.onJoined(announceAll);
      cancel = needs.clock.after(needs.settings().checkIntervalS * 1000, () => void checkAll());
    },
    reschedule() {
      if (!running || checking) return;
      cancel();
      cancel = needs.clock.after(needs.settings().checkIntervalS * 1000, () => void checkAll());
    },
    stop() {
      running = false;
      cancel();
    },
  };
}
