import { type ContextEntry, type IAMClient, paginateSimulatePrincipalPolicy } from "@aws-sdk/client-iam";
import { ExitCode } from "../../model/errors";
import { PROJECT, STATE_BUCKET_PREFIX } from "../../model/names";
import { boundaryArn } from "../../model/policies/boundary";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";
import { type Caller, principalArn } from "./account";

/** Denied to CI's deploy role, because it would also require permission to tag any key (model/policies/ci.ts). */
const MAKE_KEY = "kms:CreateKey";

/**
 * Returns a sample of the calls that `up` makes to each service. A caller that may make them has a deployment policy.
 * The sample uses the fleet's names, because a policy may be limited to them.
 */
function samples(caller: Caller, awsRegion: string): Simulated[] {
  const { account, partition } = caller;
  const role = `arn:${partition}:iam::${account}:role/${PROJECT}-sample`;
  return [
    {
      awsRegion,
      actions: [
        "ec2:CreateVpc",
        "ec2:CreateNatGateway",
        "ec2:AllocateAddress",
        "eks:CreateCluster",
        "rds:CreateDBInstance",
        "elasticfilesystem:CreateFileSystem",
        "ecr:CreateRepository",
        "acm:RequestCertificate",
        "logs:CreateLogGroup",
        MAKE_KEY,
      ],
      resource: "*",
    },
    { awsRegion, actions: ["s3:CreateBucket"], resource: `arn:${partition}:s3:::${PROJECT}-sample` },
    {
      awsRegion,
      actions: ["s3:GetObject", "s3:PutObject"],
      resource: `arn:${partition}:s3:::${STATE_BUCKET_PREFIX}sample/sample`,
    },
    {
      awsRegion,
      actions: ["secretsmanager:CreateSecret"],
      resource: `arn:${partition}:secretsmanager:${awsRegion}:${account}:secret:${PROJECT}-sample`,
    },
    ...["iam:CreateRole", "iam:PassRole"].map((action) => ({
      awsRegion: requestedRegion(action, caller, awsRegion),
      actions: [action],
      resource: role,
    })),
  ];
}

/** AWS region of global services' calls, by service and partition (IAM user guide, `aws:RequestedRegion`). */
const HOME_REGIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  iam: { aws: "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1" },
  route53: { aws: "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1" },
};

/**
 * Returns the `aws:RequestedRegion` of a call. `iam:PassRole` is a permission check of the receiving service's call in
 * `awsRegion`.
 */
export function requestedRegion(action: string, { partition }: Caller, awsRegion: string): string {
  if (action === "iam:PassRole") return awsRegion;
  return HOME_REGIONS[action.split(":")[0] ?? ""]?.[partition] ?? awsRegion;
}

/** Input of one policy simulation. */
export interface Simulated {
  /** AWS region of the calls. */
  readonly awsRegion: string;
  readonly actions: readonly string[];
  readonly resource: string;
  /** Service that receives a role or gets a service-linked role. Default: EKS. */
  readonly service?: string;
  /** ARN of the attached managed policy. Default: none. */
  readonly policyArn?: string;
  /** Whether a service makes the calls on the caller's behalf. Default: false. */
  readonly isThroughService?: boolean;
  /** Whether the role has the fleet's permissions boundary. Default: true. */
  readonly isBounded?: boolean;
}

function context(caller: Caller, asked: Simulated): ContextEntry[] {
  const { awsRegion, service = "eks.amazonaws.com", policyArn, isThroughService = false, isBounded = true } = asked;
  const entry = (ContextKeyName: string, value: string, ContextKeyType: ContextEntry["ContextKeyType"] = "string") => ({
    ContextKeyName,
    ContextKeyType,
    ContextKeyValues: [value],
  });
  return [
    entry("aws:RequestedRegion", awsRegion),
    entry("aws:RequestTag/project", PROJECT),
    entry("aws:ResourceTag/project", PROJECT),
    entry("aws:ViaAWSService", `${isThroughService}`, "boolean"),
    entry("iam:AWSServiceName", service),
    entry("iam:PassedToService", service),
    ...(policyArn === undefined ? [] : [entry("iam:PolicyARN", policyArn)]),
    ...(isBounded ? [entry("iam:PermissionsBoundary", boundaryArn({ ...caller, accountId: caller.account }))] : []),
  ];
}

/**
 * Returns the actions that IAM would deny.
 *
 * @param source ARN of the user or role whose policies are simulated
 */
export async function refusedActions(
  iam: IAMClient,
  caller: Caller,
  source: string,
  asked: Simulated,
): Promise<string[]> {
  const request = {
    PolicySourceArn: source,
    ActionNames: [...asked.actions],
    ResourceArns: [asked.resource],
    ContextEntries: context(caller, asked),
  };
  const refused: string[] = [];
  for await (const { EvaluationResults = [] } of paginateSimulatePrincipalPolicy({ client: iam }, request))
    for (const { EvalActionName = "", EvalDecision } of EvaluationResults)
      if (EvalDecision !== "allowed") refused.push(EvalActionName);
  return refused;
}

/** Runs a check that simulates the caller's policies. @param judge receives the ARN of the caller's user or role */
export async function simulated(
  iam: IAMClient,
  caller: Caller,
  judge: (source: string) => Promise<CheckResult>,
): Promise<CheckResult> {
  const source = await principalArn(iam, caller);
  if (source === undefined)
    return warning(`${caller.arn} has no policies that IAM can simulate`, "deploy with an IAM role");
  try {
    return await judge(source);
  } catch (error) {
    if (!(error instanceof Error && /^(AccessDenied|NoSuchEntity)/.test(error.name))) throw error;
    return warning(
      `IAM could not simulate the policies of ${source} (${error.name})`,
      "allow iam:SimulatePrincipalPolicy and iam:GetRole on it, or check its policies against model/policies/ci.ts",
    );
  }
}

/**
 * Checks with IAM's simulator that the caller may deploy. The simulator evaluates the caller's policies, its
 * permissions boundary and the organization's policies, but no resource policies.
 */
export function permissions(iam: IAMClient, caller: Caller, awsRegion: string): Promise<CheckResult> {
  return simulated(iam, caller, async (source) => {
    const denied: string[] = [];
    for (const sample of samples(caller, awsRegion))
      denied.push(...(await refusedActions(iam, caller, source, sample)));
    if (denied.length > 0 && denied.every((action) => action === MAKE_KEY))
      return warning(
        `${source} may not ${MAKE_KEY}: it can update existing regions, as CI's deploy role does, but not add one`,
        "deploy a new region with a role that may create keys",
      );
    if (denied.length > 0)
      return refused(
        source,
        denied,
        "grant what model/policies/ci.ts lists for a deployment, or deploy with a different role",
      );
    return ok(`${source} may make every API call of \`up\` that was simulated`);
  });
}

export function refused(source: string, calls: readonly string[], fix: string): CheckResult {
  return broken(`${source} may not ${calls.join(", ")}`, fix, ExitCode.Unauthenticated);
}
