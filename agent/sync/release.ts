import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError, ExitCode } from "../errors";
import type { HeldDeletes } from "./breaker";

const FILE = "released-deletes";
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
  try {
    appendFileSync(join(stateDir, FILE), `${code} ${now}\n`);
  } catch (error) {
    throw new AgentError(`cannot be released here: ${(error as Error).message}`, ExitCode.BadInput);
  }
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
    try {
      const lines = readFileSync(join(this.stateDir, FILE), "utf8").split("\n");
      const times = lines.map((line) => line.split(" ")).filter(([each]) => each === code);
      return Math.max(0, ...times.map(([, at]) => Number(at) + HOLDS_MS));
    } catch {
      return 0;
    }
  }
}
