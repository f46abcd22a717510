import { ACCOUNT, Account, type Call } from "./account";
import { awsResources, identities, type Rendered } from "./rendered";
import { report } from "./skips";
import { ask } from "./tools";

/** An attempt by an attacker who has taken over one of our workloads or a CI job. */
interface Attempt extends Call {
  /** Privilege that the attacker would gain. */
  readonly gain: string;
}

const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const bucket = (region: string) => `arn:aws:s3:::langflow-dr-${region}-flows-${ACCOUNT}`;
const STATE = `arn:aws:s3:::langflow-dr-state-${ACCOUNT}`;
const WITNESS = `arn:aws:s3:::langflow-dr-witness-us-west-2-${ACCOUNT}`;
const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/langflow-dr-boundary`;
const ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess";
const GITHUB = `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`;
const STATE_KEY = `arn:aws:kms:us-west-2:${ACCOUNT}:key/00000000-1111-2222-3333-444444444444`;
const OTHERS_SECRET = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:payroll-AbCdEf`;
const DATABASE = `arn:aws:rds:us-east-1:${ACCOUNT}:db:langflow-dr-us-east-database`;
const REPOSITORY = `arn:aws:ecr:us-east-1:${ACCOUNT}:repository/langflow`;

/** Context of a write that creates an object, which the bucket policy requires below `backups`. */
const newObject = { "s3:ObjectCreationOperation": "true", "s3:if-none-match": "*" };
const inUsEast = { "aws:RequestedRegion": "us-east-1" };
const bounded = { "iam:PermissionsBoundary": BOUNDARY };
const ours = { "aws:ResourceTag/project": "langflow-dr" };
const asState = { "kms:ResourceAliases": ["alias/langflow-dr-state"] };

type Try = readonly [
  action: string | readonly string[],
  resource: string | readonly string[],
  gain: string,
  context?: Call["context"],
];

/** Returns one attempt for each combination of action and resource in the lines. */
const attempts = (who: string, tries: readonly Try[]): Attempt[] =>
  tries.flatMap(([actions, resources, gain, context]) =>
    [actions]
      .flat()
      .flatMap((action) =>
        [resources].flat().map((resource) => ({ who, action, resource, gain, ...(context && { context }) })),
      ),
  );

const REGIONS = ["us-east", "eu-west"];
const CI = ["deploy", "preview", "drift", "image"].map((name) => `langflow-dr-ci-${name}`);

/** Returns the attempts that every pod makes, regardless of its workload. */
function ofPods(account: Account, pod: string, region: string): Try[] {
  const [own, others] = [bucket(region), bucket(region === "us-east" ? "eu-west" : "us-east")];
  const other = region === "us-east" ? "eu-west" : "us-east";
  const key = account.arn("foundation", "aws:kms/key:Key", region);
  return [
    [
      "s3:PutObject",
      [`${own}/backups/${other}/9/manifest.json`, `${others}/backups/${other}/9/manifest.json`],
      "a forged backup of another region",
      newObject,
    ],
    ["s3:PutObject", [`${own}/accounts/${other}/x`, `${others}/accounts/${other}/x`], "words in another region's name"],
    [
      ["s3:DeleteObject", "s3:DeleteObjectVersion"],
      [`${own}/backups/${region}/1/manifest.json`, `${others}/backups/${region}/1/manifest.json`],
      "no backup left",
    ],
    ["s3:DeleteObjectVersion", [`${own}/files/x`, `${own}/accounts/${region}/x`], "no version left"],
    ["s3:GetObject", [`${others}/files/x`, `${others}/backups/${other}/1/manifest.json`], "another region's data"],
    [
      [
        "s3:PutBucketPolicy",
        "s3:PutBucketVersioning",
        "s3:PutLifecycleConfiguration",
        "s3:PutBucketObjectLockConfiguration",
        "s3:DeleteBucket",
      ],
      own,
      "a bucket that forgets",
    ],
    [
      ["s3:PutObjectRetention", "s3:BypassGovernanceRetention"],
      `${own}/backups/${region}/1/manifest.json`,
      "a backup without its lock",
    ],
    [
      ["s3:GetObject", "s3:PutObject"],
      `${STATE}/.pulumi/stacks/langflow-dr/foundation.json`,
      "every secret of the state",
    ],
    ["secretsmanager:GetSecretValue", OTHERS_SECRET, "a secret of the account's"],
    [
      ["secretsmanager:PutSecretValue", "secretsmanager:DeleteSecret"],
      account.arn(region, "aws:secretsmanager/secret:Secret", `${region}-database`),
      "the database's password",
    ],
    [["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey"], key, "the key"],
    ["kms:CreateGrant", key, "the key, for good", { "kms:CallerAccount": ACCOUNT }],
    ["iam:CreateRole", role("langflow-dr-x"), "a role", bounded],
    [
      ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRolePermissionsBoundary"],
      role(pod),
      "more rights",
      bounded,
    ],
    ["iam:CreatePolicyVersion", BOUNDARY, "a wider boundary"],
    ["sts:AssumeRole", [role("langflow-dr-ci-deploy"), role(`langflow-dr-${region}-cluster`)], "another's role"],
    ["rds:DeleteDBInstance", DATABASE, "no database"],
    ["ecr:PutImage", REPOSITORY, "an image of its own"],
  ];
}

