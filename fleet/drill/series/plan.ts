import { UserError } from "../../../model/errors";
import { FAULTS, type Fault } from "../faults";
import type { Plan } from "../plan";
import type { DrillReport } from "../report";

/** One drill of a series, or why there is none. */
export type Turn =
  | { readonly fault: Fault; readonly rounds: number }
  /** What the fleet lacks for it, in a sentence. */
  | { readonly fault: Fault; readonly because: string };

/** A fault that was not drilled. */
export interface Unmade {
  readonly fault: Fault;
  /** In one line. */
  readonly because: string;
  /** The fleet could have had it, and nobody ended it. */
  readonly hasFailed: boolean;
}

/**
 * The drills that are still to be made until each fault has its rounds: a series that is begun again goes on where it ended. One that
 * was broken off, or ended early, counts for none.
 *
 * @param plan of a fault. @throws UserError for one that the fleet cannot have
 * @param done reports there are
 */
export function turnsOf(
  plan: (fault: Fault) => Pick<Plan, "local" | "region" | "topology">,
  done: readonly DrillReport[],
  rounds: number,
): Turn[] {
  return FAULTS.map((fault) => {
    try {
      const { local, region, topology } = plan(fault);
      const made = done.filter(
        (report) =>
          report.fault === fault &&
          report.local === local &&
          report.region === region &&
          report.topology === topology &&
          report.aborted === undefined,
      );
      return { fault, rounds: Math.max(0, rounds - made.length) };
    } catch (error) {
      if (error instanceof UserError) return { fault, because: error.message };
      throw error;
    }
  });
}

/** Round by round, so that a series which ends early has something of each fault. */
export function drillsOf(turns: readonly Turn[]): Fault[] {
  const left = turns.flatMap((turn) => ("rounds" in turn ? [turn] : []));
  const most = Math.max(0, ...left.map(({ rounds }) => rounds));
  // The last rounds are those that are left of a fault which has some already.
  return Array.from({ length: most }, (_, round) =>
    left.filter(({ rounds }) => rounds >= most - round).map(({ fault }) => fault),
  ).flat();
}
