import { type Finding, NotCheckable, type Verdict } from "./finding";
import { verdictOf } from "./verdictOf";

/** A check under way. */
export interface Outcome<T> {
  readonly check: string;
  readonly verdict: Promise<Verdict<T> | undefined>;
}

type ValuesOf<Needs extends readonly Outcome<unknown>[]> = {
  -readonly [Index in keyof Needs]: Needs[Index] extends Outcome<infer Value> ? Value : never;
};

/** Runs checks side by side; each waits only for those whose values it needs. */
export class Examination {
  readonly #findings: Promise<Finding>[] = [];

  /** @param onEnd told of each finding as it is known */
  constructor(private readonly onEnd: (finding: Finding) => void) {}

  /**
   * Begins a check. Where something it needs is broken it is not done, and the report says why. An error in it is its
   * own finding and nobody else's.
   */
  check<const Needs extends readonly Outcome<unknown>[], Value = undefined>(
    check: string,
    needs: Needs,
    work: (...values: ValuesOf<Needs>) => Verdict<Value> | Promise<Verdict<Value>>,
  ): Outcome<Value> {
    const ended = this.run(check, needs, work);
    this.#findings.push(
      ended.then(({ finding }) => {
        this.onEnd(finding);
        return finding;
      }),
    );
    return { check, verdict: ended.then(({ verdict }) => verdict) };
  }

  /** All findings, in the order the checks were begun. */
  findings(): Promise<Finding[]> {
    return Promise.all(this.#findings);
  }

  private async run<Value>(
    check: string,
    needs: readonly Outcome<unknown>[],
    work: (...values: never) => Verdict<Value> | Promise<Verdict<Value>>,
  ): Promise<{ finding: Finding; verdict?: Verdict<Value> }> {
    const values: unknown[] = [];
    for (const need of needs) {
      const verdict = await need.verdict;
      if (verdict === undefined || verdict.result === "broken")
        return { finding: { check, result: "not checked", finding: `it needs ${need.check}` } };
      values.push(verdict.value);
    }
    try {
      const verdict = await work(...(values as never));
      return { verdict, finding: reported(check, verdict) };
    } catch (error) {
      if (error instanceof NotCheckable) return { finding: { check, result: "not checked", finding: error.message } };
      // Even where that is only a warning there is no value for others to build on.
      return { finding: reported(check, verdictOf(error)) };
    }
  }
}

function reported(check: string, verdict: Verdict<unknown>): Finding {
  const { result, finding, fix } = verdict;
  return { check, result, finding, ...(fix && { fix }), ...("exitCode" in verdict && { exitCode: verdict.exitCode }) };
}