/** Returns the attempts that every CI role makes. */
function ofCi(account: Account): Try[] {
  const flows = bucket("us-east");
  const key = account.arn("foundation", "aws:kms/key:Key", "us-east");
  return [
    [
      ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
      [`${flows}/files/x`, `${flows}/backups/us-east/1/manifest.json`, `${WITNESS}/schedules/lease.json`],
      "users' data",
    ],
    [
      [
        "s3:PutBucketVersioning",
        "s3:PutLifecycleConfiguration",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:DeleteBucket",
      ],
      flows,
      "a bucket that forgets, or is open",
    ],
    ["s3:BypassGovernanceRetention", `${flows}/backups/us-east/1/manifest.json`, "a backup without its lock"],
    [
      ["s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:DeleteBucket", "s3:PutEncryptionConfiguration"],
      STATE,
      "the state's bucket",
    ],
    ["s3:DeleteObjectVersion", `${STATE}/.pulumi/stacks/langflow-dr/foundation.json`, "no former state"],
    [["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey"], key, "the fleet's key", ours],
    [["kms:PutKeyPolicy", "kms:CreateGrant"], STATE_KEY, "the state's key", asState],
    ["kms:UpdateAlias", `arn:aws:kms:us-west-2:${ACCOUNT}:alias/langflow-dr-state`, "another key for the state"],
    ["secretsmanager:GetSecretValue", OTHERS_SECRET, "a secret of the account's", inUsEast],
    [
      ["secretsmanager:PutResourcePolicy", "secretsmanager:DeleteSecret"],
      account.arn("foundation", "aws:secretsmanager/secret:Secret", "shared-api-key"),
      "a secret for others",
      inUsEast,
    ],
    [["iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"], role("langflow-dr-x"), "an administrator"],
    ["iam:CreateRole", role("langflow-dr-x"), "an administrator", { "iam:PermissionsBoundary": ADMINISTRATOR }],
    ["iam:CreateRole", role("x"), "a role of another name", bounded],
    [
      "iam:PutRolePermissionsBoundary",
      role("langflow-dr-us-east-node"),
      "a wider boundary",
      { "iam:PermissionsBoundary": ADMINISTRATOR },
    ],
    ["iam:DeleteRolePermissionsBoundary", role("langflow-dr-us-east-node"), "no boundary", bounded],
    [
      [
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:SetDefaultPolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
      ],
      BOUNDARY,
      "a wider boundary",
    ],
    [
      "iam:AttachRolePolicy",
      role("langflow-dr-us-east-node"),
      "an administrator",
      { ...bounded, "iam:PolicyARN": ADMINISTRATOR },
    ],
    [
      ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePolicy"],
      CI.map(role),
      "CI's rights",
      bounded,
    ],
    ["iam:UpdateAssumeRolePolicy", role("langflow-dr-admin"), "the role that a person made for deploying"],
    ["iam:PassRole", CI.map(role), "CI's role on a machine of its own", { "iam:PassedToService": "ec2.amazonaws.com" }],
    [
      "iam:PassRole",
      role("langflow-dr-us-east-node"),
      "the role in a function",
      { "iam:PassedToService": "lambda.amazonaws.com" },
    ],
    [
      [
        "iam:UpdateOpenIDConnectProviderThumbprint",
        "iam:AddClientIDToOpenIDConnectProvider",
        "iam:DeleteOpenIDConnectProvider",
      ],
      GITHUB,
      "tokens of its own making",
    ],
    [["iam:CreateUser", "iam:CreateAccessKey"], `arn:aws:iam::${ACCOUNT}:user/langflow-dr-x`, "a key that stays"],
    ["sts:AssumeRole", role("langflow-dr-us-east-backup"), "a pod's role"],
    ["rds:DeleteDBInstance", DATABASE, "no database", inUsEast],
    [
      "rds:DeleteDBInstanceAutomatedBackup",
      `arn:aws:rds:us-east-1:${ACCOUNT}:auto-backup:ab-1`,
      "no backup left",
      inUsEast,
    ],
    [
      "rds:ModifyDBSnapshotAttribute",
      `arn:aws:rds:us-east-1:${ACCOUNT}:snapshot:final`,
      "a database for another account",
      inUsEast,
    ],
    [["ecr:BatchDeleteImage", "ecr:DeleteRepository"], REPOSITORY, "no image left", inUsEast],
    [
      "ec2:RunInstances",
      `arn:aws:ec2:sa-east-1:${ACCOUNT}:instance/*`,
      "machines where nobody looks",
      { "aws:RequestedRegion": "sa-east-1" },
    ],
  ];
}

