import { DescribeSourceRegionsCommand, type RDSClient } from "@aws-sdk/client-rds";
import type { RegionConfig } from "../../config/schema";
import { ExitCode } from "../../model/errors";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";

/**
 * Whether RDS copies a database's backups between two regions, which it does between some pairs alone (RDS API, DescribeSourceRegions:
 * SupportsDBInstanceAutomatedBackupsReplication). The deployment finds out only once the database is there.
 *
 * @param rds of the AWS region that keeps the copy
 */
export async function backupPair(rds: RDSClient, from: RegionConfig, to: RegionConfig): Promise<CheckResult> {
  const pair = `${from.awsRegion} to ${to.awsRegion}`;
  try {
    const { SourceRegions = [] } = await rds.send(new DescribeSourceRegionsCommand({ RegionName: from.awsRegion }));
    return SourceRegions.some((each) => each.SupportsDBInstanceAutomatedBackupsReplication)
      ? ok(`RDS copies backups from ${pair}`)
      : broken(
          `RDS cannot copy backups from ${pair}`,
          `choose a different backupRegion for ${from.name} in Pulumi.yaml`,
          ExitCode.BadInput,
        );
  } catch (error) {
    if ((error as Error).name !== "AccessDenied") throw error;
    return warning(`cannot check whether RDS copies backups from ${pair}`, "allow rds:DescribeSourceRegions");
  }
}
