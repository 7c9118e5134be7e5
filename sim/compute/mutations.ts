/** One planted mistake for each promise of lending and using, and the play that must catch it within some seeds. */
import type { Mistake } from "../files/planted.ts";
import { play, playBrief, playOlder, playSqueeze, playTurn, playWidow } from "./play.ts";

export interface ComputeMutation {
  name: string;
  by: typeof play;
  /** The first one to try: one that is known to find it. 1 by default. */
  seed?: number;
  mistakes: readonly Mistake[];
}

const at = (folder: string) => (file: string, from: string, to: string) => ({ file: `${folder}/${file}`, from, to });
const core = at("protocols/compute");
const host = at("services/compute/host");
const use = at("services/compute/use");

export const computeMutations: readonly ComputeMutation[] = [
  {
    name: "what is booked is not counted",
    by: play,
    seed: 11,
    mistakes: [core("lending.ts", "lacking(spec, minus(lent, used));", "lacking(spec, lent);")],
  },
  {
    name: "the limits that an instance still has are not counted",
    by: playSqueeze,
    seed: 10,
    mistakes: [host("books.ts", "const most = held ? {", "const most = held && held.cores < 0 ? {")],
  },
  {
    name: "a host promises before it knows what runs on it",
    by: play,
    mistakes: [host("hosting.ts", "if (!needs.reconciler.isReady) throw", "if (needs.books.size < 0) throw")],
  },
  {
    name: "a sliver is forgotten before its instance is gone",
    by: play,
    mistakes: [
      core("sliver.ts", 'seen.state === "running" ? "stop" : "remove"', 'seen.state === "running" ? "stop" : "forget"'),
    ],
  },
  {
    name: "an instance that the books lost is left alone",
    by: play,
    mistakes: [host("reconciler.ts", "if (books.get(mark.sliver)) return;", "if (books.size >= 0) return;")],
  },
  {
    name: "two steps at once for one sliver",
    by: play,
    mistakes: [
      host("reconciler.ts", "if (!seen || this.#busy.has(entry.sliver)) continue;", "if (!seen) continue;"),
      host("reconciler.ts", "if (this.#busy.has(sliver) || instance", "if (instance"),
    ],
  },
  {
    name: "silence is taken for gone",
    by: play,
    mistakes: [use("slices.ts", "if (answer?.known === false ||", "if (answer?.known !== true ||")],
  },
  {
    name: "slivers of before are not looked at when a host is chosen",
    by: play,
    mistakes: [core("choosing.ts", "const placed = [...wish.placed];", "const placed = wish.placed.slice(0, 0);")],
  },
  {
    name: "other limits are written down and not applied",
    by: playSqueeze,
    mistakes: [core("sliver.ts", 'if (!seen.asBooked) return { do: "limit" };', "")],
  },
  {
    name: "a host that was not heard is taken to know who is in the slice",
    by: play,
    mistakes: [
      use(
        "network-telling.ts",
        "const asked = [",
        "for (const { host } of living) after.set(host, { mark, atMs: Infinity });\n    const asked = [",
      ),
    ],
  },
  {
    name: "a host that has lost who is in the slice is not told again",
    by: play,
    seed: 21,
    mistakes: [use("network-telling.ts", "- last.atMs < NETWORK_AGAIN_MS", "- last.atMs < Infinity")],
  },
  {
    name: "a host that lends for a shorter time is asked for too long a lease",
    by: playBrief,
    mistakes: [use("slices.ts", 'answer.why === "lease-too-long" &&', 'answer.why === "never" &&')],
  },
  {
    name: "a lease is renewed with limits that its host has no room for",
    by: playBrief,
    mistakes: [
      use(
        "slices.ts",
        'if (action.do === "renew") return this.#reserve(slice, sliver);',
        'if (action.do === "renew") return this.#reserve(slice, { ...sliver, spec: slice.spec.sliver });',
      ),
    ],
  },
  {
    name: "a short lease is renewed at each look",
    by: playBrief,
    mistakes: [core("slice.ts", "Math.min(leaseMs, sliver.leaseMaxMs ?? leaseMs)", "leaseMs")],
  },
  {
    name: "what a host forgot of what it granted is not asked for again",
    by: playOlder,
    mistakes: [use("slices.ts", ", ...bookedOf(found, sliver) });", " });")],
  },
  {
    name: "a lease is taken for ended that may have been renewed",
    by: play,
    seed: 314,
    mistakes: [use("slices.ts", "sliver.leaseEndMs + LEASE_MS < clock.wallMs()", "sliver.leaseEndMs < clock.wallMs()")],
  },
  {
    name: "what is to be done about one sliver is asked all at once",
    by: playTurn,
    mistakes: [
      use(
        "slices.ts",
        'for (const action of actions) if ((await this.#do(slice, action)) === "silent") return;',
        "await Promise.all(actions.map((action) => this.#do(slice, action)));",
      ),
    ],
  },
  {
    name: "leases do not end",
    by: playWidow,
    mistakes: [
      core("sliver.ts", 'const wanted = row.leaseEndMs <= nowMs ? "gone" : row.wanted;', "const wanted = row.wanted;"),
    ],
  },
];
