import { AgentError, ExitCode } from "../errors";
import { PersonsWord } from "../personsWord";
import type { HeldDeletes } from "./deletes";

const WORD = new PersonsWord("released-deletes");
/** A release holds this long, for deletes that take several cycles. The same deletes later on are another decision. */
const HOLDS_MS = 60 * 60_000;

/**
 * Lets the deletes of a code go on. The code is made of just those deletes: another one more, and they wait again.
 *
 * @param stateDir of the agent that holds them
 * @throws AgentError (BadInput) where it is no code, or the folder is not there
 */
export function release(stateDir: string, code: string, now = Date.now()): void {
  if (!/^[0-9a-f]{8}$/.test(code))
    throw new AgentError(
      `"${code}" is no code of held deletes: 8 digits from 0 to f, as the log names it`,
      ExitCode.BadInput,
    );
  WORD.say(stateDir, code, now, "cannot be released here");
}

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
    const until = this.until(code);
    for (const id of ids) this.#released.set(`${workspace} ${id}`, until);
    return until > now;
  }

  private until(code: string): number {
    const said = WORD.said(this.stateDir).filter(({ word }) => word === code);
    return Math.max(0, ...said.map(({ at }) => at + HOLDS_MS));
  }
}
