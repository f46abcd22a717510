import { join } from "node:path";
import { MoveInBucket } from "../../agent/moveIn/moveInBucket";
import { INTERRUPTED } from "../../formats/moveIn/reasons";
import { ExitCode, UserError } from "../../model/errors";
import { MOVE_IN_VARIABLES, moveInName, SOURCE_SECRET_KEY } from "../../model/moveIn";
import { connectLive, LiveRequestError } from "../../sandbox/live/client";
import { liveDirectory } from "../local/live";
import { localS3 } from "../local/localS3";
import type { Project } from "../stacks/project";
import type { Session } from "../stacks/session";
import { stackOutputs } from "../stacks/stackOutputs";
import type { Target } from "./importing/importSource";
import { endOfRun } from "./importing/runEnd";
import { notRunning } from "./localDatabase";
import { followRun } from "./localProgress";
import { requireRegion } from "./regionName";

/** HTTP status if a Job of this name is already running. */
const CONFLICT = 409;

/**
 * Returns a local region as an import target. It runs the same pod as a cluster would.
 *
 * @throws UserError (BadInput) for an unknown region, (StackMissing) if the region is not running; during the import
 * (Refused) if a different import is running
 */
export async function localTarget(region: string, session: Session, project: Project): Promise<Target> {
  requireRegion(region, project);
  const live = await connectLive(liveDirectory(session.options.directory));
  const status = await live?.status();
  const runs = status?.regions.some((each) => each.region === region && !["lost", "silent"].includes(each.state));
  if (!live || !status || !runs) throw notRunning(region);
  const { foundation } = await stackOutputs(session, project);
  const s3 = localS3(status);
  return {
    region,
    close: () => s3.destroy(),
    bucket: new MoveInBucket(s3, foundation.regions[region]?.bucketName ?? ""),
    async takeIn({ packageName, sha256, secretKey }, report, signal) {
      report(`${region} is importing the packed data`);
      const name = moveInName(region);
      const environment = { [MOVE_IN_VARIABLES.packageName]: packageName, [MOVE_IN_VARIABLES.sha256]: sha256 };
      const secrets = { [name]: { [SOURCE_SECRET_KEY]: secretKey } };
      const logs = join(liveDirectory(session.options.directory), region, "logs");
      const stop = followRun(region, logs, name, report);
      const ended = await live
        .job(region, name, { job: name, environment, secrets }, signal)
        .catch((error: Error) => {
          if (error instanceof LiveRequestError && error.status === CONFLICT)
            throw new UserError(
              `another import into ${region} is running: wait until it has finished`,
              ExitCode.Refused,
            );
          if (!signal.aborted) throw error;
          throw new UserError(INTERRUPTED, ExitCode.Cancelled);
        })
        .finally(stop);
      if (ended.exitCode !== 0) throw endOfRun(region, ended);
    },
  };
}
