import type { ExitCode } from "../../model/errors";

/** A check of `doctor`, `prove` or `ready`. */
export interface Check {
  /** Unique among the checks of its verb. */
  readonly name: string;
  /** Why the check exists. */
  readonly why: string;
  /** What to do if the check fails; `<region>` stands for the region's name. */
  readonly fix: string;
}

/** The result of a check. Later checks receive its `value`. */
export type CheckResult<T = undefined> =
  | { readonly result: "ok" | "warning"; readonly finding: string; readonly fix?: string; readonly value: T }
  | { readonly result: "broken"; readonly finding: string; readonly fix?: string; readonly exitCode: ExitCode }
  | { readonly result: "not checked"; readonly finding: string; readonly exitCode?: ExitCode };

/** Thrown by a check that cannot run in this environment. The message is the reason. */
export class NotCheckable extends Error {}

/** One line of a report on checks, in the JSON that `doctor`, `prove` and `ready` print. */
export interface Finding {
  /** The check's name, after its region's if it has one: `us-east: pool`. */
  readonly check: string;
  readonly result: CheckResult["result"];
  /** What the check found; for `not checked` the reason. */
  readonly finding: string;
  /** What to do; absent if there is nothing to do. */
  readonly fix?: string;
  /**
   * For `broken`: the exit code if this were the only finding. For `not checked`: absent unless a cloud refused or did
   * not answer.
   */
  readonly exitCode?: ExitCode;
}

export function ok(finding: string): CheckResult;
export function ok<T>(finding: string, value: T): CheckResult<T>;
export function ok<T>(finding: string, value?: T): CheckResult<T | undefined> {
  return { result: "ok", finding, value };
}

/** The deployment may work; a person should check. */
export function warning(finding: string, fix?: string): CheckResult;
export function warning<T>(finding: string, fix: string, value: T): CheckResult<T>;
export function warning<T>(finding: string, fix?: string, value?: T): CheckResult<T | undefined> {
  return { result: "warning", finding, ...(fix !== undefined && { fix }), value };
}

/** The deployment cannot work. @param fix omit it to use the check's own fix */
export function broken(finding: string, fix: string | undefined, exitCode: ExitCode): CheckResult<never> {
  return { result: "broken", finding, ...(fix !== undefined && { fix }), exitCode };
}

/** @param exitCode set if a cloud refused the request or did not answer; omit it if this fleet has nothing to check */
export function notChecked(reason: string, exitCode?: ExitCode): CheckResult<never> {
  return { result: "not checked", finding: reason, ...(exitCode !== undefined && { exitCode }) };
}

/** Combines results into the worst of them. The findings of `ok` results are omitted unless all results are `ok`. */
export function together(results: readonly CheckResult[]): CheckResult {
  const bad = results.filter(({ result }) => result !== "ok");
  const lines = (texts: readonly (string | undefined)[]) =>
    [...new Set(texts.filter((text) => text !== undefined))].join("\n");
  const finding = lines((bad.length > 0 ? bad : results).map((each) => each.finding));
  const fix = lines(bad.map((each) => ("fix" in each ? each.fix : undefined)));
  const worst = bad.find(({ result }) => result === "broken");
  if (worst?.result === "broken") return broken(finding, fix, worst.exitCode);
  return bad.length > 0 ? warning(finding, fix) : ok(finding);
}

/** Returns the report line for a result. @param region the checked region; omit it for a check of the whole fleet */
export function findingOf(
  check: { readonly name: string; readonly fix?: string },
  result: CheckResult<unknown>,
  region?: string,
): Finding {
  const needsFix = result.result === "broken" || result.result === "warning";
  const fix = needsFix ? (result.fix ?? check.fix) : undefined;
  return {
    check: region === undefined ? check.name : `${region}: ${check.name}`,
    result: result.result,
    finding: result.finding,
    ...(fix && { fix: region === undefined ? fix : fix.replaceAll("<region>", region) }),
    ...("exitCode" in result && result.exitCode !== undefined && { exitCode: result.exitCode }),
  };
}
