import type { Restorable } from "./backend";

interface Database {
  readonly region: string;
  readonly awsRegion: string;
  readonly identifier: string;
  /** Region that receives copies of the database's backups. */
  readonly backupRegion: string;
  readonly backupAwsRegion: string;
}

/**
 * Returns the newest time to which RDS can restore a database in the backup region from the copied backups. The
 * description also mentions the newest time in the database's own region, which an outage would make unavailable (RDS,
 * `RestoreWindow.LatestTime` of DescribeDBInstanceAutomatedBackups and `LatestRestorableTime` of DescribeDBInstances).
 *
 * @param aws runs the AWS CLI and returns its standard output
 */
export async function restorableByRds(
  { region, awsRegion, identifier, backupRegion, backupAwsRegion }: Database,
  aws: (args: readonly string[]) => Promise<string>,
): Promise<Restorable> {
  const told = async <T>(where: string, command: string, ...args: string[]): Promise<T> =>
    JSON.parse(await aws(["rds", command, "--region", where, ...args, "--output", "json"]));
  const { DBInstances } = await told<{ DBInstances: { DBInstanceArn: string; LatestRestorableTime?: string }[] }>(
    awsRegion,
    "describe-db-instances",
    "--db-instance-identifier",
    identifier,
  );
  const { DBInstanceAutomatedBackups } = await told<{
    DBInstanceAutomatedBackups: { DBInstanceArn: string; RestoreWindow?: { LatestTime?: string } }[];
  }>(backupAwsRegion, "describe-db-instance-automated-backups");
  const arn = DBInstances[0]?.DBInstanceArn;
  const copy = DBInstanceAutomatedBackups.find(({ DBInstanceArn }) => DBInstanceArn === arn);
  const at = Date.parse(copy?.RestoreWindow?.LatestTime ?? "");
  const own = DBInstances[0]?.LatestRestorableTime;
  return {
    said: `the newest point to which RDS can restore in ${backupRegion}, from copied backups; in ${region} itself: ${own ?? "none"}`,
    ...(!Number.isNaN(at) && { at }),
  };
}
