import { type Check, type CheckResult, type Finding, findingOf, NotCheckable, notChecked } from "./checkResult";
import { resultOfError } from "./resultOfError";

/** A check that is running. */
export interface PendingCheck<T> {
  readonly name: string;
  /** The value for the checks that depend on this check; undefined if this check failed. */
  readonly value: Promise<{ readonly value: T } | undefined>;
}

type ValuesOf<Needs extends readonly PendingCheck<unknown>[]> = {
  -readonly [Index in keyof Needs]: Needs[Index] extends PendingCheck<infer Value> ? Value : never;
};

/** Runs checks concurrently; each waits only for the checks whose values it needs. */
export class CheckRun {
  readonly #findings: Promise<Finding>[] = [];

  /** @param onEnd receives each finding as soon as its check has ended */
  constructor(private readonly onEnd: (finding: Finding) => void) {}

  /**
   * Starts a check. Its result is `not checked` if a check that it needs has no value. If it throws, the error becomes
   * its finding and does not affect other checks.
   *
   * @param check the check's name, optionally with the default fix of its findings
   */
  check<const Needs extends readonly PendingCheck<unknown>[], Value = undefined>(
    check: string | Pick<Check, "name" | "fix">,
    needs: Needs,
    work: (...values: ValuesOf<Needs>) => CheckResult<Value> | Promise<CheckResult<Value>>,
  ): PendingCheck<Value> {
    const named = typeof check === "string" ? { name: check } : check;
    const ended = runAfter(needs, work);
    this.#findings.push(
      ended.then(({ result }) => {
        const finding = findingOf(named, result);
        this.onEnd(finding);
        return finding;
      }),
    );
    return { name: named.name, value: ended.then(({ value }) => value) };
  }

  /** Waits for all checks and returns their findings in the order in which the checks were started. */
  findings(): Promise<Finding[]> {
    return Promise.all(this.#findings);
  }
}

interface Ended<T> {
  readonly result: CheckResult<unknown>;
  readonly value?: { readonly value: T };
}

async function runAfter<T>(
  needs: readonly PendingCheck<unknown>[],
  work: (...values: never) => CheckResult<T> | Promise<CheckResult<T>>,
): Promise<Ended<T>> {
  const values: unknown[] = [];
  for (const need of needs) {
    const needed = await need.value;
    if (!needed) return { result: notChecked(`it requires ${need.name}`) };
    values.push(needed.value);
  }
  try {
    const result = await work(...(values as never));
    return "value" in result ? { result, value: result } : { result };
  } catch (error) {
    if (error instanceof NotCheckable) return { result: notChecked(error.message) };
    // A check that threw has no value for other checks, even if its result is only a warning.
    return { result: resultOfError(error) };
  }
}
