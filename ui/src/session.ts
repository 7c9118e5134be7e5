/**
 * Who is looking, and what the page needs to know of its box before it draws anything.
 */
import { signal } from "@preact/signals";
import { type Role, roleAtLeast } from "../../src/kernel/contract.ts";
import type { Output } from "./api.ts";
import { live, resources } from "./box.ts";
import { type ApiError, asApiError, call, setCsrf, whenSignedOut } from "./client.ts";

export type Session = Output<"people.session">;

export const session = signal<Session | null>(null);
export const sessionError = signal<ApiError | null>(null);
/** The box ended the session while the reader was at something. */
export const expired = signal(false);

/** May the reader do what needs this role? */
export function may(role: Role): boolean {
  return session.value !== null && roleAtLeast(session.value.role, role);
}

/** Takes up a session as the box tells it, after signing in or out too. */
export function takeSession(next: Session): void {
  const before = session.peek();
  setCsrf(next.csrf);
  session.value = next;
  sessionError.value = null;
  if (next.role !== "public") expired.value = false;
  if (before && (before.account !== next.account || before.role !== next.role)) resources.clear();
  if (next.setUp && next.role !== "public") live.start();
  else live.stop();
}

export async function loadSession(): Promise<void> {
  try {
    takeSession(await call("people.session", {}));
  } catch (error) {
    sessionError.value = asApiError(error);
  }
}

export async function signOut(): Promise<void> {
  await call("people.signOut", {});
  resources.clear();
  await loadSession();
}

export function watchSession(): void {
  whenSignedOut(() => {
    if (session.peek()?.role === "public") return;
    expired.value = true;
    void loadSession();
  });
}
