import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import type { Finding } from "../../../fleet/checks/checkResult";
import { FOUNDATION, REGION } from "../../../fleet/doctor/firstSteps";
import { quotaVerdict } from "../../../fleet/doctor/quotas";
import { nodeRuntime } from "../../../fleet/doctor/tools";
import { parseBackend } from "../../../fleet/stacks/backend";
import { doctor } from "../../../fleet/verbs/doctor/handler";
import { ExitCode } from "../../../model/errors";
import { RULESETS } from "../../../model/frontDoor/rulesets";
import { type Clouds, healthyClouds, PROVIDER, serveClouds, TOKEN } from "./fakeClouds";
import { SetUp, stacks } from "./setUp";

const ROOT = join(__dirname, "../../..");

jest.setTimeout(30_000);

let server: Server;
let url: string;
let clouds: Clouds;
let setUp: SetUp;
const environment = process.env;

beforeAll(async () => {
  ({ url, server } = await serveClouds(() => clouds));
});
afterAll(() => server.close());
beforeEach(() => {
  clouds = healthyClouds();
  setUp = new SetUp(url);
});
afterEach(() => {
  process.env = environment;
  jest.restoreAllMocks();
  setUp.remove();
});

async function run(json = true, first = false): Promise<{ exitCode: ExitCode; stdout: string; all: string }> {
  process.env = { ...setUp.environment };
  let stdout = "";
  let stderr = "";
  jest.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  jest.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += text;
    return true;
  });
  const exitCode = await doctor({ first, json, project: setUp.project, signal: new AbortController().signal });
  jest.restoreAllMocks();
  return { exitCode, stdout, all: stdout + stderr };
}

async function examine(first = false): Promise<{ exitCode: ExitCode; checks: Finding[]; all: string }> {
  const { exitCode, stdout, all } = await run(true, first);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ verb: "doctor", exitCode });
  return { exitCode, checks: report.checks, all };
}

const withAccess = (more: object = {}): void =>
  setUp.edit("Pulumi.edge.yaml", ["config", "langflow-dr:access"], {
    allow: { emailDomains: ["flows.test"] },
    ...more,
  });
const withFrontDoor = (more: object = {}): void =>
  setUp.edit("Pulumi.edge.yaml", ["config", "langflow-dr:frontDoor"], { plan: "pro", ...more });
const inDays = (days: number): string => new Date(Date.now() + (days + 0.5) * 86_400_000).toISOString();

interface BrokenSetUp {
  readonly title: string;
  readonly spoil: () => void;
  readonly check: string;
  readonly result: "warning" | "broken";
  readonly finding: RegExp;
  readonly fix: RegExp;
  readonly exitCode: ExitCode;
  /** Checks that `doctor` skips because of this problem. */
  readonly unchecked?: readonly string[];
}

const aws = [
  "AWS permissions",
  "witness: AWS region",
  "us-east: AWS region",
  "us-east: quotas",
  "us-east: backup region",
  "us-east: images",
  "us-east: cluster access",
];
const AFTER_BUCKET = ["state bucket's settings", "stacks"];
const AFTER_CREDENTIALS = [
  ...aws,
  ...aws.slice(2).map((name) => name.replace("us-east", "eu-west")),
  ...AFTER_BUCKET,
  "state bucket",
];
const AFTER_TOKEN = ["zone", "load balancing", "plan", "TLS"].map((name) => `Cloudflare ${name}`);

const OWN_WORKFLOW = "team/langflow-dr/.github/workflows/deploy.yml@refs/heads/main";

/** Gaps in the GitHub repository's protection. `doctor` only warns about them: none prevents a deployment from here. */
const OPEN_DOORS: readonly [title: string, spoil: () => void, noun: string, finding: RegExp][] = [
  ["a missing environment", () => (clouds.github.environment = undefined), "environment", /no environment production/],
  [
    "an environment without reviewers",
    () => (clouds.github.environment = { reviewers: 0, branches: "protected" }),
    "environment",
    /production has no reviewers/,
  ],
  [
    "an environment that every branch may deploy to",
    () => (clouds.github.environment = { reviewers: 1, branches: "all" }),
    "environment",
    /open to every branch and tag/,
  ],
  [
    "an environment that a tag named main may deploy to",
    () =>
      (clouds.github.environment = {
        reviewers: 1,
        branches: [{ name: "main" }, { name: "main", type: "tag" }, { name: "release/*" }],
      }),
    "environment",
    /open to main, release/,
  ],
  [
    "a main branch without push protection",
    () => (clouds.github.rules = []),
    "branch",
    /pull requests, the check Test, no force/,
  ],
  [
    "a classic branch protection of main without the required check",
    () => {
      clouds.github.rules = [];
      clouds.github.protection = {
        required_pull_request_reviews: {},
        required_status_checks: { checks: [{ context: "Lint" }] },
        allow_force_pushes: { enabled: false },
      };
    },
    "branch",
    /lacks visible rules: the check Test$/,
  ],
  ["a tag named main that any writer may create", () => (clouds.github.tagRulesets = []), "tag", /tags named main/],
  [
    "a ruleset in evaluate mode",
    () =>
      (clouds.github.tagRulesets = [{ name: "x", enforcement: "evaluate", include: ["~ALL"], rules: ["creation"] }]),
    "tag",
    /tags named main/,
  ],
  [
    "a ruleset for other tags",
    () =>
      (clouds.github.tagRulesets = [
        { name: "x", enforcement: "active", include: ["refs/tags/v*"], rules: ["creation"] },
      ]),
    "tag",
    /tags named main/,
  ],
  [
    "the same runner label for main and pull requests",
    () => (clouds.github.variables = { CLUSTER_RUNNER: "inside", PREVIEW_RUNNER: "inside" }),
    "runners",
    /are both inside/,
  ],
  [
    "a runner that belongs to the repository",
    () => {
      clouds.github.variables = { CLUSTER_RUNNER: "inside" };
      clouds.github.runners = [{ name: "machine-7", label: "inside", ephemeral: true }];
    },
    "runners",
    /machine-7 belongs to the repository/,
  ],
  [
    "a runner group that every workflow may use",
    () => {
      clouds.github.variables = { CLUSTER_RUNNER: "inside" };
      clouds.github.groups = [{ name: "all", runners: [{ name: "m", label: "inside" }] }];
    },
    "runners",
    /group all is open to every workflow/,
  ],
  [
    "a runner group that a branch's workflow may use",
    () => {
      clouds.github.variables = { CLUSTER_RUNNER: "inside" };
      const workflows = [OWN_WORKFLOW, OWN_WORKFLOW.replace("/main", "/feature")];
      clouds.github.groups = [{ name: "some", workflows, runners: [{ name: "m", label: "inside" }] }];
    },
    "runners",
    /group some is open to .*@refs\/heads\/feature/,
  ],
  [
    "a runner that is reused for several jobs",
    () => {
      clouds.github.variables = { CLUSTER_RUNNER: "inside" };
      const lasting = [{ name: "machine-7", label: "inside", ephemeral: false }];
      clouds.github.groups = [{ name: "own", workflows: [OWN_WORKFLOW], runners: lasting }];
    },
    "runners",
    /machine-7 is not ephemeral/,
  ],
  [
    "runners that the token cannot read",
    () => {
      clouds.github.variables = { CLUSTER_RUNNER: "inside" };
      clouds.github.groups = undefined;
    },
    "runners",
    /no runner with the label inside is visible/,
  ],
];

