import { decidedUntil } from "../approvals/heldDeletes";
import type { HeldDeletes } from "./deletes";

/**
 * Deletes that an operator released. They are read each time, because the operator releases them while the agent runs.
 */
export class Releases {
  /** When the release of each flow's delete expires, in milliseconds since 1970. */
  readonly #released = new Map<string, number>();

  constructor(private readonly stateDir: string) {}

  /** Returns whether the delete of a flow was released. */
  has(workspace: string, id: string, now = Date.now()): boolean {
    return (this.#released.get(`${workspace} ${id}`) ?? 0) > now;
  }

  /**
   * Reads the operator's decision on these deletes.
   *
   * @returns whether they are released
   */
  take(workspace: string, { ids, code }: HeldDeletes, now = Date.now()): boolean {
    const until = decidedUntil(this.stateDir, code, "release");
    for (const id of ids) this.#released.set(`${workspace} ${id}`, until);
    return until > now;
  }
}
