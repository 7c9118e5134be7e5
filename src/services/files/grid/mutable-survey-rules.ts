/**
 * How many servers are asked about a mutable file, and when enough is known: a table, kept apart from the asking so
 * that each rule can be tested alone. Who is late counts as neither answered nor missing: others are asked in its
 * place, and it is only waited for when nothing can be read without it.
 */
import { SURVEY_ASKED_MAX } from "./mutable-constants.ts";

/**
 * `read`: the newest version of which enough is reachable. `anything`: any version. `write`: all shares that a writer
 * should replace. `check`: every share on every server.
 */
export type SurveyMode = "read" | "anything" | "write" | "check";

export type Standing = "unasked" | "asked" | "late" | "answered" | "failed";

export interface SurveyFacts {
  /** In the order in which they are asked. */
  servers: readonly { standing: Standing; hasShares: boolean }[];
  needed: number;
  total: number;
  /** Some version can be read. */
  isRecoverable: boolean;
  /** There are shares of a newer version that cannot. */
  isNewerLost: boolean;
}

/** "done", or how many more servers are to be asked now; 0: wait for answers. `isPatient`: also for late ones. */
export function surveyStep(mode: SurveyMode, isPatient: boolean, facts: SurveyFacts): "done" | number {
  const count = (standing: Standing) => facts.servers.filter((one) => one.standing === standing).length;
  const [unasked, asked, late, answered] = [count("unasked"), count("asked"), count("late"), count("answered")];
  if (unasked + asked === 0 && (late === 0 || (facts.isRecoverable && !isPatient))) return "done";
  if (mode === "check") return unasked;
  if (mode === "write") {
    if (facts.isRecoverable && isEdgeKnown(facts)) return "done";
    const first = facts.needed + facts.total - answered - asked;
    const further = facts.isRecoverable && asked > 0 ? 0 : SURVEY_ASKED_MAX - asked;
    return Math.min(unasked, Math.max(0, first, further));
  }
  const isReadable = facts.isRecoverable && (mode === "anything" || !facts.isNewerLost);
  const first = 2 * facts.needed - answered - asked;
  if (isReadable && (mode === "anything" || answered >= 2 * facts.needed)) return "done";
  return Math.min(unasked, Math.max(0, first, isReadable ? 0 : SURVEY_ASKED_MAX - asked));
}

/** So many servers in a row had none, behind the last that had some, and nobody before them is still waited for. */
function isEdgeKnown({ servers, needed }: SurveyFacts): boolean {
  const last = servers.findLastIndex((server) => server.hasShares);
  let empty = 0;
  for (const [at, { standing, hasShares }] of servers.entries()) {
    if (standing === "unasked" || standing === "asked") return false;
    if (at > last && standing === "answered" && !hasShares) empty++;
    if (empty >= needed) return true;
  }
  return false;
}