const SET_UPS: readonly BrokenSetUp[] = [
  ...OPEN_DOORS.map(
    ([title, spoil, noun, finding]): BrokenSetUp => ({
      title,
      spoil,
      check: `GitHub ${noun}`,
      result: "warning",
      finding,
      fix: /docs\/ci\.md/,
      exitCode: ExitCode.Success,
    }),
  ),
  {
    title: "a Pulumi CLI that is too old",
    spoil: () => {
      setUp.tool("pulumi", "echo v3.100.0");
      setUp.engine();
    },
    check: "Pulumi CLI",
    result: "warning",
    finding: /3\.100\.0 on PATH, but 3\.226\.0 or later is needed/,
    fix: /install Pulumi 3\.226\.0/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a missing AWS CLI",
    spoil: () => setUp.tool("aws", "exit 127"),
    check: "AWS CLI",
    result: "broken",
    finding: /it creates the tokens for the clusters/,
    fix: /install the AWS CLI/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a config value out of bounds",
    spoil: () => setUp.edit("Pulumi.eu-west.yaml", ["config", "langflow-dr:replicas"], { min: 1, max: 2 }),
    check: "config",
    result: "broken",
    finding: /Pulumi\.eu-west\.yaml\n {2}langflow-dr:replicas.* at least 2/,
    fix: /correct these values/,
    exitCode: ExitCode.BadInput,
    unchecked: [
      "example values",
      "every region",
      "state backend",
      "secrets provider",
      "stacks",
      "Cloudflare token",
      ...AFTER_TOKEN,
      "flow repository",
    ],
  },
  {
    title: "an example value in the config",
    spoil: () => setUp.edit("Pulumi.edge.yaml", ["config", "langflow-dr:notificationEmails"], ["oncall@example.com"]),
    check: "example values",
    result: "broken",
    finding: /langflow-dr:notificationEmails \(Pulumi\.edge\.yaml\)$/,
    fix: /npm run fleet -- init/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "the example image in the config",
    spoil: () => setUp.fleet("image", `langflow:1.13.0@sha256:${"0123456789abcdef".repeat(4)}`),
    check: "example values",
    result: "warning",
    finding: /langflow-dr:image \(Pulumi\.yaml\)$/,
    fix: /push the images/,
    exitCode: ExitCode.Success,
  },
  {
    title: "expired AWS keys",
    spoil: () => {
      clouds.refusals.GetCallerIdentity = "ExpiredToken";
    },
    check: "AWS credentials",
    result: "broken",
    finding: /ExpiredToken said/,
    fix: /aws sso login/,
    exitCode: ExitCode.Unauthenticated,
    unchecked: AFTER_CREDENTIALS,
  },
  {
    title: "an unreachable AWS",
    spoil: () => {
      setUp.environment.AWS_ENDPOINT_URL = "http://127.0.0.1:9";
    },
    check: "AWS credentials",
    result: "broken",
    finding: /no valid response: .*ECONNREFUSED/,
    fix: /network/,
    exitCode: ExitCode.Unreachable,
    unchecked: AFTER_CREDENTIALS,
  },
  {
    title: "a caller who may not list regions",
    spoil: () => {
      clouds.refusals.DescribeRegions = "UnauthorizedOperation";
    },
    check: "everywhere: AWS region",
    result: "warning",
    finding: /cannot check whether/,
    fix: /ec2:DescribeRegions/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a region whose backups RDS cannot copy to its backup region",
    spoil: () => clouds.withoutBackupCopies.push("eu-west-1"),
    check: "eu-west: backup region",
    result: "broken",
    finding: /cannot copy backups from eu-west-1 to us-east-1/,
    fix: /a different backupRegion for eu-west/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a caller who may not call RDS",
    spoil: () => {
      clouds.refusals.DescribeSourceRegions = "AccessDenied";
    },
    check: "both: backup region",
    result: "warning",
    finding: /cannot check whether/,
    fix: /rds:DescribeSourceRegions/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a caller who may not read images",
    spoil: () => {
      clouds.refusals["DescribeImages us-east-1"] = "AccessDeniedException";
    },
    check: "us-east: images",
    result: "warning",
    finding: /these credentials lack a permission that this check needs/,
    fix: /grant the permission/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a region that is not enabled",
    spoil: () => clouds.notOptedIn.push("eu-west-1"),
    check: "eu-west: AWS region",
    result: "broken",
    finding: /eu-west-1 is not enabled/,
    fix: /aws account enable-region --region-name eu-west-1/,
    exitCode: ExitCode.BadInput,
    unchecked: ["eu-west: quotas", "eu-west: backup region", "eu-west: images"],
  },
  {
    title: "a witness in an AWS region that is not enabled",
    spoil: () => clouds.notOptedIn.push("us-west-2"),
    check: "witness: AWS region",
    result: "broken",
    finding: /us-west-2 is not enabled/,
    fix: /aws account enable-region --region-name us-west-2/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a role that may not create a cluster",
    spoil: () => clouds.deniedActions.push("eks:CreateCluster"),
    check: "AWS permissions",
    result: "broken",
    finding: /role\/deployer may not eks:CreateCluster$/,
    fix: /model\/policies\/ci\.ts/,
    exitCode: ExitCode.Unauthenticated,
  },
  {
    title: "a role that may not create keys, such as CI's own",
    spoil: () => clouds.deniedActions.push("kms:CreateKey"),
    check: "AWS permissions",
    result: "warning",
    finding: /role\/deployer may not kms:CreateKey: it can update existing regions/,
    fix: /a new region with a role that may/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a caller who may not simulate policies",
    spoil: () => {
      clouds.refusals.SimulatePrincipalPolicy = "AccessDenied";
    },
    check: "AWS permissions",
    result: "warning",
    finding: /could not simulate/,
    fix: /allow iam:SimulatePrincipalPolicy/,
    exitCode: ExitCode.Success,
  },
  {
    title: "too few Elastic IPs",
    spoil: () => {
      clouds.quotas["L-0263D0A3"] = 2;
    },
    check: "both: quotas",
    result: "broken",
    finding: /^Elastic IPs: 0 of 2 used by other resources, needed 3$/,
    fix: /L-0263D0A3/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a core quota that is enough to start but not to scale",
    spoil: () => {
      clouds.quotas["L-1216C47A"] = 6;
    },
    check: "both: quotas",
    result: "warning",
    finding: /needed 6 to 17/,
    fix: /L-1216C47A/,
    exitCode: ExitCode.Success,
  },
  {
    title: "pods that need more connections than the database has",
    spoil: () => setUp.edit("Pulumi.us-east.yaml", ["config", "langflow-dr:replicas"], { min: 2, max: 12 }),
    check: "us-east: capacity",
    result: "warning",
    finding:
      /728 database connections at most.*less than 20 % spare\ndatabase connections: 68 at rest, 728 at most, 848 while pods roll, 248 after/,
    fix: /set replicas\.max to 10 or less, or database\.instanceClass to db\.m7g\.xlarge/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a region without capacity for the other region's users",
    spoil: () => {
      setUp.edit("Pulumi.us-east.yaml", ["config", "langflow-dr:replicas"], { min: 6, max: 10 });
      setUp.edit("Pulumi.eu-west.yaml", ["config", "langflow-dr:replicas"], { min: 2, max: 7 });
    },
    check: "eu-west: capacity",
    result: "warning",
    finding: /this region needs 8 pods/,
    fix: /set replicas\.max to 8 or more/,
    exitCode: ExitCode.Success,
  },
  {
    title: "an unknown database class",
    spoil: () =>
      setUp.edit("Pulumi.us-east.yaml", ["config", "langflow-dr:database"], { instanceClass: "db.x9.large" }),
    check: "us-east: capacity",
    result: "warning",
    finding: /db\.x9\.large, a class with an unknown connection limit.*\n.*allows an unknown number/,
    fix: /SHOW max_connections/,
    exitCode: ExitCode.Success,
  },
  {
    title: "an image that has not been replicated",
    spoil: () => clouds.withoutImages.push("eu-west-1"),
    check: "eu-west: images",
    result: "broken",
    finding: /no image langflow with the digest sha256:1a2b3c4d1a2b…\n.*no image langflow-agent with/,
    fix: /wait for ECR to replicate a new image/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a missing registry",
    spoil: () => clouds.withoutRepository.push("us-east-1"),
    check: "us-east: images",
    result: "warning",
    finding: /the repository langflow does not exist yet/,
    fix: /up foundation/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a deployer without access to the cluster",
    spoil: () => setUp.edit("Pulumi.us-east.yaml", ["config", "langflow-dr:cluster", "adminRoleArns"], []),
    check: "us-east: cluster access",
    result: "warning",
    finding: /you will have no access/,
    fix: /add arn:aws:iam::210987654321:role\/deployer to langflow-dr:cluster\.adminRoleArns/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a cluster API that CI's runners cannot reach",
    spoil: () => setUp.edit("Pulumi.us-east.yaml", ["config", "langflow-dr:cluster", "publicAccessCidrs"], []),
    check: "us-east: cluster access",
    result: "warning",
    finding: /you and CI's runners cannot reach it/,
    fix: /CLUSTER_RUNNER/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a state that is stored on one machine",
    spoil: () => setUp.edit("Pulumi.yaml", ["backend", "url"], "file:///srv/state"),
    check: "state backend",
    result: "warning",
    finding: /only on this machine/,
    fix: /create a state bucket/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a state bucket without versioning",
    spoil: () => {
      clouds.bucket = { region: "us-west-2", versioning: "Suspended", blocked: true };
    },
    check: "state bucket's settings",
    result: "broken",
    finding: /has no versioning/,
    fix: /put-bucket-versioning --bucket langflow-dr-state-210987654321/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a public state bucket",
    spoil: () => {
      clouds.bucket = { region: "us-west-2", versioning: "Enabled", blocked: false };
    },
    check: "state bucket's settings",
    result: "broken",
    finding: /does not block public access/,
    fix: /put-public-access-block/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a state bucket in a region of the fleet",
    spoil: () => {
      clouds.bucket = { region: "us-east-1", versioning: "Enabled", blocked: true };
    },
    check: "state bucket's settings",
    result: "warning",
    finding: /is in us-east-1, a region of the fleet/,
    fix: /an AWS region outside the fleet/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a missing state bucket",
    spoil: () => {
      clouds.bucket = undefined;
    },
    check: "state bucket",
    result: "broken",
    finding: /the bucket langflow-dr-state-210987654321 does not exist/,
    fix: /step 1/,
    exitCode: ExitCode.BadInput,
    unchecked: AFTER_BUCKET,
  },
  {
    title: "a passphrase on a shared backend",
    spoil: () => {
      setUp.edit("Pulumi.edge.yaml", ["secretsprovider"], undefined);
      setUp.edit("Pulumi.edge.yaml", ["encryptedkey"], undefined);
      setUp.edit("Pulumi.edge.yaml", ["encryptionsalt"], "v1:abc");
    },
    check: "secrets provider",
    result: "broken",
    finding: /edge's secrets are encrypted with a passphrase/,
    fix: /pulumi stack change-secrets-provider -s edge "awskms:/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a stack that does not exist",
    spoil: () =>
      setUp.tool("pulumi", `[ "$1" = version ] && echo v3.270.0 || echo '${stacks("foundation", "us-east", "edge")}'`),
    check: "stacks",
    result: "broken",
    finding: /do not exist in the backend: eu-west$/,
    fix: /^pulumi stack init eu-west --secrets-provider "awskms:\/\/alias\/langflow-dr-state\?region=us-west-2"$/,
    exitCode: ExitCode.StackMissing,
  },
  {
    title: "an engine that is not logged in",
    spoil: () =>
      setUp.tool(
        "pulumi",
        '[ "$1" = version ] && echo v3.270.0 && exit; echo "error: PULUMI_ACCESS_TOKEN must be set" >&2; exit 1',
      ),
    check: "stacks",
    result: "broken",
    finding: /cannot list the stacks: no cloud credentials found/,
    fix: /^pulumi login "s3:\/\/langflow-dr-state/,
    exitCode: ExitCode.Unauthenticated,
  },
  {
    title: "a missing Cloudflare token",
    spoil: () => {
      setUp.environment.CLOUDFLARE_API_TOKEN = "";
    },
    check: "Cloudflare token",
    result: "broken",
    finding: /CLOUDFLARE_API_TOKEN is not set/,
    fix: /create a token with Zone Read/,
    exitCode: ExitCode.Unauthenticated,
    unchecked: AFTER_TOKEN,
  },
  {
    title: "an invalid Cloudflare token",
    spoil: () => {
      clouds.token = undefined;
    },
    check: "Cloudflare token",
    result: "broken",
    finding: /rejects the token/,
    fix: /create a token/,
    exitCode: ExitCode.Unauthenticated,
    unchecked: AFTER_TOKEN,
  },
  {
    title: "an unreachable Cloudflare",
    spoil: () => {
      setUp.environment.CLOUDFLARE_BASE_URL = "http://127.0.0.1:9";
    },
    check: "Cloudflare token",
    result: "broken",
    finding: /no valid response/,
    fix: /network/,
    exitCode: ExitCode.Unreachable,
    unchecked: AFTER_TOKEN,
  },
  {
    title: "zone settings that the token may not read",
    spoil: () => {
      clouds.settings = undefined;
    },
    check: "Cloudflare TLS",
    result: "warning",
    finding: /lacks Zone Settings Read/,
    fix: /check it by hand: in Cloudflare.s dashboard, set SSL\/TLS/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a steering policy that the token cannot verify",
    spoil: () => {
      clouds.steering = ["random"];
    },
    check: "Cloudflare plan",
    result: "warning",
    finding: /steering proximity needs traffic steering/,
    fix: /langflow-dr:steering in Pulumi\.edge\.yaml to random/,
    exitCode: ExitCode.Success,
  },
  {
    title: "a zone of a different account",
    spoil: () => {
      clouds.zone = { status: "active", account: "b".repeat(32), plan: "pro" };
    },
    check: "Cloudflare zone",
    result: "broken",
    finding: /belongs to a different account/,
    fix: /set langflow-dr:cloudflareAccountId to b{32}/,
    exitCode: ExitCode.BadInput,
    unchecked: AFTER_TOKEN.slice(1),
  },
  {
    title: "a zone whose name servers do not point to Cloudflare",
    spoil: () => {
      clouds.zone = { ...healthyClouds().zone, status: "pending" } as Clouds["zone"];
    },
    check: "Cloudflare zone",
    result: "broken",
    finding: /flows\.test is pending/,
    fix: /a\.ns and b\.ns/,
    exitCode: ExitCode.BadInput,
    unchecked: AFTER_TOKEN.slice(1),
  },
  {
    title: "a token that may not read pools",
    spoil: () => {
      clouds.mayListPools = false;
    },
    check: "Cloudflare load balancing",
    result: "broken",
    finding: /may not read pools, monitors/,
    fix: /Monitors and Pools Write/,
    exitCode: ExitCode.Unauthenticated,
    unchecked: ["Cloudflare plan"],
  },
  {
    title: "a monitor interval that the plan does not allow",
    spoil: () => setUp.edit("Pulumi.edge.yaml", ["config", "langflow-dr:monitor", "intervalSeconds"], 10),
    check: "Cloudflare plan",
    result: "broken",
    finding: /interval is 10 s, but pro Website requires at least 15 s/,
    fix: /monitor\.intervalSeconds/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a front door for a higher plan than the zone's",
    spoil: () => setUp.edit("Pulumi.edge.yaml", ["config", "langflow-dr:frontDoor"], { plan: "business" }),
    check: "Cloudflare plan",
    result: "broken",
    finding: /front door is configured for plan business, but the zone has plan pro Website/,
    fix: /frontDoor\.plan .* to pro/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a front door for a zone with existing rulesets",
    spoil: () => {
      withFrontDoor();
      clouds.rulesets = { http_ratelimit: "ours since 2019", http_request_firewall_managed: "" };
    },
    check: "Cloudflare rules",
    result: "broken",
    finding: /already has rules in http_ratelimit \(ruleset r1, 2 rules\)/,
    fix: /A zone that has rules/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a front door with a token that may not read rulesets",
    spoil: () => {
      withFrontDoor();
      clouds.rulesets = undefined;
    },
    check: "Cloudflare rules",
    result: "broken",
    finding: /may not read the rules of http_request_firewall_custom/,
    fix: /Zone WAF Write and Transform Rules Write/,
    exitCode: ExitCode.Unauthenticated,
  },
  {
    title: "an old LangFlow at an address that Cloudflare cannot reach",
    spoil: () =>
      setUp.edit("Pulumi.edge.yaml", ["config", "langflow-dr:movingFrom"], { address: "10.0.0.7", share: 1 }),
    check: "Cloudflare plan",
    result: "broken",
    finding: /LangFlow to move from is at 10\.0\.0\.7, which is not reachable/,
    fix: /movingFrom\.address .* public address/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "Access with a token that may not read it",
    spoil: () => {
      withAccess();
      clouds.access = undefined;
    },
    check: "Cloudflare Access",
    result: "broken",
    finding: /may not read Cloudflare Access/,
    fix: /Access: Apps and Policies Write/,
    exitCode: ExitCode.Unauthenticated,
  },
  {
    title: "Access without a team",
    spoil: () => {
      withAccess();
      clouds.access = { providers: [], tokens: [] };
    },
    check: "Cloudflare Access",
    result: "broken",
    finding: /no Zero Trust team/,
    fix: /create a team and an identity provider/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "an identity provider that does not exist in the account",
    spoil: () => {
      const unknown = PROVIDER.replace("6", "7");
      withAccess({ identityProviders: [PROVIDER, unknown] });
    },
    check: "Cloudflare Access",
    result: "broken",
    finding: /^the account has no identity provider 76666666-/,
    fix: /available: 66666666-/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "Access without an identity provider",
    spoil: () => {
      withAccess();
      clouds.access = { team: "t", providers: [], tokens: [] };
    },
    check: "Cloudflare Access",
    result: "broken",
    finding: /nobody can sign in/,
    fix: /add one/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "the fleet's service tokens that expire soon, but no others",
    spoil: () => {
      withAccess({ serviceTokens: ["ci"] });
      clouds.access = {
        team: "t",
        providers: [PROVIDER],
        tokens: [
          { name: "LangFlow langflow.flows.test: fleet", expires_at: inDays(29) },
          { name: "LangFlow langflow.flows.test: ci", expires_at: inDays(32) },
          { name: "another's", expires_at: inDays(-1) },
        ],
      };
    },
    check: "Cloudflare Access",
    result: "warning",
    finding: /^the service token LangFlow langflow\.flows\.test: fleet expires \S+$/,
    fix: /renew it/,
    exitCode: ExitCode.Success,
  },
  {
    title: "an expired service token",
    spoil: () => {
      withAccess();
      const tokens = [{ name: "LangFlow langflow.flows.test: fleet", expires_at: inDays(-1) }];
      clouds.access = { team: "t", providers: [PROVIDER], tokens };
    },
    check: "Cloudflare Access",
    result: "broken",
    finding: /fleet expired /,
    fix: /its secret does not change/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "a TLS mode that is not strict",
    spoil: () => {
      clouds.settings = { ssl: "flexible", always_use_https: "on" };
    },
    check: "Cloudflare TLS",
    result: "broken",
    finding: /^ssl is flexible, needed: strict$/,
    fix: /Full \(strict\)/,
    exitCode: ExitCode.BadInput,
  },
  {
    title: "an unreachable Git host",
    spoil: () => setUp.tool("git", "echo 'fatal: Could not resolve host: git.flows.test' >&2; exit 128"),
    check: "flow repository",
    result: "broken",
    finding: /git\.flows\.test is unreachable/,
    fix: /flowRepository\.url/,
    exitCode: ExitCode.Unreachable,
  },
  {
    title: "a missing Git token for the agents",
    spoil: () => setUp.edit("Pulumi.foundation.yaml", ["config", "langflow-dr:gitToken"], undefined),
    check: "flow repository",
    result: "warning",
    finding: /have no Git token/,
    fix: /pulumi config set -s foundation --secret langflow-dr:gitToken/,
    exitCode: ExitCode.Success,
  },
];

