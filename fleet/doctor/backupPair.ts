import { DescribeSourceRegionsCommand, type RDSClient } from "@aws-sdk/client-rds";
import type { RegionConfig } from "../../config/schema";
import { ExitCode } from "../../model/errors";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";

/**
 * Checks that RDS can copy a database's backups from one region to the other. RDS supports only some pairs (RDS API,
 * DescribeSourceRegions: SupportsDBInstanceAutomatedBackupsReplication), and a deployment would fail only after it
 * created the database.
 *
 * @param rds client for the AWS region that stores the copy
 */
export async function backupPair(rds: RDSClient, from: RegionConfig, to: RegionConfig): Promise<CheckResult> {
  const pair = `${from.awsRegion} to ${to.awsRegion}`;
  try {
    const { SourceRegions = [] } = await rds.send(new DescribeSourceRegionsCommand({ RegionName: from.awsRegion }));
    return SourceRegions.some((each) => each.SupportsDBInstanceAutomatedBackupsReplication)
      ? ok(`RDS can copy backups from ${pair}`)
      : broken(
          `RDS cannot copy backups from ${pair}`,
          `choose a different backupRegion for ${from.name} in Pulumi.yaml`,
          ExitCode.BadInput,
        );
  } catch (error) {
    if ((error as Error).name !== "AccessDenied") throw error;
    return warning(`cannot check whether RDS can copy backups from ${pair}`, "allow rds:DescribeSourceRegions");
  }
}
