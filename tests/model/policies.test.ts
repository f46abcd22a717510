import fc from "fast-check";
import { boundaryArn, boundaryPolicy, MANAGED_POLICY_MAX } from "../../model/policies/boundary";
import {
  CI_ROLE_PREFIX,
  deployIdentityPolicy,
  deployPolicy,
  driftPolicy,
  imagePolicy,
  previewPolicy,
} from "../../model/policies/ci";
import { type CiPurpose, ciTrust } from "../../model/policies/ciTrust";
import { policyText, type Statement } from "../../model/policies/document";
import { encryptionKeyPolicy } from "../../model/policies/encryptionKey";
import { flowBucketPolicy } from "../../model/policies/flowBucket";
import {
  type ReplicationEnd,
  ROLE_INLINE_POLICIES_MAX,
  replicationPolicy,
  replicationTrust,
} from "../../model/policies/flowReplication";
import { allows, denies } from "../iam";

const ACCOUNT = "123456789012";

/** Asserts that statement ids contain only letters and digits and are unique (IAM user guide, Sid). */
function expectSids(statements: readonly Statement[]): void {
  const ids = statements.map(({ Sid }) => Sid);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[A-Za-z0-9]+$/.test(id))).toEqual([]);
}

describe("encryptionKeyPolicy", () => {
  const policy = encryptionKeyPolicy({ awsRegion: "us-east-1", accountId: ACCOUNT, partition: "aws" });
  const use = policy.filter(({ Sid }) => Sid !== "AccountAdministers");
  const key = "arn:aws:kms:us-east-1:123456789012:key/1";
  const through = (service: string, account = ACCOUNT) => ({
    "kms:ViaService": `${service}.amazonaws.com`,
    "kms:CallerAccount": account,
  });

  it.each(["s3", "rds", "ecr", "secretsmanager", "elasticfilesystem", "ec2"])(
    "allows %s to use the key and create grants, only for this account and in this region",
    (service) => {
      const grant = { "kms:GrantIsForAWSResource": "true" };
      for (const action of ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"])
        expect(allows(use, { action, resource: key, context: through(`${service}.us-east-1`) })).toBe(true);
      const grantBy = (context: Record<string, string>) => ({ action: "kms:CreateGrant", resource: key, context });
      expect(allows(use, grantBy({ ...through(`${service}.us-east-1`), ...grant }))).toBe(true);
      expect(allows(use, grantBy(through(`${service}.us-east-1`)))).toBe(false);
      expect(allows(use, grantBy({ ...through(`${service}.eu-west-1`), ...grant }))).toBe(false);
      expect(allows(use, grantBy({ ...through(`${service}.us-east-1`, "999999999999"), ...grant }))).toBe(false);
    },
  );

  it("denies direct use of the key, and use through unlisted services", () => {
    expect(allows(use, { action: "kms:Decrypt", resource: key, context: { "kms:CallerAccount": ACCOUNT } })).toBe(
      false,
    );
    expect(allows(use, { action: "kms:Decrypt", resource: key, context: through("lambda.us-east-1") })).toBe(false);
  });

  it("lets only the account administer the key", () => {
    for (const action of ["kms:ScheduleKeyDeletion", "kms:PutKeyPolicy", "kms:DisableKey"])
      expect(allows(use, { action, resource: key, context: through("s3.us-east-1") })).toBe(false);
    expect(policy[0]?.Principal).toEqual({ AWS: `arn:aws:iam::${ACCOUNT}:root` });
  });

  it("allows CloudWatch to use the key only for this region's log groups", () => {
    const logs = policy.filter(({ Sid }) => Sid === "LogsUse");
    const group = (arn: string) => ({
      action: "kms:Encrypt",
      resource: key,
      context: { "kms:EncryptionContext:aws:logs:arn": arn },
    });
    expect(allows(logs, group(`arn:aws:logs:us-east-1:${ACCOUNT}:log-group:/aws/eks/x/cluster`))).toBe(true);
    expect(allows(logs, group(`arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:/aws/eks/x/cluster`))).toBe(false);
    expect(allows(logs, group("arn:aws:logs:us-east-1:999999999999:log-group:/aws/eks/x/cluster"))).toBe(false);
  });
});

describe("flowBucketPolicy", () => {
  const bucketArn = "arn:aws:s3:::langflow-dr-us-east-flows-123456789012";
  const keyArn = "arn:aws:kms:us-east-1:123456789012:key/1";
  const policy = flowBucketPolicy({ bucketArn, keyArn });
  const put = (context: Record<string, string>, action = "s3:PutObject") =>
    denies(policy, {
      action,
      resource: `${bucketArn}/file`,
      context: { "aws:SecureTransport": "true", "s3:TlsVersion": "1.3", ...context },
    });
  const [encryption, key] = ["s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"];

  it("denies plain HTTP and old TLS for reads and writes of objects and of the bucket", () => {
    for (const resource of [bucketArn, `${bucketArn}/file`]) {
      expect(denies(policy, { action: "s3:GetObject", resource, context: { "aws:SecureTransport": "false" } })).toBe(
        true,
      );
      expect(denies(policy, { action: "s3:ListBucket", resource, context: { "s3:TlsVersion": "1.1" } })).toBe(true);
    }
  });

  it("allows writes without encryption headers, or with the bucket's own encryption", () => {
    expect(put({})).toBe(false);
    expect(put({ [encryption]: "aws:kms", [key]: keyArn })).toBe(false);
  });

  it("denies writes with a different encryption or key", () => {
    expect(put({ [encryption]: "AES256" })).toBe(true);
    // Without a key, this means the account's AWS-managed S3 key, under which replication fails.
    expect(put({ [encryption]: "aws:kms" })).toBe(true);
    expect(put({ [encryption]: "aws:kms", [key]: "arn:aws:kms:us-east-1:123456789012:key/2" })).toBe(true);
  });

  it("allows replicated objects with the key that the replication rule sets", () => {
    expect(put({ [encryption]: "aws:kms", [key]: "arn:aws:kms:eu-west-1:1:key/2" }, "s3:ReplicateObject")).toBe(false);
  });

  it("denies overwriting below backups: object creation there requires If-None-Match", () => {
    const over = (resource: string, context: Record<string, string>, action = "s3:PutObject") =>
      denies(policy, {
        action,
        resource: `${bucketArn}/${resource}`,
        context: { "aws:SecureTransport": "true", "s3:TlsVersion": "1.3", ...context },
      });
    const makes = { "s3:ObjectCreationOperation": "true" };
    expect(over("backups/us-east/x/manifest.json", makes)).toBe(true);
    expect(over("backups/us-east/x/manifest.json", { ...makes, "s3:if-none-match": "*" })).toBe(false);
    expect(over("backups/us-east/x/database.dump", { "s3:ObjectCreationOperation": "false" })).toBe(false);
    expect(over("backups/us-east/x/database.dump", makes, "s3:ReplicateObject")).toBe(false);
    expect(over("files/owner/x", makes)).toBe(false);
  });

  it("contains no allow statements", () => {
    expect(policy.filter(({ Effect }) => Effect === "Allow")).toEqual([]);
  });
});

describe("replicationPolicy", () => {
  const end = (index: number): ReplicationEnd => ({
    awsRegion: `ap-southeast-${index}`,
    bucketArn: `arn:aws:s3:::langflow-dr-${"r".repeat(14)}${String(index).padStart(2, "0")}-flows-${ACCOUNT}`,
    keyArn: `arn:aws:kms:ap-southeast-${index}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-12345678${String(index).padStart(4, "0")}`,
  });
  const mesh = fc.integer({ min: 2, max: 16 }).map((count) => Array.from({ length: count }, (_, index) => end(index)));
  const split = (ends: ReplicationEnd[]) => {
    const [source, ...destinations] = ends;
    if (!source) throw new Error("an empty mesh");
    return { source, destinations };
  };

  it("names only buckets and keys of the replication, never a wildcard", () => {
    fc.assert(
      fc.property(mesh, (ends) => {
        const { source, destinations } = split(ends);
        const known = new Set(ends.flatMap(({ bucketArn, keyArn }) => [bucketArn, `${bucketArn}/*`, keyArn]));
        const named = replicationPolicy(source, destinations).flatMap(({ Resource }) => Resource ?? "nothing");
        expect(named.filter((arn) => !known.has(arn))).toEqual([]);
      }),
    );
  });

  it("allows writes to every destination, but never to the source", () => {
    fc.assert(
      fc.property(mesh, (ends) => {
        const { source, destinations } = split(ends);
        const policy = replicationPolicy(source, destinations);
        const write = ({ bucketArn }: ReplicationEnd, action: string) =>
          allows(policy, { action, resource: `${bucketArn}/file` });
        for (const action of ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]) {
          expect(destinations.every((destination) => write(destination, action))).toBe(true);
          expect(write(source, action)).toBe(false);
        }
        expect(write(source, "s3:GetObjectVersionForReplication")).toBe(true);
        // Needed for a source bucket with Object Lock.
        expect(write(source, "s3:GetObjectRetention") && write(source, "s3:GetObjectLegalHold")).toBe(true);
        expect(destinations.some((destination) => write(destination, "s3:GetObjectVersionForReplication"))).toBe(false);
      }),
    );
  });

  it("allows each key only through S3 of its region and for its own bucket, with and without bucket keys", () => {
    fc.assert(
      fc.property(mesh, (ends) => {
        const { source, destinations } = split(ends);
        const policy = replicationPolicy(source, destinations);
        const use = (action: string, key: ReplicationEnd, bucket: ReplicationEnd, object = "") =>
          allows(policy, {
            action,
            resource: key.keyArn,
            context: {
              "kms:ViaService": `s3.${key.awsRegion}.amazonaws.com`,
              "kms:EncryptionContext:aws:s3:arn": `${bucket.bucketArn}${object}`,
            },
          });
        expect(use("kms:Decrypt", source, source)).toBe(true);
        expect(use("kms:Decrypt", source, source, "/file")).toBe(true);
        for (const destination of destinations) {
          expect(use("kms:Encrypt", destination, destination, "/file")).toBe(true);
          expect(use("kms:GenerateDataKey", destination, destination)).toBe(true);
          expect(use("kms:Decrypt", destination, destination)).toBe(false);
          expect(use("kms:Encrypt", destination, source)).toBe(false);
          expect(allows(policy, { action: "kms:Encrypt", resource: destination.keyArn })).toBe(false);
        }
      }),
    );
  });

  it("fits into a role for sixteen regions with the longest names", () => {
    const { source, destinations } = split(Array.from({ length: 16 }, (_, index) => end(index)));
    const policy = replicationPolicy(source, destinations);
    expect(policyText(policy).length).toBeLessThan(ROLE_INLINE_POLICIES_MAX);
    expectSids(policy);
  });

  it("trusts only S3", () => {
    expect(replicationTrust().map(({ Principal, Action }) => [Principal, Action])).toEqual([
      [{ Service: "s3.amazonaws.com" }, "sts:AssumeRole"],
    ]);
  });
});