/**
 * Expands a check's name: `both: x` means x in both regions, `everywhere: x` means x in both regions and the witness.
 */
const named = (check: string): string[] => {
  const [who = "", what] = check.split(": ");
  const places = { both: ["us-east", "eu-west"], everywhere: ["us-east", "eu-west", "witness"] }[who];
  return places?.map((place) => `${place}: ${what}`) ?? [check];
};

describe("the verdict on a quota", () => {
  const need = { service: "ec2", code: "L-1", what: "things" };
  const rank = { ok: 0, warning: 1, broken: 2, "not checked": 3 };

  it("is `broken` exactly if the free quota is below the minimum, and never gets worse if the quota grows", () => {
    const whole = fc.nat(50);
    fc.assert(
      fc.property(whole, whole, whole, whole, whole, (least, more, quota, others, growth) => {
        const asked = { ...need, least, most: least + more };
        const { result } = quotaVerdict(asked, quota, others);
        expect(result === "broken").toBe(quota - others < least);
        expect(rank[quotaVerdict(asked, quota + growth, others).result]).toBeLessThanOrEqual(rank[result]);
      }),
    );
  });
});

describe("parseBackend", () => {
  it.each([
    ["s3://b?region=us-west-2&awssdk=v2", { kind: "s3", bucket: "b", region: "us-west-2", foreign: false }],
    ["s3://b/prefix", { kind: "s3", bucket: "b", region: undefined, foreign: false }],
    ["s3://b?endpoint=minio.test:9000", { kind: "s3", bucket: "b", foreign: true }],
    ["https://api.pulumi.com", { kind: "cloud" }],
    ["file://~", { kind: "file" }],
    ["gs://b", { kind: "other" }],
  ])("parses %s", (address, expected) => {
    expect(parseBackend(address)).toMatchObject({ url: address, ...expected });
  });
});

