import { setTimeout as sleep } from "node:timers/promises";
import type { RehearsedLangFlow } from "../rehearsal/rehearsedLangFlow";
import { passed, type StepEnd, warned } from "./steps";

/** Pause between two requests of the simulated user. */
const EVERY_MS = 250;
/** Response time above which users would consider LangFlow unavailable. */
const SLOW_MS = 10_000;
/** Request that reads a row from the database. */
const QUESTION = "/api/v1/users/whoami";

/** Responses that users received. */
export interface Answered {
  readonly asked: number;
  /** Number of requests without a response of status 200. */
  readonly refused: number;
  readonly slowestMs: number;
}

/** Sends requests to a LangFlow like a user, one after the other, until `work` is done. */
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
  // The promise is awaited below; this prevents an unhandled rejection if `work` fails first.
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

/** Summarizes LangFlow's availability for users during the migration. */
export function meanwhileInWords({ asked, refused, slowestMs }: Answered): StepEnd {
  const said = `${asked - refused} of ${asked} requests to the old LangFlow succeeded, the slowest after ${seconds(slowestMs)} s`;
  return refused > 0 || slowestMs > SLOW_MS
    ? warned(`${said}: disable the region's pool during the upgrade`)
    : passed(said);
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