describe("ciTrust", () => {
  const provider = `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`;
  const issuer = "token.actions.githubusercontent.com";
  const subjects = ["repo:acme/flows", "repo:acme-1234/flows-5678"];
  const assume = (purpose: CiPurpose, claims: Record<string, string>) =>
    allows(
      ciTrust(purpose, "acme/flows", provider).map((statement) => ({ ...statement, Resource: "*" })),
      {
        action: "sts:AssumeRoleWithWebIdentity",
        resource: "role",
        context: Object.fromEntries(
          Object.entries({ aud: "sts.amazonaws.com", repository: "acme/flows", ...claims }).map(([claim, value]) => [
            `${issuer}:${claim}`,
            value,
          ]),
        ),
      },
    );
  const main = "refs/heads/main";

  it.each(subjects)("admits jobs of the repository whose subject starts with %s", (subject) => {
    expect(assume("deploy", { sub: `${subject}:environment:production`, environment: "production", ref: main })).toBe(
      true,
    );
    expect(assume("preview", { sub: `${subject}:pull_request`, ref: "refs/pull/7/merge" })).toBe(true);
    expect(assume("drift", { sub: `${subject}:ref:${main}`, ref: main })).toBe(true);
    expect(assume("image", { sub: `${subject}:ref:${main}`, ref: main })).toBe(true);
  });

  it("lets only the main branch push an image, not other branches or pull requests", () => {
    expect(assume("image", { sub: "repo:acme/flows:ref:refs/heads/feature", ref: "refs/heads/feature" })).toBe(false);
    expect(assume("image", { sub: "repo:acme/flows:pull_request", ref: "refs/pull/7/merge" })).toBe(false);
  });

  it("lets no other branch deploy, even if it names the environment", () => {
    const claims = { sub: "repo:acme/flows:environment:production", environment: "production" };
    expect(assume("deploy", { ...claims, ref: "refs/heads/feature" })).toBe(false);
  });

  it("lets no pull request and no unapproved job of the main branch deploy", () => {
    expect(assume("deploy", { sub: "repo:acme/flows:pull_request", ref: "refs/pull/7/merge" })).toBe(false);
    expect(assume("deploy", { sub: `repo:acme/flows:ref:${main}`, ref: main })).toBe(false);
    expect(assume("drift", { sub: "repo:acme/flows:pull_request", ref: "refs/pull/7/merge" })).toBe(false);
  });

  it.each(["acme-evil/flows", "acme/flows-evil", "acme/other"])("does not admit %s", (repository) => {
    expect(assume("preview", { repository, sub: `repo:${repository}:pull_request` })).toBe(false);
  });

  it("does not admit tokens for a different audience", () => {
    expect(assume("preview", { aud: "https://github.com/acme", sub: "repo:acme/flows:pull_request" })).toBe(false);
  });
});

