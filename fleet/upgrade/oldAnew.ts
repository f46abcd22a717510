import { passed, type StepEnd, warned } from "./steps";

/** Result of starting a pod of the old release after the migration. */
export interface OldAnew {
  /** Why the old release's own migrations stopped. Undefined if the pod would serve. */
  readonly stop: string | undefined;
  /** The database's revision before and after the old release's migrations. */
  readonly before: string;
  readonly after: string;
  /** Why the new release's migrations then stopped when run again. Undefined if they succeeded or were not run. */
  readonly next: string | undefined;
}

/**
 * Evaluates the old pod's start. Problems are only warnings, because such a pod starts only if a node fails or the load
 * grows during the upgrade.
 */
export function oldAnewInWords({ stop, before, after, next }: OldAnew): StepEnd {
  const comes = stop === undefined ? "the pod starts" : `the pod does not start: it ${stop}`;
  if (before === after) return stop === undefined ? passed(comes) : warned(comes);
  const then =
    next === undefined ? "a new pod then repeats the migration and starts" : `no new pod starts after that: it ${next}`;
  return warned(`${comes}; it leaves the database at revision ${after} instead of ${before}; ${then}`);
}
