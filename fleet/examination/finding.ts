import type { ExitCode } from "../../model/errors";

/** What a check found out. `value` is what later checks build on. */
export type Verdict<T = undefined> =
  | { readonly result: "ok" | "warning"; readonly finding: string; readonly fix?: string; readonly value: T }
  | { readonly result: "broken"; readonly finding: string; readonly fix: string; readonly exitCode: ExitCode };

/** Thrown by a check that can't be done where it runs, which says nothing of what it looks at. The message is the reason. */
export class NotCheckable extends Error {}

/** One line of the doctor's report. */
export interface Finding {
  readonly check: string;
  readonly result: "ok" | "warning" | "broken" | "not checked";
  /** What is the case; for `not checked` the reason. */
  readonly finding: string;
  /** What to do about it; absent where there is nothing to do. */
  readonly fix?: string;
  /** Of something broken: what the process would end with if it were the only one. */
  readonly exitCode?: ExitCode;
}

export function ok(finding: string): Verdict;
export function ok<T>(finding: string, value: T): Verdict<T>;
export function ok<T>(finding: string, value?: T): Verdict<T | undefined> {
  return { result: "ok", finding, value };
}

/** It may work: a person should look. */
export function warning(finding: string, fix: string): Verdict;
export function warning<T>(finding: string, fix: string, value: T): Verdict<T>;
export function warning<T>(finding: string, fix: string, value?: T): Verdict<T | undefined> {
  return { result: "warning", finding, fix, value };
}

/** It cannot work like this. */
export function broken(finding: string, fix: string, exitCode: ExitCode): Verdict<never> {
  return { result: "broken", finding, fix, exitCode };
}

/** Several verdicts as one: the worst decides, and only what is not in order is told, if anything is. */
export function together(verdicts: readonly Verdict[]): Verdict {
  const bad = verdicts.filter(({ result }) => result !== "ok");
  const lines = (texts: readonly (string | undefined)[]) =>
    [...new Set(texts.filter((text) => text !== undefined))].join("\n");
  const finding = lines((bad.length > 0 ? bad : verdicts).map((verdict) => verdict.finding));
  const fix = lines(bad.map((verdict) => verdict.fix));
  const worst = bad.find(({ result }) => result === "broken");
  if (worst?.result === "broken") return broken(finding, fix, worst.exitCode);
  return bad.length > 0 ? warning(finding, fix) : ok(finding);
}