describe("doctor", () => {
  it("runs every check on a healthy set-up, finds no problem and exits with code 0", async () => {
    const { exitCode, checks } = await examine();
    expect(checks.filter(({ check, result }) => result !== "ok" && check !== "Node")).toEqual([]);
    expect(checks.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        "Node",
        "Pulumi CLI",
        "AWS CLI",
        "config",
        ...AFTER_CREDENTIALS,
        ...AFTER_TOKEN,
        "stacks",
        "flow repository",
      ]),
    );
    expect(exitCode).toBe(ExitCode.Success);
  });

  it.each([
    [
      "a group of single-job runners for main's workflows",
      {
        groups: [
          { name: "own", workflows: [OWN_WORKFLOW], runners: [{ name: "m", label: "inside", ephemeral: true }] },
        ],
      },
    ],
    [
      "GitHub's larger runners",
      { groups: [{ name: "own", workflows: [OWN_WORKFLOW], runners: [], hosted: ["inside"] }] },
    ],
  ])("accepts %s as safe runners", async (_, groups) => {
    Object.assign(clouds.github, { variables: { CLUSTER_RUNNER: "inside", PREVIEW_RUNNER: "outside" } }, groups);
    expect((await examine()).checks.find(({ check }) => check === "GitHub runners")).toMatchObject({ result: "ok" });
  });

  it("accepts classic branch protection instead of rulesets", async () => {
    clouds.github.rules = [];
    clouds.github.protection = {
      required_pull_request_reviews: {},
      required_status_checks: { checks: [{ context: "Test" }] },
      allow_force_pushes: { enabled: false },
    };
    expect((await examine()).checks.find(({ check }) => check === "GitHub branch")).toMatchObject({ result: "ok" });
  });

  it("skips the GitHub checks if GITHUB_TOKEN is not set, and reports why", async () => {
    delete setUp.environment.GITHUB_TOKEN;
    const { checks } = await examine();
    for (const noun of ["environment", "branch", "tag", "runners"])
      expect(checks.find(({ check }) => check === `GitHub ${noun}`)).toMatchObject({
        result: "not checked",
        finding: expect.stringContaining("GITHUB_TOKEN is not set"),
      });
  });

  it.each([
    ["18.20.4", "broken"],
    ["20.18.0", "broken"],
    ["20.19.0", "warning"],
    ["22.0.0", "ok"],
    ["24.21.0", "ok"],
  ])("rates Node %s as %s", (version, result) => {
    expect(nodeRuntime(version).result).toBe(result);
  });

  it.each(SET_UPS)("reports exactly this problem and its fix: $title", async (given) => {
    given.spoil();
    const { exitCode, checks } = await examine();
    // The Node check's result depends on the Node version that runs the tests.
    const bad = checks.filter(({ check, result }) => result !== "ok" && check !== "Node");
    const expected = [
      ...named(given.check).map((check) => [check, given.result]),
      ...(given.unchecked ?? []).map((check) => [check, "not checked"]),
    ];
    expect(bad.map(({ check, result }) => [check, result]).sort()).toEqual(expected.sort());
    for (const check of bad.filter(({ result }) => result === given.result)) {
      expect(check.finding).toMatch(given.finding);
      expect(check.fix).toMatch(given.fix);
    }
    expect(exitCode).toBe(given.exitCode);
  });

  it("needs neither the Git host nor a Git token if the fleet has no flow repository", async () => {
    setUp.edit("Pulumi.yaml", ["config", "langflow-dr:flowRepository"], undefined);
    setUp.edit("Pulumi.foundation.yaml", ["config", "langflow-dr:gitToken"], undefined);
    setUp.tool("git", "exit 128");
    expect((await examine()).checks.find(({ check }) => check === "flow repository")).toMatchObject({
      result: "ok",
      finding: "not configured: flows are replicated, but not recorded in Git",
    });
  });

  it("checks Cloudflare Access only if the edge stack configures it, and accepts a valid set-up", async () => {
    expect((await examine()).checks.some(({ check }) => check === "Cloudflare Access")).toBe(false);
    withAccess({ identityProviders: [PROVIDER] });
    const tokens = [{ name: "LangFlow langflow.flows.test: fleet", expires_at: inDays(300) }];
    clouds.access = { team: "team.cloudflareaccess.com", providers: [PROVIDER], tokens };
    expect((await examine()).checks.find(({ check }) => check === "Cloudflare Access")).toMatchObject({
      result: "ok",
      finding:
        "team team.cloudflareaccess.com\nidentity providers: 1\nLangFlow langflow.flows.test: fleet is valid for 300 days",
    });
  });

  it("checks the zone's rulesets only with a front door, and only in the phases that the front door uses", async () => {
    expect((await examine()).checks.some(({ check }) => check === "Cloudflare rules")).toBe(false);
    withFrontDoor({ limits: {} });
    clouds.rulesets = { ...RULESETS, http_ratelimit: "somebody's" };
    expect((await examine()).checks.find(({ check }) => check === "Cloudflare rules")).toMatchObject({
      result: "ok",
      finding:
        "http_request_firewall_custom has the fleet's own ruleset\nhttp_response_headers_transform has the fleet's own ruleset",
    });
  });

  it("accepts a Cloudflare token that the account owns instead of a user", async () => {
    clouds.token = { status: "active", accountOwned: true };
    expect((await examine()).exitCode).toBe(ExitCode.Success);
  });

  it.each([
    [["Load Balancing"], "ok", /subscribed/],
    [[], "warning", /no load balancing subscription/],
    [undefined, "warning", /lacks Billing Read/],
  ])(
    "uses subscriptions %j to decide whether a zone without a load balancer may have one",
    async (names, result, finding) => {
      clouds.steering = [];
      clouds.subscriptions = names;
      const { checks } = await examine();
      expect(checks.find(({ check }) => check === "Cloudflare load balancing")).toMatchObject({
        result,
        finding: expect.stringMatching(finding),
      });
    },
  );

  it("reports the capacity of each region", async () => {
    const { checks } = await examine();
    expect(checks.find(({ check }) => check === "eu-west: capacity")).toMatchObject({
      result: "ok",
      finding: [
        "database connections: 68 at rest, 608 at most, 728 while pods roll, 248 after another region's loss; db.m7g.large allows 812",
        "pods after another region's loss: 4, maximum 10",
        "nodes while pods roll: 17 cores of 256, 34 GiB of 1024",
      ].join("\n"),
    });
  });

  it("does not count the region's existing resources as used by others", async () => {
    clouds.ownAddresses = 3;
    clouds.quotas["L-0263D0A3"] = 3;
    const { checks } = await examine();
    expect(checks.find(({ check }) => check === "us-east: quotas")?.result).toBe("ok");
  });

  it("uses the default value of a quota that was never changed", async () => {
    clouds.unchangedQuotas = true;
    expect((await examine()).exitCode).toBe(ExitCode.Success);
  });

  it("reports several problems at once, and exits with the code for rejected credentials", async () => {
    clouds.refusals.GetCallerIdentity = "InvalidClientTokenId";
    clouds.settings = { ssl: "full", always_use_https: "off" };
    setUp.tool("aws", "exit 127");
    const { exitCode, checks } = await examine();
    expect(checks.filter(({ result }) => result === "broken").map(({ check }) => check)).toEqual([
      "AWS CLI",
      "AWS credentials",
      "Cloudflare TLS",
    ]);
    expect(checks.find(({ check }) => check === "Cloudflare TLS")?.finding).toMatch(
      /ssl is full.*\nalways_use_https is off/,
    );
    expect(exitCode).toBe(ExitCode.Unauthenticated);
  });

  it("prints a table of findings and fixes, and the reason for each skipped check", async () => {
    clouds.zone = undefined;
    const { stdout, exitCode } = await run(false);
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(stdout).toMatch(
      /Cloudflare zone .*broken.*the token cannot read the zone flows\.test.*add the zone to Cloudflare/,
    );
    expect(stdout).toMatch(/^it requires Cloudflare zone {2}.*Cloudflare TLS/m);
    expect(stdout).toMatch(/1 broken, 3 not checked/);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(200);
  });

  it("hides secrets, even if an error message quotes one", async () => {
    clouds.leak = true;
    const { all, checks } = await examine();
    expect(checks.find(({ check }) => check === "Cloudflare zone")?.finding).toContain("[secret]");
    for (const secret of [TOKEN, setUp.environment.AWS_SECRET_ACCESS_KEY as string]) expect(all).not.toContain(secret);
  });

  it("as a process writes results to stdout and progress to stderr, and exits with the documented code", async () => {
    clouds.bucket = undefined;
    const args = ["--require", "./typescript.cjs", "fleet/main.ts", "doctor", "--json", "--project", setUp.project];
    const ended = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env: setUp.environment }).catch(
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    expect(ended).toMatchObject({ code: ExitCode.BadInput, stderr: expect.stringContaining("state bucket: broken\n") });
    expect(JSON.parse(ended.stdout).checks.filter(({ result }: Finding) => result === "broken")).toHaveLength(1);
  });
});