describe("CI policies", () => {
  const args = {
    partition: "aws",
    accountId: ACCOUNT,
    awsRegions: ["us-east-1", "eu-west-1"],
    repositories: ["langflow", "langflow-agent"],
  };
  const deploy = [...deployPolicy(args), ...deployIdentityPolicy(args)];
  const inUsEast = { "aws:RequestedRegion": "us-east-1" };
  const secret = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:langflow-dr-api-key-1-AbCdEf`;
  const flows = `arn:aws:s3:::langflow-dr-us-east-flows-${ACCOUNT}`;
  const state = `arn:aws:s3:::langflow-dr-state-${ACCOUNT}`;
  const key = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1`;
  const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
  const BOUNDARY = boundaryArn(args);

  it.each([
    ["preview", previewPolicy(args)],
    ["drift", driftPolicy(args)],
  ])("let %s read settings and the state, and write nothing", (_, policy) => {
    expect(allows(policy, { action: "ec2:DescribeVpcs", resource: "*" })).toBe(true);
    expect(allows(policy, { action: "s3:GetBucketVersioning", resource: flows })).toBe(true);
    expect(allows(policy, { action: "s3:GetObject", resource: `${state}/.pulumi/stacks/x.json` })).toBe(true);
    const stateKey = { "kms:ResourceAliases": ["alias/langflow-dr-state"] };
    expect(allows(policy, { action: "kms:Decrypt", resource: key, context: stateKey })).toBe(true);
    expect(allows(policy, { action: "kms:Decrypt", resource: key })).toBe(false);
    expect(denies(policy, { action: "s3:GetObject", resource: `${flows}/file` })).toBe(true);
    for (const action of ["s3:PutObject", "ec2:RunInstances", "iam:CreateRole", "secretsmanager:PutSecretValue"])
      expect(allows(policy, { action, resource: "*", context: inUsEast })).toBe(false);
  });

  it("let drift checks read our secrets in our regions, which a refresh needs, but deny previews every secret", () => {
    const read = { action: "secretsmanager:GetSecretValue", resource: secret, context: inUsEast };
    expect(allows(driftPolicy(args), read)).toBe(true);
    expect(allows(driftPolicy(args), { ...read, context: { "aws:RequestedRegion": "sa-east-1" } })).toBe(false);
    expect(allows(driftPolicy(args), { ...read, resource: secret.replace("langflow-dr", "payroll") })).toBe(false);
    expect(denies(previewPolicy(args), read)).toBe(true);
  });

  it("let a deployment create resources only in the fleet's regions", () => {
    for (const action of ["ec2:CreateVpc", "eks:CreateCluster", "rds:CreateDBInstance", "ecr:CreateRepository"]) {
      expect(allows(deploy, { action, resource: "*", context: inUsEast })).toBe(true);
      expect(allows(deploy, { action, resource: "*", context: { "aws:RequestedRegion": "sa-east-1" } })).toBe(false);
    }
    expect(allows(deploy, { action: "s3:PutReplicationConfiguration", resource: flows })).toBe(true);
    expect(allows(deploy, { action: "s3:PutObject", resource: `${state}/.pulumi/locks/x` })).toBe(true);
    expect(allows(deploy, { action: "s3:PutObject", resource: "arn:aws:s3:::payroll/x" })).toBe(false);
  });

  it("let a deployment manage the project's keys, but not claim other keys by tagging them", () => {
    const ours = { "aws:RequestTag/project": "langflow-dr" };
    for (const action of ["kms:CreateKey", "kms:TagResource", "kms:EnableKeyRotation", "kms:Decrypt"])
      expect([action, allows(deploy, { action, resource: key, context: ours })]).toEqual([action, false]);
    const manage = { action: "kms:EnableKeyRotation", resource: key };
    expect(allows(deploy, { ...manage, context: { "aws:ResourceTag/project": "langflow-dr" } })).toBe(true);
    expect(allows(deploy, manage)).toBe(false);
  });

  it.each([
    ["kms:ScheduleKeyDeletion", key, { "aws:ResourceTag/project": "langflow-dr" }],
    ["kms:PutKeyPolicy", key, { "aws:ResourceTag/project": "langflow-dr" }],
    ["s3:PutBucketPolicy", flows, {}],
    ["s3:DeleteBucketPolicy", flows, {}],
    ["s3:PutBucketPublicAccessBlock", flows, {}],
    ["s3:PutBucketObjectLockConfiguration", flows, {}],
    ["secretsmanager:PutResourcePolicy", secret, inUsEast],
    ["s3:DeleteBucket", flows, {}],
    ["s3:DeleteObjectVersion", `${flows}/file`, {}],
    ["s3:DeleteObject", `${flows}/file`, {}],
    ["s3:PutObject", `${flows}/file`, {}],
    ["s3:PutBucketVersioning", flows, {}],
    ["s3:PutLifecycleConfiguration", flows, {}],
    ["s3:PutBucketPolicy", state, {}],
    ["s3:PutBucketVersioning", state, {}],
    ["s3:DeleteObjectVersion", `${state}/.pulumi/stacks/x.json`, {}],
    ["kms:UpdateAlias", "arn:aws:kms:us-east-1:123456789012:alias/langflow-dr-state", {}],
    ["kms:DeleteAlias", "arn:aws:kms:us-east-1:123456789012:alias/langflow-dr-state", {}],
    ["ecr:BatchDeleteImage", "arn:aws:ecr:us-east-1:1:repository/langflow", inUsEast],
    ["ecr:PutLifecyclePolicy", "arn:aws:ecr:us-east-1:1:repository/langflow", inUsEast],
    ["rds:DeleteDBSnapshot", "arn:aws:rds:us-east-1:1:snapshot:final", inUsEast],
    ["rds:DeleteDBInstanceAutomatedBackup", "arn:aws:rds:us-east-1:1:auto-backup:ab-1", inUsEast],
    ["secretsmanager:RemoveRegionsFromReplication", secret, inUsEast],
    ["secretsmanager:DeleteSecret", secret, inUsEast],
    ["ecr:DeleteRepository", "arn:aws:ecr:us-east-1:1:repository/langflow", inUsEast],
    ["rds:DeleteDBInstance", "arn:aws:rds:us-east-1:1:db:langflow-dr-us-east", inUsEast],
    ["elasticfilesystem:DeleteFileSystem", "arn:aws:elasticfilesystem:us-east-1:1:file-system/fs-1", inUsEast],
  ])(
    "deny a deployment %s, because only an administrator may change data and access to data",
    (action, resource, context) => {
      expect(denies(deploy, { action, resource, context })).toBe(true);
    },
  );

  it("let a deployment change the witness's settings, but no other bucket's", () => {
    const witness = `arn:aws:s3:::langflow-dr-witness-us-west-2-${ACCOUNT}`;
    const witnessed = deployPolicy({ ...args, witnessAwsRegion: "us-west-2" });
    for (const action of ["s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"]) {
      expect(allows(witnessed, { action, resource: witness })).toBe(true);
      expect(allows(deploy, { action, resource: witness })).toBe(false);
      for (const other of [flows, state, `${witness}-2`, `arn:aws:s3:::langflow-dr-witness-flows-${ACCOUNT}`])
        expect([other, denies(witnessed, { action, resource: other })]).toEqual([other, true]);
    }
    expect(allows(witnessed, { action: "s3:CreateBucket", resource: witness })).toBe(true);
    expect(denies(witnessed, { action: "s3:DeleteBucket", resource: witness })).toBe(true);
    expect(denies(witnessed, { action: "s3:PutObject", resource: `${witness}/schedules/lease.json` })).toBe(true);
  });

  it("let a deployment change the point-in-time recovery, which restarts the replication of backups", () => {
    const database = `arn:aws:rds:us-east-1:${ACCOUNT}:db:langflow-dr-us-east-database`;
    const copy = `arn:aws:rds:eu-west-1:${ACCOUNT}:auto-backup:ab-1`;
    // The calls go to the backup region; the resources are the database and, to start, its copy (service authorization
    // reference, RDS).
    const inBackupRegion = { "aws:RequestedRegion": "eu-west-1" };
    for (const [action, resource, context] of [
      ["rds:ModifyDBInstance", database, inUsEast],
      ["rds:StopDBInstanceAutomatedBackupsReplication", database, inBackupRegion],
      ["rds:StartDBInstanceAutomatedBackupsReplication", database, inBackupRegion],
      ["rds:StartDBInstanceAutomatedBackupsReplication", copy, inBackupRegion],
    ] as const)
      expect([action, allows(deploy, { action, resource, context })]).toEqual([action, true]);
    const away = { action: "rds:DeleteDBInstanceAutomatedBackup", resource: copy, context: inBackupRegion };
    expect(denies(deploy, away)).toBe(true);
  });

  it("let a deployment create and change roles only with the boundary", () => {
    const resource = role("langflow-dr-us-east-cluster");
    const eks = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy";
    const may = (action: string, boundary?: string) =>
      allows(deploy, {
        action,
        resource,
        context: { "iam:PolicyARN": eks, ...(boundary && { "iam:PermissionsBoundary": boundary }) },
      });
    for (const action of [
      "iam:CreateRole",
      "iam:PutRolePolicy",
      "iam:AttachRolePolicy",
      "iam:UpdateAssumeRolePolicy",
      "iam:PutRolePermissionsBoundary",
    ]) {
      expect([action, may(action, BOUNDARY)]).toEqual([action, true]);
      expect([action, may(action)]).toEqual([action, false]);
      expect([action, may(action, `${BOUNDARY}-2`)]).toEqual([action, false]);
      expect([action, may(action, "arn:aws:iam::aws:policy/AdministratorAccess")]).toEqual([action, false]);
    }
  });

  it("do not let a deployment remove the boundary from a role or change the boundary", () => {
    const context = { "iam:PermissionsBoundary": BOUNDARY };
    const resource = role("langflow-dr-us-east-cluster");
    expect(denies(deploy, { action: "iam:DeleteRolePermissionsBoundary", resource, context })).toBe(true);
    for (const action of ["CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "SetDefaultPolicyVersion"])
      expect([action, denies(deploy, { action: `iam:${action}`, resource: BOUNDARY })]).toEqual([action, true]);
    expect(allows(deploy, { action: "iam:CreatePolicy", resource: BOUNDARY })).toBe(false);
  });

  it("let a deployment manage the fleet's roles, but not other roles or CI's own", () => {
    const context = { "iam:PermissionsBoundary": BOUNDARY };
    const put = (name: string) => ({ action: "iam:PutRolePolicy", resource: role(name), context });
    expect(allows(deploy, put("langflow-dr-us-east-cluster"))).toBe(true);
    expect(allows(deploy, put("admin"))).toBe(false);
    expect(denies(deploy, put(`${CI_ROLE_PREFIX}deploy`))).toBe(true);
    expect(denies(deploy, { action: "iam:UpdateAssumeRolePolicy", resource: role(`${CI_ROLE_PREFIX}drift`) })).toBe(
      true,
    );
  });

  it("let a deployment attach only AWS managed policies of the services it uses", () => {
    const attach = (policy: string) => ({
      action: "iam:AttachRolePolicy",
      resource: role("langflow-dr-us-east-cluster"),
      context: { "iam:PolicyARN": `arn:aws:iam::aws:policy/${policy}`, "iam:PermissionsBoundary": BOUNDARY },
    });
    expect(allows(deploy, attach("AmazonEKSClusterPolicy"))).toBe(true);
    expect(allows(deploy, attach("AdministratorAccess"))).toBe(false);
  });

  it("let a deployment pass roles only to the services that need them", () => {
    const pass = (service: string) => ({
      action: "iam:PassRole",
      resource: role("langflow-dr-us-east-flow-replication"),
      context: { "iam:PassedToService": service },
    });
    expect(allows(deploy, pass("s3.amazonaws.com"))).toBe(true);
    expect(allows(deploy, pass("lambda.amazonaws.com"))).toBe(false);
  });

  it("let an image build push to our repositories in our regions, but delete nothing", () => {
    const push = (region: string, name: string, action = "ecr:PutImage") =>
      allows(imagePolicy(args), { action, resource: `arn:aws:ecr:${region}:${ACCOUNT}:repository/${name}` });
    for (const region of args.awsRegions) for (const name of args.repositories) expect(push(region, name)).toBe(true);
    expect(push("sa-east-1", "langflow")).toBe(false);
    expect(push("us-east-1", "langflow-other")).toBe(false);
    for (const action of ["ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:PutImageTagMutability"])
      expect(push("us-east-1", "langflow", action)).toBe(false);
    expect(allows(imagePolicy(args), { action: "s3:GetObject", resource: `${state}/x` })).toBe(false);
  });

  it("fit into a role for sixteen regions", () => {
    const many = {
      ...args,
      witnessAwsRegion: "ap-southeast-7",
      awsRegions: Array.from({ length: 16 }, (_, index) => `ap-southeast-${index}`),
    };
    for (const parts of [
      [imagePolicy(many)],
      [deployPolicy(many), deployIdentityPolicy(many)],
      [previewPolicy(many)],
      [driftPolicy(many)],
    ]) {
      expect(parts.map((part) => policyText(part).length).reduce((sum, length) => sum + length)).toBeLessThan(
        ROLE_INLINE_POLICIES_MAX,
      );
      parts.forEach(expectSids);
    }
  });
});

describe("the permissions boundary", () => {
  const keyArn = (region: string) => `arn:aws:kms:${region}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
  const args = { partition: "aws", accountId: ACCOUNT, awsRegions: ["us-east-1", "eu-west-1"] };
  const boundary = boundaryPolicy({ ...args, keyArns: args.awsRegions.map(keyArn) });
  const inUsEast = { "aws:RequestedRegion": "us-east-1" };
  const flows = `arn:aws:s3:::langflow-dr-us-east-flows-${ACCOUNT}`;
  const state = `arn:aws:s3:::langflow-dr-state-${ACCOUNT}`;

  it("prevents every role from becoming an administrator, regardless of its own policies", () => {
    for (const [action, resource] of [
      ["iam:CreateRole", `arn:aws:iam::${ACCOUNT}:role/langflow-dr-x`],
      ["iam:PutRolePolicy", `arn:aws:iam::${ACCOUNT}:role/langflow-dr-x`],
      ["iam:UpdateAssumeRolePolicy", `arn:aws:iam::${ACCOUNT}:role/langflow-dr-ci-deploy`],
      ["iam:PassRole", `arn:aws:iam::${ACCOUNT}:role/admin`],
      ["iam:CreateUser", `arn:aws:iam::${ACCOUNT}:user/x`],
      ["iam:CreatePolicyVersion", boundaryArn(args)],
      ["sts:AssumeRole", `arn:aws:iam::${ACCOUNT}:role/admin`],
      ["rds:DeleteDBInstance", `arn:aws:rds:us-east-1:${ACCOUNT}:db:langflow-dr-us-east-database`],
      ["kms:PutKeyPolicy", keyArn("us-east-1")],
      ["kms:ScheduleKeyDeletion", keyArn("us-east-1")],
      ["s3:PutBucketPolicy", flows],
      ["s3:PutReplicationConfiguration", flows],
      ["s3:DeleteObjectVersion", `${flows}/files/a`],
      ["s3:DeleteObject", `${flows}/backups/us-east/a`],
      ["s3:GetObject", `${state}/.pulumi/stacks/x.json`],
      ["s3:PutObject", `${state}/.pulumi/stacks/x.json`],
      ["s3:GetObject", "arn:aws:s3:::payroll/x"],
      ["secretsmanager:GetSecretValue", `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:payroll-AbCdEf`],
      ["secretsmanager:PutSecretValue", `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:langflow-dr-x-AbCdEf`],
      ["kms:Decrypt", `arn:aws:kms:us-east-1:${ACCOUNT}:key/00000000-1111-2222-3333-444444444444`],
    ] as const)
      expect([action, resource, allows(boundary, { action, resource, context: inUsEast })]).toEqual([
        action,
        resource,
        false,
      ]);
    expect(
      allows(boundary, { action: "ec2:RunInstances", resource: "*", context: { "aws:RequestedRegion": "sa-east-1" } }),
    ).toBe(false);
  });

  it("fits into a managed policy for sixteen regions", () => {
    const awsRegions = Array.from({ length: 16 }, (_, index) => `ap-southeast-${index}`);
    const many = boundaryPolicy({ ...args, awsRegions, keyArns: awsRegions.map(keyArn) });
    expect(policyText(many).length).toBeLessThan(MANAGED_POLICY_MAX);
    expectSids(many);
  });
});
