import { decidedUntil } from "../approvals/heldDeletes";
import type { HeldDeletes } from "./deletes";

/** Deletes that an operator released. Read each time, as that happens while the agent runs. */
export class Releases {
  /** Until when, by flow. */
  readonly #released = new Map<string, number>();

  constructor(private readonly stateDir: string) {}

  /** Whether the delete of a flow was released. */
  has(workspace: string, id: string, now = Date.now()): boolean {
    return (this.#released.get(`${workspace} ${id}`) ?? 0) > now;
  }

  /** @returns whether these deletes were released by now */
  take(workspace: string, { ids, code }: HeldDeletes, now = Date.now()): boolean {
    const until = decidedUntil(this.stateDir, code, "release");
    for (const id of ids) this.#released.set(`${workspace} ${id}`, until);
    return until > now;
  }
}
