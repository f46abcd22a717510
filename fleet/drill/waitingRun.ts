import { setTimeout as sleep } from "node:timers/promises";
import { approvalGraph } from "./approvalFlow";
import type { LangFlow } from "./langflow";
import { NAMES } from "./ordinaryUser";

/** Interval and limit of the user's answers to a run that the survivor has to take over first, in milliseconds. */
const ANSWER_EVERY_MS = 2_000;
const ANSWER_WITHIN_MS = 60_000;
/** How long the run may take after the answer, in milliseconds. */
const COMPLETED_WITHIN_MS = 30_000;
const POLL_INTERVAL_MS = 500;

type Client = Pick<LangFlow, "components" | "createWith" | "startRun" | "questions" | "approve" | "runState">;

/** A run that has waited for the user's approval since before the fault. */
export class WaitingRun {
  private constructor(
    private readonly flowId: string,
    private readonly job: string,
    private readonly input: string,
  ) {}

  /**
   * Starts the run and resolves when it waits.
   *
   * @throws Error if the run ends instead
   */
  static async start(langflow: Client, drill: string): Promise<WaitingRun> {
    const name = `${NAMES.flow}${drill} approval`;
    const flowId = await langflow.createWith(name, approvalGraph(await langflow.components()));
    const input = `approve ${drill}`;
    const waiting = new WaitingRun(flowId, await langflow.startRun(flowId, input), input);
    for (;;) {
      if (await waiting.isIn(langflow)) return waiting;
      const { status } = await langflow.runState(waiting.job);
      if (!["queued", "in_progress", "suspended"].includes(status))
        throw new Error(`the run that should wait for an approval is ${status}`);
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** Returns whether this region shows the question. */
  async isIn(langflow: Client): Promise<boolean> {
    return (await langflow.questions(this.flowId)).has(this.job);
  }

  /**
   * Approves the run, as often as the region needs to take it over, and waits for its result.
   *
   * @returns what happened, for the report
   */
  async approve(langflow: Client, everyMs = ANSWER_EVERY_MS): Promise<string> {
    const request = (await langflow.questions(this.flowId)).get(this.job);
    if (request === undefined) throw new Error("the survivor does not list the user's waiting run");
    const began = performance.now();
    while (!(await langflow.approve(this.job, request))) {
      if (performance.now() - began > ANSWER_WITHIN_MS)
        throw new Error(`LangFlow accepted no approval of the run within ${ANSWER_WITHIN_MS / 1000} s`);
      await sleep(everyMs);
    }
    const seconds = Math.round((performance.now() - began) / 1000);
    const acceptedAt = performance.now();
    for (;;) {
      const { status, text } = await langflow.runState(this.job);
      if (status === "completed" && text.includes(this.input)) return `accepted after ${seconds} s, and completed`;
      if (!["queued", "in_progress"].includes(status)) throw new Error(`after the approval the run is ${status}`);
      if (performance.now() - acceptedAt > COMPLETED_WITHIN_MS)
        throw new Error(`not completed within ${COMPLETED_WITHIN_MS / 1000} s after the approval`);
      await sleep(POLL_INTERVAL_MS);
    }
  }
}
