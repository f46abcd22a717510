import type { Restorable } from "./backend";

interface Database {
  readonly region: string;
  readonly awsRegion: string;
  readonly identifier: string;
  /** Where its backups are copied to. */
  readonly backupRegion: string;
  readonly backupAwsRegion: string;
}

/**
 * The newest moment of a database that RDS can restore in the backup region, from the backups it copies there; that in its own
 * region, which would be gone, is only said (RDS, `RestoreWindow.LatestTime` of DescribeDBInstanceAutomatedBackups and
 * `LatestRestorableTime` of DescribeDBInstances).
 *
 * @param aws runs the AWS CLI and gives what it says
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
    said: `the newest moment that RDS restores in ${backupRegion}, from copied backups; in ${region} itself ${own ?? "none"}`,
    ...(!Number.isNaN(at) && { at }),
  };
}