describe("doctor --first", () => {
  const steps = async () => (await examine(true)).checks.filter(({ check }) => check.startsWith("first up"));

  it("lists the API calls of a first `up` in order, and which service-linked roles exist or will be created", async () => {
    const found = await steps();
    const region = [
      "network",
      "names of interface endpoints",
      "roles",
      "logs",
      "cluster",
      "database",
      "copy of the database's backups",
      "secrets",
      "file system",
    ];
    const names = [
      "keys",
      "certificates",
      "GitHub's identity provider",
      "boundary of roles",
      "roles",
      "image repositories",
      "image replication",
      "buckets",
      "secrets",
      "witness",
      "CI's roles",
    ];
    expect(found.map(({ check }) => check)).toEqual(
      [
        ...names.map((name) => `foundation, ${name}`),
        ...["us-east", "eu-west"].flatMap((stack) => region.map((name) => `${stack}, ${name}`)),
      ].map((name, index) => `first up, ${index + 1}: ${name}`),
    );
    expect(found.filter(({ result }) => result !== "ok")).toEqual([]);
    const [database] = found.filter(({ check }) => check.endsWith("us-east, database"));
    expect(database?.finding).toMatch(/^allowed: rds:CreateDBSubnetGroup, .*; AWSServiceRoleForRDS exists$/);
    expect(found.at(-1)?.finding).toMatch(/; AWSServiceRoleForAmazonElasticFileSystem will be created$/);
  });

  const asked = async (action: string) => {
    await steps();
    const all = clouds.simulated.filter((each) => each.action === action);
    expect(all.length).toBeGreaterThan(0);
    return all;
  };
  const regionsAsked = async (action: string) => [
    ...new Set((await asked(action)).map(({ context }) => context["aws:RequestedRegion"])),
  ];

  it.each([
    ["kms:CreateKey", "*"],
    ["kms:EnableKeyRotation", "arn:aws:kms:us-east-1:210987654321:key/"],
    ["kms:CreateAlias", "arn:aws:kms:us-east-1:210987654321:alias/langflow-dr-"],
    ["kms:CreateAlias", "arn:aws:kms:us-east-1:210987654321:key/"],
    ["iam:CreateOpenIDConnectProvider", "arn:aws:iam::210987654321:oidc-provider/token.actions.githubusercontent.com"],
    ["iam:CreatePolicy", "arn:aws:iam::210987654321:policy/langflow-dr-boundary"],
    ["iam:PutRolePolicy", "arn:aws:iam::210987654321:role/langflow-dr-"],
    ["iam:PassRole", "arn:aws:iam::210987654321:role/langflow-dr-"],
    ["s3:PutBucketPolicy", "arn:aws:s3:::langflow-dr-"],
    ["secretsmanager:CreateSecret", "arn:aws:secretsmanager:us-east-1:210987654321:secret:langflow-dr-"],
    ["rds:CreateDBInstance", "*"],
  ])("checks the permission %s on %s", async (action, resource) => {
    expect((await asked(action)).some((each) => each.resource.startsWith(resource))).toBe(true);
  });

  it("simulates calls in the AWS regions where `up` makes them, and global services in us-east-1", async () => {
    const places = async (actions: readonly string[]) => {
      const found: Record<string, unknown> = {};
      for (const action of actions) found[action] = await regionsAsked(action);
      return found;
    };
    setUp.fleet("buildRegion", "eu-west");
    const actions = ["kms:CreateKey", "acm:RequestCertificate", "s3:CreateBucket", "s3:PutReplicationConfiguration"];
    expect(await places(actions)).toEqual({
      "kms:CreateKey": ["us-east-1", "eu-west-1"],
      "acm:RequestCertificate": ["us-east-1", "eu-west-1"],
      "s3:CreateBucket": ["us-east-1", "eu-west-1", "us-west-2"],
      "s3:PutReplicationConfiguration": ["us-east-1", "eu-west-1"],
    });
    expect(await places(["ecr:PutReplicationConfiguration", "secretsmanager:ReplicateSecretToRegions"])).toEqual({
      "ecr:PutReplicationConfiguration": ["eu-west-1"],
      "secretsmanager:ReplicateSecretToRegions": ["eu-west-1"],
    });
    expect(await places(["iam:CreateRole", "route53:AssociateVPCWithHostedZone", "iam:PassRole"])).toEqual({
      "iam:CreateRole": ["us-east-1"],
      "route53:AssociateVPCWithHostedZone": ["us-east-1"],
      "iam:PassRole": ["us-east-1", "eu-west-1"],
    });
  });

  it("checks the permission to copy a database's backups in the region that keeps the copies", async () => {
    clouds.deniedActions.push("rds:StartDBInstanceAutomatedBackupsReplication us-east-1");
    const refused = (await steps()).filter(({ result }) => result === "broken");
    expect(refused.map(({ check }) => check.replace(/.*: /, ""))).toEqual(["eu-west, copy of the database's backups"]);
  });

  it("sets aws:ViaAWSService only for calls that AWS services make on the caller's behalf", async () => {
    for (const { context } of await asked("kms:CreateGrant")) {
      expect(context["aws:ViaAWSService"]).toBe(true);
      expect(context).not.toHaveProperty("kms:GrantIsForAWSResource");
    }
    for (const { context } of await asked("rds:CreateDBInstance")) expect(context["aws:ViaAWSService"]).toBe(false);
    for (const { context } of await asked("ec2:CreateNetworkInterface"))
      expect(context["aws:ViaAWSService"]).toBe(true);
  });

  it("checks the permission to attach every AWS managed policy that the roles use", async () => {
    const policies = (await asked("iam:AttachRolePolicy")).map(({ context }) => context["iam:PolicyARN"]);
    const sources = readdirSync(join(ROOT, "model/policies"))
      .map((file) => readFileSync(join(ROOT, "model/policies", file), "utf8"))
      .flatMap((text) =>
        [...text.matchAll(/^\s+(?:\w+: \[)?"((?:service-role\/)?Amazon\w+)"/gm)].map(([, name]) => name),
      );
    expect(sources.length).toBeGreaterThan(5);
    for (const name of sources) expect(policies).toContain(`arn:aws:iam::aws:policy/${name}`);
    expect(policies).toContain("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly");
  });

  it("simulates the creation of roles with a permissions boundary, except for CI's roles", async () => {
    const roles = await asked("iam:CreateRole");
    const ofCi = roles.filter(({ resource }) => resource.includes("role/langflow-dr-ci-"));
    expect(ofCi).toHaveLength(1);
    for (const each of roles)
      expect([each.resource, "iam:PermissionsBoundary" in each.context]).toEqual([each.resource, !ofCi.includes(each)]);
  });

  it.each<[string, () => void, string, boolean]>([
    [
      "requires no permission to create an identity provider if the account has one",
      () =>
        setUp.edit(
          "Pulumi.foundation.yaml",
          ["config", "langflow-dr:githubOidcProviderArn"],
          "arn:aws:iam::210987654321:oidc-provider/token.actions.githubusercontent.com",
        ),
      "iam:CreateOpenIDConnectProvider",
      false,
    ],
    [
      "requires no permission for Object Lock by default",
      () => undefined,
      "s3:PutBucketObjectLockConfiguration",
      false,
    ],
    [
      "requires permission for Object Lock if it is configured",
      () => setUp.edit("Pulumi.foundation.yaml", ["config", "langflow-dr:objectLock"], { mode: "governance", days: 7 }),
      "s3:PutBucketObjectLockConfiguration",
      true,
    ],
    [
      "requires no permission for interface endpoints if they are disabled",
      () => {
        for (const stack of ["us-east", "eu-west"])
          setUp.edit(`Pulumi.${stack}.yaml`, ["config", "langflow-dr:network"], { interfaceEndpoints: false });
      },
      "route53:AssociateVPCWithHostedZone",
      false,
    ],
    ["requires no permission for FIS experiments by default", () => undefined, "fis:CreateExperimentTemplate", false],
    [
      "requires permission for FIS experiments if they are enabled",
      () => setUp.edit("Pulumi.foundation.yaml", ["config", "langflow-dr:experiments"], true),
      "fis:CreateExperimentTemplate",
      true,
    ],
  ])("%s", async (_, change, action, isAsked) => {
    change();
    await steps();
    expect(clouds.simulated.some((each) => each.action === action)).toBe(isAsked);
  });

  it("checks iam:PassRole for FIS, but no linked role, because the first experiment creates it", async () => {
    setUp.edit("Pulumi.foundation.yaml", ["config", "langflow-dr:experiments"], true);
    const services = (await asked("iam:PassRole")).map(({ context }) => context["iam:PassedToService"]);
    expect(services).toContain("fis.amazonaws.com");
    const linked = clouds.simulated.filter(({ action }) => action === "iam:CreateServiceLinkedRole");
    expect(linked.map(({ context }) => context["iam:AWSServiceName"])).not.toContain("fis.amazonaws.com");
  });

  it("explains how to fix a denied permission, and names the AWS regions if only some deny it", async () => {
    clouds.deniedActions.push("kms:CreateKey eu-west-1", "iam:CreateServiceLinkedRole");
    const broken = (await steps()).filter(({ result }) => result === "broken");
    const [keys] = broken;
    expect(keys).toMatchObject({ finding: expect.stringMatching(/may not kms:CreateKey in eu-west-1$/) });
    expect(keys?.fix).toMatch(/run the first `up` with an administrator's role/);
    expect(broken.find(({ check }) => check.endsWith("us-east, cluster"))?.fix).toContain(
      "aws iam create-service-linked-role --aws-service-name eks.amazonaws.com",
    );
  });

  it("makes the checks of the first `up` only with --first", async () => {
    expect((await examine()).checks.filter(({ check }) => check.startsWith("first up"))).toEqual([]);
  });

  it.each([
    ["rds:CreateDBInstance", /, database$/, /role\/deployer may not rds:CreateDBInstance$/],
    ["kms:CreateKey", /, keys$/, /may not kms:CreateKey$/],
    ["iam:CreateServiceLinkedRole", /image replication|cluster|file system/, /CreateServiceLinkedRole of \w/],
    ["elasticfilesystem:UpdateFileSystemProtection", /, file system$/, /UpdateFileSystemProtection$/],
    ["elasticfilesystem:PutLifecycleConfiguration", /, file system$/, /PutLifecycleConfiguration$/],
    ["iam:PassRole", /, roles$/, /iam:PassRole to s3\.amazonaws\.com|to eks\.amazonaws\.com, .*to vpc-flow-logs/],
  ])("reports a denied %s only in the steps that need the permission", async (action, where, finding) => {
    clouds.deniedActions.push(action);
    const found = await steps();
    const refused = found.filter(({ result }) => result === "broken");
    expect(refused.map(({ check }) => check)).toEqual(
      found.map(({ check }) => check).filter((check) => where.test(check)),
    );
    for (const each of refused) expect(each.finding).toMatch(finding);
  });

  it("skips the steps of a region that the account has not enabled", async () => {
    clouds.notOptedIn.push("eu-west-1");
    const found = await steps();
    const waiting = found.filter(({ result }) => result === "not checked");
    expect(new Set(waiting.map(({ finding }) => finding))).toEqual(new Set(["it requires eu-west: AWS region"]));
    expect(waiting.filter(({ check }) => check.includes("us-east"))).toEqual([]);
  });

  it("covers exactly the AWS resource types that the components create", () => {
    const sources = ["components", "stacks"].flatMap((room) =>
      readdirSync(join(ROOT, room), { encoding: "utf8", recursive: true })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => readFileSync(join(ROOT, room, file), "utf8")),
    );
    const made = sources.flatMap((source) => [...source.matchAll(/new aws\.(\w+)\.(\w+)\(/g)]);
    const types = made.map(
      ([, module, name = ""]) => `aws:${module}/${name[0]?.toLowerCase()}${name.slice(1)}:${name}`,
    );
    const known = new Set([...FOUNDATION, ...REGION].flatMap((step) => step.types));
    expect([...new Set(types)].filter((type) => !known.has(type)).toSorted()).toEqual([]);
    expect([...known].filter((type) => !types.includes(type)).toSorted()).toEqual([]);
  });
});
