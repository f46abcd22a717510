import { setTimeout as sleep } from "node:timers/promises";

/**
 * Maximum time to wait for an experiment's state. AWS FIS prepares an experiment in about a minute, so a later start
 * means a failure.
 */
const LONGEST_MS = 300_000;
const POLL_MS = 2_000;
const ENDED = ["completed", "stopped", "failed", "cancelled"];

/**
 * Controls an AWS FIS experiment that pauses S3 replication out of a bucket (`ReplicationPause`). The experiment stops
 * by itself after one hour. When it stops, S3 copies the objects that waited ("aws:s3:bucket-pause-replication", "Stop
 * an experiment").
 *
 * @param aws runs the AWS CLI and returns its standard output
 */
export function pausedReplication(
  { templateId, awsRegion }: { readonly templateId: string | undefined; readonly awsRegion: string },
  aws: (args: readonly string[]) => Promise<string>,
  pollMs = POLL_MS,
) {
  const fis = async (command: string, query: string, ...args: string[]) =>
    (await aws(["fis", command, "--region", awsRegion, ...args, "--query", query, "--output", "text"])).trim();
  const ofTemplate = () => {
    if (templateId === undefined)
      throw new Error("the foundation has no experiment that pauses replication: run `up foundation`");
    return ["--experiment-template-id", templateId];
  };
  const stateOf = (id: string) => fis("get-experiment", "experiment.state.status", "--id", id);
  const until = async (id: string, states: readonly string[]) => {
    const longest = Date.now() + LONGEST_MS;
    for (;;) {
      const state = await stateOf(id);
      if (states.includes(state)) return;
      if (ENDED.includes(state) || Date.now() > longest)
        throw new Error(
          `the experiment ${id} is ${state}: ${await fis("get-experiment", "experiment.state.reason", "--id", id)}`,
        );
      await sleep(pollMs);
    }
  };

  return {
    /** @throws Error if the experiment does not start */
    async begin(): Promise<void> {
      await until(await fis("start-experiment", "experiment.id", ...ofTemplate()), ["running"]);
    },

    /**
     * Stops every active experiment of the template, including those that a different process started. Does nothing if
     * all have ended.
     */
    async end(): Promise<void> {
      const running = `experiments[?state.status=='running'||state.status=='initiating'||state.status=='pending'].id`;
      for (const id of (await fis("list-experiments", running, ...ofTemplate())).split(/\s+/).filter(Boolean)) {
        await fis("stop-experiment", "experiment.id", "--id", id);
        await until(id, ENDED);
      }
    },
  };
}
