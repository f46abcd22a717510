import { DescribeRegionsCommand, type EC2Client } from "@aws-sdk/client-ec2";
import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand, type STSClient } from "@aws-sdk/client-sts";
import { ExitCode } from "../../model/errors";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";

/** Whom AWS takes us for. */
export interface Caller {
  readonly account: string;
  /** As STS says it: of a user, of the account's root, or of a session of a role. */
  readonly arn: string;
  /** aws, aws-cn or aws-us-gov. */
  readonly partition: string;
}

export async function credentials(sts: STSClient): Promise<CheckResult<Caller>> {
  const { Account: account = "", Arn: arn = "" } = await sts.send(new GetCallerIdentityCommand({}));
  return ok(`${arn}, account ${account}`, { account, arn, partition: arn.split(":")[1] ?? "aws" });
}

/** Whether each region is switched on (EC2 API, DescribeRegions: OptInStatus), by name; undefined where we may not ask. */
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
      "correct that `awsRegion` in Pulumi.yaml, or use an account in its partition",
      ExitCode.BadInput,
    );
  if (status === "not-opted-in")
    return broken(
      `${name} is not enabled in this account`,
      `aws account enable-region --region-name ${name} (takes minutes to hours)`,
      ExitCode.BadInput,
    );
  return ok("enabled");
}

/**
 * The user or role behind the caller: what IAM simulates, and what an EKS access entry names. Undefined for the root
 * user and federated sessions, which have no policies to look at.
 *
 * A session's ARN has lost the path of its role, as single sign-on's roles have one: so IAM is asked, and only where it
 * may not be asked the path is taken to be empty.
 */
export async function principalArn(iam: IAMClient, { account, arn, partition }: Caller): Promise<string | undefined> {
  const [kind, name] = (arn.split(":").at(-1) ?? "").split("/");
  if (kind === "user") return arn;
  if (kind !== "assumed-role" || name === undefined) return undefined;
  const role = await iam.send(new GetRoleCommand({ RoleName: name })).catch(() => undefined);
  return role?.Role?.Arn ?? `arn:${partition}:iam::${account}:role/${name}`;
}
