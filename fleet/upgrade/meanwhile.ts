import { setTimeout as sleep } from "node:timers/promises";
import type { RehearsedLangFlow } from "../rehearsal/rehearsedLangFlow";
import { passed, type StepEnd, warned } from "./steps";

/** Between two questions of a user. */
const EVERY_MS = 250;
/** For longer nobody waits without a word. */
const SLOW_MS = 10_000;
/** A question that needs a row of the database. */
const QUESTION = "/api/v1/users/whoami";

/** What users were answered. */
export interface Answered {
  readonly asked: number;
  /** Those that were answered otherwise than with 200, or not. */
  readonly refused: number;
  readonly slowestMs: number;
}

/** Asks a LangFlow as a user would, one question after the other, while something is done. */
export async function askedDuring<T>(
  langflow: Pick<RehearsedLangFlow, "ask">,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly answered: Answered }> {
  let isOver = false;
  let [asked, refused, slowestMs] = [0, 0, 0];
  const asking = async () => {
    while (!isOver) {
      const began = performance.now();
      const { status } = await langflow.ask("GET", QUESTION);
      slowestMs = Math.max(slowestMs, performance.now() - began);
      asked += 1;
      if (status !== 200) refused += 1;
      if (!isOver) await sleep(EVERY_MS);
    }
  };
  const users = asking();
  // It is waited for below, whatever becomes of the work.
  users.catch(() => undefined);
  try {
    const result = await work();
    isOver = true;
    await users;
    return { result, answered: { asked, refused, slowestMs } };
  } finally {
    isOver = true;
  }
}

/** What it was like for users. */
export function meanwhileInWords({ asked, refused, slowestMs }: Answered): StepEnd {
  const said = `${asked - refused} of ${asked} questions to the old LangFlow were answered, the slowest after ${seconds(slowestMs)} s`;
  return refused > 0 || slowestMs > SLOW_MS ? warned(`${said}: take the region's pool out first`) : passed(said);
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
