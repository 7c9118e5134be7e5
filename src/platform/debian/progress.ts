/**
 * How far the making of a Debian is, from what the tools say on their own: debootstrap's lines for the installer
 * (`P: 3 88 NAME`, and `E:`, `EA:`, `EF:` for an error), apt's `dlstatus` and `pmstatus`, our scripts' `S:` and `C:`.
 */

export const BUILD_STAGES = ["download", "unpack", "configure", "packages", "app", "tidy", "pack", "store"] as const;
export type BuildStage = (typeof BUILD_STAGES)[number];

/** Where each begins, in percent of a usual building. */
const BEGINS: Readonly<Record<BuildStage, number>> = {
  ...{ download: 0, unpack: 25, configure: 35, packages: 60 },
  ...{ app: 80, tidy: 82, pack: 84, store: 95 },
};
/** Debootstrap's steps: the stage, and which part of it they are. */
const STEPS: Readonly<Record<string, [BuildStage, number, number]>> = {
  DOWNREL: ["download", 0, 0.1],
  DOWNPKGS: ["download", 0.1, 0.2],
  DOWNDEBS: ["download", 0.2, 1],
  EXTRACTPKGS: ["unpack", 0, 1],
  INSTCORE: ["configure", 0, 0.1],
  UNPACKREQ: ["configure", 0.1, 0.3],
  CONFREQ: ["configure", 0.3, 0.6],
  UNPACKBASE: ["configure", 0.6, 0.8],
  CONFBASE: ["configure", 0.8, 1],
};
const LINE_CHARS_MAX = 4096;

export interface ProgressReader {
  /** Text as it comes, in pieces of any size. */
  read(text: string): void;
  begin(stage: BuildStage): void;
  /** What debootstrap or apt called the error; empty without one. */
  readonly problem: string;
  /** The command of the recipe that runs, from 0. */
  readonly command: number | undefined;
}

export function createProgressReader(tell: (stage: BuildStage, percent: number) => void): ProgressReader {
  let [rest, step, problem] = ["", "", ""];
  let now: { stage: BuildStage; percent: number } = { stage: "download", percent: 0 };
  let command: number | undefined;
  let words: string[] = [];
  let isError = false;

  const at = (stage: BuildStage, part: number) => {
    const next = BUILD_STAGES[BUILD_STAGES.indexOf(stage) + 1];
    const to = next === undefined ? 100 : BEGINS[next];
    const share = Math.min(1, Math.max(0, part));
    const percent = Math.max(now.percent, Math.floor(BEGINS[stage] + (to - BEGINS[stage]) * share));
    if (stage === now.stage && percent === now.percent) return;
    now = { stage, percent };
    tell(stage, percent);
  };
  const advance = (done: number, all: number, name: string | undefined) => {
    step = name ?? step;
    const [stage, from, to] = STEPS[step] ?? [];
    if (stage !== undefined) at(stage, from! + (to! - from!) * (all > 0 ? done / all : 1));
  };
  const line = (text: string) => {
    const [, kind = "", value = ""] = /^([A-Z]{1,2}): (.*)$/.exec(text) ?? [];
    const [, done, all, name] = /^P: (\d+) (\d+)(?: ([A-Z]+))?/.exec(text) ?? [];
    const [, installed] = /^pmstatus:[^:]*:([\d.]+):/.exec(text) ?? [];
    if (done !== undefined) advance(Number(done), Number(all), name);
    else if (installed !== undefined) at("packages", 0.3 + (0.7 * Number(installed)) / 100);
    else if (text.startsWith("pmerror:")) problem = text.split(":").slice(3).join(":").trim() || problem;
    else if (kind === "S" && (BUILD_STAGES as readonly string[]).includes(value)) {
      command = undefined;
      at(value as BuildStage, 0);
    } else if (kind === "C") command = Number(value);
    else if (kind === "E") [isError, words] = [true, []];
    else if (kind === "EA" && isError) words.push(value);
    else if (kind === "EF" && isError) {
      problem = value.replaceAll("%s", () => words.shift() ?? "");
      isError = false;
    }
  };
  return {
    read(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!.slice(-LINE_CHARS_MAX);
      for (const one of lines) line(one.trimEnd());
    },
    begin: (stage) => at(stage, 0),
    get problem() {
      return problem;
    },
    get command() {
      return command;
    },
  };
}
