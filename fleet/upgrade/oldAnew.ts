import { passed, type StepEnd, warned } from "./steps";

/** What a pod of the old release did that began after the migration. */
export interface OldAnew {
  /** Why its own migrations stopped; undefined: it would serve. */
  readonly stop: string | undefined;
  /** LangFlow's migrations that the database said it has, before and after. */
  readonly before: string;
  readonly after: string;
  /** Why those of the new release stopped then, where they were to run again; undefined: they came to their end. */
  readonly next: string | undefined;
}

/** It is a warning: such a pod is made where a node goes or load grows just then, and may not be. */
export function oldAnewInWords({ stop, before, after, next }: OldAnew): StepEnd {
  const comes = stop === undefined ? "it comes up" : `it does not come up: it ${stop}`;
  if (before === after) return stop === undefined ? passed(comes) : warned(comes);
  const then =
    next === undefined ? "a new pod migrates once more, and comes up" : `then no new pod comes up: it ${next}`;
  return warned(`${comes}; it leaves a database that says it is at ${after}, not ${before}; ${then}`);
}
