import { UserError } from "../../../model/errors";
import { FAULTS, type Fault } from "../faults";
import type { Plan } from "../plan";
import type { DrillReport } from "../report";

/** One fault's part of a series: the number of rounds, or the reason why the fault is not drilled. */
export type Turn =
  | { readonly fault: Fault; readonly rounds: number }
  /** What the fleet lacks for the fault, as a sentence. */
  | { readonly fault: Fault; readonly because: string };

/** A fault that was not drilled. */
export interface Unmade {
  readonly fault: Fault;
  /** Reason in one line. */
  readonly because: string;
  /** True if the drill failed although the fleet supports the fault and nobody interrupted the drill. */
  readonly hasFailed: boolean;
}

/**
 * Returns the number of drills still to run for each fault, so that a series can resume. Aborted drills do not count as
 * done.
 *
 * @param plan returns the plan for a fault. @throws UserError if the fleet does not support the fault
 * @param done existing reports
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

/** Orders the drills in rounds, so that a series that ends early covers as many faults as possible. */
export function drillsOf(turns: readonly Turn[]): Fault[] {
  const left = turns.flatMap((turn) => ("rounds" in turn ? [turn] : []));
  const most = Math.max(0, ...left.map(({ rounds }) => rounds));
  // Faults that already have some rounds only take part in the last rounds.
  return Array.from({ length: most }, (_, round) =>
    left.filter(({ rounds }) => rounds >= most - round).map(({ fault }) => fault),
  ).flat();
}
