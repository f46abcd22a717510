import { compareRuns, type Verdict } from "../rehearsal/comparison";
import type { Outcome } from "../rehearsal/outcome";
import { VARIES } from "../rehearsal/rehearse";
import type { CopiedFlow, Runs } from "../rehearsal/stage";

const HAS_ENDED: Verdict = { result: "not known", said: "the old LangFlow had exited during an earlier flow" };

/**
 * Makes the old LangFlow's answers from before the migration the reference for the new one. On each run, also asks the
 * old LangFlow again on the migrated database.
 */
export class OldAfter implements Runs {
  /** For each flow, how the old LangFlow's answer changed with the migration. */
  readonly verdicts = new Map<CopiedFlow, Verdict>();

  constructor(
    private readonly old: Runs,
    private readonly before: ReadonlyMap<CopiedFlow, Outcome>,
    /** Returns true if an earlier flow ended the old LangFlow, which is not restarted. */
    private readonly hasEnded: () => boolean,
  ) {}

  async run(flow: CopiedFlow, session: string): Promise<Outcome> {
    const before = this.before.get(flow) ?? {
      kind: "notRun",
      because: "the old version did not run it before the migration",
    };
    if (this.hasEnded()) {
      this.verdicts.set(flow, HAS_ENDED);
      return before;
    }
    const after = await this.old.run(flow, `${session}, migrated`);
    this.verdicts.set(flow, await this.compared(flow, session, before, after));
    return before;
  }

  private async compared(flow: CopiedFlow, session: string, before: Outcome, after: Outcome): Promise<Verdict> {
    const verdict = compareRuns(before, after);
    if (verdict.result !== "differs") return verdict;
    if (after.kind === "failed") return { ...verdict, said: "fails in the old version after the migration" };
    const again = await this.old.run(flow, `${session}, migrated, again`);
    if (compareRuns(after, again).result !== "same") return VARIES;
    return { ...verdict, said: `in the old version, after the migration: ${verdict.said}` };
  }
}