/** Attempts of the roles that cannot deploy. */
const OF_READERS: Try[] = [
  ["s3:PutObject", `${STATE}/.pulumi/stacks/langflow-dr/foundation.json`, "a forged state"],
  [
    "secretsmanager:PutSecretValue",
    `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:langflow-dr-x-AbCdEf`,
    "a secret of its own",
    inUsEast,
  ],
  ["ec2:RunInstances", `arn:aws:ec2:us-east-1:${ACCOUNT}:instance/*`, "a machine", inUsEast],
  [
    "eks:CreateAccessEntry",
    `arn:aws:eks:us-east-1:${ACCOUNT}:cluster/langflow-dr-us-east-cluster`,
    "the cluster",
    inUsEast,
  ],
  ["rds:ModifyDBInstance", DATABASE, "the database's password", inUsEast],
  ["iam:CreateRole", role("langflow-dr-x"), "a role", bounded],
];

/** Name of a role that a deploy creates, with full rights, the boundary, and an arbitrary trust policy. */
const MADE = "langflow-dr-made-by-a-deploy";

/** Returns the attempts that must fail even with such a role. */
function ofMade(account: Account): Try[] {
  return [
    [
      ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"],
      [role("langflow-dr-x"), role(MADE)],
      "an administrator",
      bounded,
    ],
    ["iam:DeleteRolePermissionsBoundary", role(MADE), "no boundary", bounded],
    ["iam:CreatePolicyVersion", BOUNDARY, "a wider boundary"],
    [["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"], CI.map(role), "CI's rights", bounded],
    [
      "iam:PassRole",
      [role("admin"), ...CI.map(role)],
      "another's role on a machine",
      { "iam:PassedToService": "ec2.amazonaws.com" },
    ],
    ["sts:AssumeRole", [role("admin"), ...CI.map(role)], "another's role"],
    [["iam:CreateUser", "iam:CreateAccessKey"], `arn:aws:iam::${ACCOUNT}:user/x`, "a key that stays"],
    ...REGIONS.flatMap((region): Try[] => [
      [
        ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        `${bucket(region)}/backups/${region}/1/manifest.json`,
        "no backup left",
      ],
      ["s3:DeleteObjectVersion", `${bucket(region)}/files/x`, "no version left"],
      [
        [
          "s3:PutBucketPolicy",
          "s3:PutBucketVersioning",
          "s3:PutLifecycleConfiguration",
          "s3:PutReplicationConfiguration",
          "s3:PutBucketObjectLockConfiguration",
        ],
        bucket(region),
        "a bucket that forgets",
      ],
      [
        ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:CreateGrant"],
        account.arn("foundation", "aws:kms/key:Key", region),
        "the key",
      ],
    ]),
    [
      ["s3:GetObject", "s3:PutObject"],
      `${STATE}/.pulumi/stacks/langflow-dr/foundation.json`,
      "every secret of the state",
    ],
    ["kms:Decrypt", STATE_KEY, "every secret of the state", asState],
    ["secretsmanager:GetSecretValue", OTHERS_SECRET, "a secret of the account's"],
    [["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::payroll/x", "others' data"],
    [["rds:ModifyDBInstance", "rds:DeleteDBInstance"], DATABASE, "the database"],
    ["ec2:RunInstances", `arn:aws:ec2:sa-east-1:${ACCOUNT}:instance/*`, "machines where nobody looks"],
  ];
}

function table(account: Account): Attempt[] {
  const pods = ["langflow", "flow-sync", "backup", "restore", "move-in", "alertmanager", "prometheus"];
  const [deploy = "", ...others] = CI;
  return [
    ...REGIONS.flatMap((region) =>
      pods.map((pod) => `langflow-dr-${region}-${pod}`).flatMap((pod) => attempts(pod, ofPods(account, pod, region))),
    ),
    ...attempts(deploy, ofCi(account)),
    ...others.flatMap((who) => attempts(who, [...ofCi(account), ...OF_READERS])),
    // The ready and drill jobs have no role of their own. They use drift's role or one of the fleet's owner, and
    // deploy's role.
    ...attempts("langflow-dr-ci-image", [
      ["s3:GetObject", `${STATE}/.pulumi/stacks/langflow-dr/foundation.json`, "every secret of the state"],
    ]),
    ...attempts("langflow-dr-ci-preview", [
      [
        "secretsmanager:GetSecretValue",
        `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:langflow-dr-x-AbCdEf`,
        "a secret",
        inUsEast,
      ],
      ["ecr:PutImage", REPOSITORY, "an image of its own", inUsEast],
    ]),
    ...attempts(MADE, ofMade(account)),
  ];
}

describe("an attacker who has taken over a pod or a CI job", () => {
  const resources = awsResources();
  let managed: Record<string, object>;
  beforeAll(async () => {
    const attached = resources.flatMap(({ inputs }) => (typeof inputs.policyArn === "string" ? inputs.policyArn : []));
    const aws = attached.filter((arn) => arn.startsWith("arn:aws:iam::aws:policy/"));
    managed = await ask("managed.py", [...new Set(aws)]);
  });

  /** Returns the account plus the role that a deploy created in it. */
  const withMade = (boundary: string | undefined): Rendered[] => {
    const some = { stack: "us-east", name: MADE };
    const all = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
    return [
      ...resources,
      {
        ...some,
        type: "aws:iam/role:Role",
        inputs: { name: MADE, assumeRolePolicy: "{}", permissionsBoundary: boundary },
      },
      { ...some, type: "aws:iam/rolePolicy:RolePolicy", inputs: { name: "all", role: MADE, policy: all } },
    ];
  };
  const through = async (account: Account, rows: readonly Attempt[]): Promise<string[]> => {
    const verdicts = await Promise.all(rows.map((row) => account.decide(row)));
    return rows.flatMap(({ who, action, resource, gain }, index) =>
      verdicts[index] === "allow" ? [`${who} gains ${gain}: ${action} ${resource}`] : [],
    );
  };

  it("gains no privilege by any attempt", async () => {
    const account = new Account(withMade(BOUNDARY), identities(), managed);
    const rows = table(account);
    report("escalations", `  ${rows.length} attempts of ${new Set(rows.map(({ who }) => who)).size} roles`);
    expect(rows.length).toBeGreaterThan(60);
    expect(await through(account, rows)).toEqual([]);
  }, 180_000);

  it("would succeed in most attempts with a role without the permissions boundary", async () => {
    const account = new Account(withMade(undefined), identities(), managed);
    const rows = attempts(MADE, ofMade(account));
    expect((await through(account, rows)).length).toBeGreaterThan(rows.length / 2);
  }, 180_000);
});
