import { decidedUntil } from "../heldDeletes";
import type { HeldDeletes } from "./deletes";

/** What a person released, looked up anew each time, since it is done while the agent runs. */
export class Releases {
  /** Until when, by flow. */
  readonly #released = new Map<string, number>();

  constructor(private readonly stateDir: string) {}

  /** Whether a flow of a workspace may be deleted however many others are. */
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
