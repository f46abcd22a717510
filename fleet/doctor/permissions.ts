import { type ContextEntry, type IAMClient, paginateSimulatePrincipalPolicy } from "@aws-sdk/client-iam";
import { ExitCode } from "../../model/errors";
import { PROJECT, STATE_BUCKET_PREFIX } from "../../model/names";
import { boundaryArn } from "../../model/policies/boundary";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";
import { type Caller, principalArn } from "./account";

/** What CI's deploy role may not, since it would have to be allowed to tag any key (model/policies/ci.ts). */
const MAKE_KEY = "kms:CreateKey";

/**
 * Some of what `up` does, a few of each service: whoever may do these was given a policy meant for it. They are tried on our names: a
 * policy limited to those must not count as a refusal.
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

/** Services that the account has once: the AWS region that a call is made in, by partition (IAM user guide, `aws:RequestedRegion`). */
const HOME_REGIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  iam: { aws: "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1" },
  route53: { aws: "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1" },
};

/** The AWS region in which IAM sees a call that is part of the work in another. `iam:PassRole` is no call: it belongs to the service's. */
export function requestedRegion(action: string, { partition }: Caller, awsRegion: string): string {
  if (action === "iam:PassRole") return awsRegion;
  return HOME_REGIONS[action.split(":")[0] ?? ""]?.[partition] ?? awsRegion;
}

/** What is asked of IAM's simulation. */
export interface Simulated {
  /** The AWS region that the calls are made in. */
  readonly awsRegion: string;
  readonly actions: readonly string[];
  readonly resource: string;
  /** To which a role is handed, or whose linked role is made. Default: EKS. */
  readonly service?: string;
  /** ARN of the managed policy that is attached. Default: none is. */
  readonly policyArn?: string;
  /** Whether a service makes the calls in the caller's name. Default: the caller makes them. */
  readonly isThroughService?: boolean;
  /** Whether the role has the fleet's permissions boundary. Default: it has. */
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
 * Those of some actions that IAM would not allow.
 *
 * @param source the user or role whose policies count
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

/** What IAM's simulation says of the caller's own policies. @param judge given the user or role that they belong to */
export async function simulated(
  iam: IAMClient,
  caller: Caller,
  judge: (source: string) => Promise<CheckResult>,
): Promise<CheckResult> {
  const source = await principalArn(iam, caller);
  if (source === undefined) return warning(`${caller.arn} has no policies to simulate`, "deploy with a dedicated role");
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
 * Whether the caller may do what a deployment does, by IAM's own simulation: its policies, its boundary and the
 * organisation's, not those of resources.
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
    return ok(`${source} may make a sample of the calls of \`up\``);
  });
}

export function refused(source: string, calls: readonly string[], fix: string): CheckResult {
  return broken(`${source} may not ${calls.join(", ")}`, fix, ExitCode.Unauthenticated);
}
