import { type ContextEntry, type IAMClient, paginateSimulatePrincipalPolicy } from "@aws-sdk/client-iam";
import { ExitCode } from "../../model/errors";
import { PROJECT, STATE_BUCKET_PREFIX } from "../../model/names";
import { boundaryArn } from "../../model/policies/boundary";
import { broken, ok, type Verdict, warning } from "../examination/finding";
import { type Caller, principalArn } from "./account";

/** What CI's deploy role may not, since it would have to be allowed to tag any key (model/policies/ci.ts). */
const MAKE_KEY = "kms:CreateKey";

interface Sample {
  readonly actions: readonly string[];
  /** What the actions are tried on: a policy limited to our names must not count as a refusal. */
  readonly resource: string;
}

/** Some of what `up` does, a few of each service: whoever may do these was given a policy meant for it. */
function samples({ account, partition }: Caller, awsRegion: string): Sample[] {
  const ours = (service: string, rest: string, place = awsRegion) =>
    `arn:${partition}:${service}:${place}:${account}:${rest}`;
  return [
    {
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
    { actions: ["s3:CreateBucket"], resource: `arn:${partition}:s3:::${PROJECT}-sample` },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      resource: `arn:${partition}:s3:::${STATE_BUCKET_PREFIX}sample/sample`,
    },
    { actions: ["secretsmanager:CreateSecret"], resource: ours("secretsmanager", `secret:${PROJECT}-sample`) },
    { actions: ["iam:CreateRole", "iam:PassRole"], resource: ours("iam", `role/${PROJECT}-sample`, "") },
  ];
}

const context = (caller: Caller, awsRegion: string, service: string): ContextEntry[] =>
  Object.entries({
    "aws:RequestedRegion": awsRegion,
    "aws:RequestTag/project": PROJECT,
    "aws:ResourceTag/project": PROJECT,
    // As the calls for a cluster, a database and files are.
    "kms:GrantIsForAWSResource": "true",
    "iam:AWSServiceName": service,
    "iam:PassedToService": service,
    "iam:PermissionsBoundary": boundaryArn({ ...caller, accountId: caller.account }),
  }).map(([ContextKeyName, value]) => ({ ContextKeyName, ContextKeyType: "string", ContextKeyValues: [value] }));

/** What is asked of IAM's simulation. */
interface Simulated {
  /** The user or role whose policies count. */
  readonly source: string;
  readonly awsRegion: string;
  readonly actions: readonly string[];
  readonly resource: string;
  /** To which a role is handed, or whose linked role is made. Default EKS. */
  readonly service?: string;
}

/** Those of some actions that IAM would not allow. */
export async function refusedActions(iam: IAMClient, caller: Caller, asked: Simulated): Promise<string[]> {
  const { source, awsRegion, actions, resource, service = "eks.amazonaws.com" } = asked;
  if (actions.length === 0) return [];
  const request = {
    PolicySourceArn: source,
    ActionNames: [...actions],
    ResourceArns: [resource],
    ContextEntries: context(caller, awsRegion, service),
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
  judge: (source: string) => Promise<Verdict>,
): Promise<Verdict> {
  const source = await principalArn(iam, caller);
  if (source === undefined)
    return warning(`${caller.arn} has no policies that could be simulated`, "deploy with a role of its own");
  try {
    return await judge(source);
  } catch (error) {
    if (!(error instanceof Error && /^(AccessDenied|NoSuchEntity)/.test(error.name))) throw error;
    return warning(
      `could not be simulated for ${source} (${error.name})`,
      "allow iam:SimulatePrincipalPolicy and iam:GetRole on it, or look at its policies: model/policies/ci.ts lists what a deployment needs",
    );
  }
}

/**
 * Whether the caller may do what a deployment does, by IAM's own simulation: its policies, its boundary and the
 * organisation's, not those of resources.
 */
export function permissions(iam: IAMClient, caller: Caller, awsRegion: string): Promise<Verdict> {
  return simulated(iam, caller, async (source) => {
    const denied: string[] = [];
    for (const sample of samples(caller, awsRegion))
      denied.push(...(await refusedActions(iam, caller, { source, awsRegion, ...sample })));
    if (denied.length > 0 && denied.every((action) => action === MAKE_KEY))
      return warning(
        `${source} may not ${MAKE_KEY}: it can change the regions there are, as CI's deploy role does`,
        "deploy a new region with a role that may make keys",
      );
    if (denied.length > 0) return refused(source, denied);
    return ok(`a sample of what \`up\` does is allowed to ${source}`);
  });
}

export function refused(source: string, calls: readonly string[]): Verdict {
  return broken(
    `${source} may not ${calls.join(", ")}`,
    "give it what model/policies/ci.ts lists for a deployment, or deploy with another role",
    ExitCode.Unauthenticated,
  );
}
