/** How often logins from an address have failed of late; bounded in what it remembers. */
import type { Clock } from "../../../kernel/clock.ts";
import type { SftpLimits } from "./constants.ts";

export type FailureLimits = Pick<SftpLimits, "loginFailuresMax" | "loginMemoryMs" | "loginAddressesMax">;

export class LoginFailures {
  readonly #clock: Clock;
  readonly #limits: FailureLimits;
  readonly #failures = new Map<string, { count: number; sinceMs: number }>();

  constructor(clock: Clock, limits: FailureLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  isBarred(address: string): boolean {
    return (this.#current(address)?.count ?? 0) >= this.#limits.loginFailuresMax;
  }

  failed(address: string): void {
    const known = this.#current(address) ?? { count: 0, sinceMs: this.#clock.monotonicMs() };
    known.count += 1;
    this.#failures.delete(address);
    this.#failures.set(address, known);
    if (this.#failures.size > this.#limits.loginAddressesMax) {
      this.#failures.delete(this.#failures.keys().next().value!);
    }
  }

  succeeded(address: string): void {
    this.#failures.delete(address);
  }

  #current(address: string) {
    const known = this.#failures.get(address);
    if (!known || this.#clock.monotonicMs() - known.sinceMs < this.#limits.loginMemoryMs) return known;
    this.#failures.delete(address);
    return undefined;
  }
}
