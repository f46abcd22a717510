import type { S3Client } from "@aws-sdk/client-s3";
import { Bucket } from "../../agent/backup/bucket";
import type { BackupPlace } from "../../agent/backup/newest";
import { BACKUP_PREFIX } from "../../formats/bucketKeys";
import { ExitCode, UserError } from "../../model/errors";
import { connectLive } from "../../sandbox/live/client";
import type { FoundationOutputs } from "../../stacks/outputs";
import { liveDirectory } from "../local/live";
import { localS3 } from "../local/localS3";
import { type Project, regionStack } from "../stacks/project";
import type { Session } from "../stacks/session";

/** Location of a region's backups, with a function that closes the connection. */
export interface OpenedPlace {
  readonly place: BackupPlace;
  close(): void;
}

/**
 * Opens a region's backups in its own bucket, in the local fleet or on the clouds with the caller's AWS credentials.
 *
 * @throws UserError (StackMissing) if the region has no bucket or the local fleet is not running
 */
export async function backupPlace(
  region: string,
  { session, project }: { session: Session; project: Project },
  signal: AbortSignal,
): Promise<OpenedPlace> {
  if (!session.has("foundation"))
    throw new UserError("not deployed: foundation. Deploy it with `up foundation`", ExitCode.StackMissing);
  const { regions }: FoundationOutputs = JSON.parse(await session.run("foundation", ["stack", "output", "--json"]));
  const bucketName = regions[region]?.bucketName;
  if (bucketName === undefined)
    throw new UserError(`${region} has no bucket yet: create it with \`up foundation\``, ExitCode.StackMissing);
  const client = await clientOf(region, session, project);
  const bucket = new Bucket(client, bucketName, signal);
  return { place: { bucket, prefix: BACKUP_PREFIX, region }, close: () => client.destroy() };
}

async function clientOf(region: string, { options }: Session, project: Project): Promise<S3Client> {
  if (options.local) {
    const live = await connectLive(liveDirectory(options.directory));
    if (!live)
      throw new UserError(
        "the live processes are not running: start them with `up --local --live`",
        ExitCode.StackMissing,
      );
    return localS3(await live.status());
  }
  const { S3Client: Client }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  return new Client({ region: regionStack(project, region).region.awsRegion });
}
