import { DescribeRegionsCommand, type EC2Client } from "@aws-sdk/client-ec2";
import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand, type STSClient } from "@aws-sdk/client-sts";
import { ExitCode } from "../../model/errors";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";

/** The AWS identity of this process. */
export interface Caller {
  readonly account: string;
  /** ARN from STS: of a user, of the account's root user, or of a role session. */
  readonly arn: string;
  /** AWS partition: aws, aws-cn or aws-us-gov. */
  readonly partition: string;
}

export async function credentials(sts: STSClient): Promise<CheckResult<Caller>> {
  const { Account: account = "", Arn: arn = "" } = await sts.send(new GetCallerIdentityCommand({}));
  return ok(`${arn}, account ${account}`, { account, arn, partition: arn.split(":")[1] ?? "aws" });
}

/**
 * Returns each AWS region's opt-in status by name (EC2 API, DescribeRegions: OptInStatus); undefined without
 * permission.
 */
export async function optInStatuses(ec2: EC2Client): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const { Regions = [] } = await ec2.send(new DescribeRegionsCommand({ AllRegions: true }));
    return new Map(Regions.map(({ RegionName = "", OptInStatus = "" }) => [RegionName, OptInStatus]));
  } catch (error) {
    if ((error as Error).name === "UnauthorizedOperation") return undefined;
    throw error;
  }
}

export function awsRegion(name: string, statuses: ReadonlyMap<string, string> | undefined): CheckResult {
  if (!statuses) return warning(`cannot check whether ${name} is enabled`, "allow ec2:DescribeRegions");
  const status = statuses.get(name);
  if (status === undefined)
    return broken(
      `${name} is not an AWS region for this account`,
      "correct this `awsRegion` in Pulumi.yaml, or use an account in the region's partition",
      ExitCode.BadInput,
    );
  if (status === "not-opted-in")
    return broken(
      `${name} is not enabled in this account`,
      `run \`aws account enable-region --region-name ${name}\`, which takes minutes to hours`,
      ExitCode.BadInput,
    );
  return ok("enabled");
}

/**
 * Returns the ARN of the caller's user or role, as IAM's policy simulator and EKS access entries need it. Undefined for
 * the root user and federated sessions, which have no policies to simulate.
 *
 * A session's ARN lacks the path of its role, and the roles of IAM Identity Center have a path. IAM returns the path;
 * without permission to ask IAM, this function assumes that the role has none.
 */
export async function principalArn(iam: IAMClient, { account, arn, partition }: Caller): Promise<string | undefined> {
  const [kind, name] = (arn.split(":").at(-1) ?? "").split("/");
  if (kind === "user") return arn;
  if (kind !== "assumed-role" || name === undefined) return undefined;
  const role = await iam.send(new GetRoleCommand({ RoleName: name })).catch(() => undefined);
  return role?.Role?.Arn ?? `arn:${partition}:iam::${account}:role/${name}`;
}
