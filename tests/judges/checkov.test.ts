import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import {
  awsResources,
  type Change,
  identities,
  manifests,
  owners,
  type Rendered,
  set,
  spoiled,
  without,
} from "./rendered";
import { explained, type Finding, report, type Skip, stale, unexplained } from "./skips";
import { terraformPlan, terraformType } from "./terraformPlan";
import { checkov, run } from "./tools";

const SKIPS: Skip[] = [
  {
    rule: "CKV_K8S_35",
    reason: "LangFlow takes its secrets from the environment alone; they come from a mount of the Secrets Store driver",
  },
  {
    rule: "CKV_K8S_38",
    of: /observability\.prometheus-/,
    reason: "Prometheus asks the API for pods and nodes, and the kubelets in its own name",
  },
  {
    rule: "CKV_K8S_40",
    reason:
      "the user is that of LangFlow's image and of the files on the claim (1000), of Grafana's image in its pod (472)",
  },
  {
    rule: "CKV_AWS_18",
    reason: "who reads objects is for a trail of the account; a log bucket a region would need the same care again",
  },
  {
    rule: "CKV_AWS_145",
    of: /witness/,
    reason: "the lease holds no secret, and a key would be one thing more without which no schedule runs",
  },
  {
    rule: "CKV_AWS_144",
    of: /witness/,
    reason: "a replica of the lease knows nothing of the conditions it is written by",
  },
  { rule: "CKV2_AWS_62", reason: "nothing listens: the agent and LangFlow look into the bucket themselves" },
  {
    rule: "CKV2_AWS_57",
    reason: "a rotation behind the pods would lock them out: secrets change by docs/operations/rotate-a-secret.md",
  },
  {
    rule: "CKV_AWS_161",
    reason: "LangFlow signs in by password; tokens that end after 15 minutes it cannot renew",
  },
  { rule: "CKV_AWS_338", reason: "logRetentionDays is a setting, 90 by default, for its price" },
  ...["CKV_AWS_290", "CKV_AWS_355"].map((rule) => ({
    rule,
    of: /foundation-boundary$/,
    reason: "a boundary allows nothing by itself: it is the most that a role's own policies can",
  })),
  {
    rule: "CKV_AWS_355",
    of: /(deploy-identity|drift-read|preview-read)$/,
    reason: "reads settings only, of resources that no name is known of yet; what it reads of data is named",
  },
  {
    rule: "CKV_AWS_393",
    reason: "the rule sees the subject only, whose form has two ages; `repository` beside it is exact (ciTrust.ts)",
  },
];

interface CheckovReport {
  readonly check_type: string;
  readonly results: {
    readonly passed_checks: { resource: string }[];
    readonly failed_checks: { check_id: string; check_name: string; resource: string; file_path: string }[];
    readonly parsing_errors: string[];
  };
  readonly summary: { passed: number; resource_count: number };
}

interface Verdict {
  readonly resources: number;
  readonly passed: number;
  /** Resources that at least one check covered. */
  readonly seen: ReadonlySet<string>;
  readonly findings: (Finding & { readonly file: string })[];
}

/**
 * Runs Checkov on a set of files: names of plans end with tfplan.json, names of manifests with .yaml.
 *
 * @throws Error if Checkov could not parse one of the files
 */
async function judge(files: ReadonlyMap<string, string>): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), "checkov-"));
  try {
    for (const [file, text] of files) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    const options = ["--framework", "kubernetes", "terraform_plan", "--output", "json", "--compact", "--skip-download"];
    const said = JSON.parse(await run(await checkov(), ["--directory", folder, ...options], "", [0, 1]));
    const reports: CheckovReport[] = Array.isArray(said) ? said : [said];
    const errors = reports.flatMap(({ results }) => results.parsing_errors);
    if (errors.length > 0) throw new Error(`Checkov could not read ${errors.join(", ")}`);
    const sum = (count: (each: CheckovReport) => number) => reports.map(count).reduce((one, other) => one + other, 0);
    return {
      resources: sum(({ summary }) => summary.resource_count),
      passed: sum(({ summary }) => summary.passed),
      seen: new Set(
        reports.flatMap(({ results }) =>
          [...results.passed_checks, ...results.failed_checks].map((each) => each.resource),
        ),
      ),
      findings: reports.flatMap(({ results }) =>
        results.failed_checks.map(({ check_id, check_name, resource, file_path }) => ({
          rule: check_id,
          who: resource,
          detail: check_name,
          file: file_path.replace(/^\//, ""),
        })),
      ),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("Checkov", () => {
  const [aws, objects] = [awsResources(), manifests()];
  const whose = owners(aws, identities());
  const plan = (resources: readonly Rendered[]) => JSON.stringify(terraformPlan(resources, whose), null, 1);

  it("finds nothing in manifests and AWS resources except documented exceptions", async () => {
    const files = new Map(objects.map(({ stack, inputs }, index) => [`${stack}/${index}.yaml`, stringify(inputs)]));
    files.set("tfplan.json", plan(aws));
    const { resources, passed, seen, findings } = await judge(files);
    const types = [...new Set(aws.map(({ type }) => terraformType(type)))].sort();
    const unseen = types.filter((type) => ![...seen].some((resource) => resource.startsWith(`${type}.`)));
    report(
      "Checkov",
      `  ${resources} resources (${objects.length} manifests, ${aws.length} of AWS), ${passed} checks passed, ${findings.length} held against us`,
      `  no check looks at ${unseen.join(", ")}`,
      ...explained(findings, SKIPS),
    );
    expect(resources).toBeGreaterThan(aws.length);
    expect(unexplained(findings, SKIPS)).toEqual([]);
    expect(stale(findings, SKIPS)).toEqual([]);
  }, 180_000);

  const opened = (action: string) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: action, Resource: "*" }],
    });
  const everything = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
  });
  /**
   * Expected rule, type of the resource to break, and the change that breaks it. Each resource is checked without its
   * companion resources.
   */
  const SPOILED_AWS: [rule: string, type: string, change: Change][] = [
    ["CKV_AWS_7", "aws:kms/key:Key", set({ enableKeyRotation: false })],
    ["CKV_AWS_33", "aws:kms/key:Key", set({ policy: opened("kms:*") })],
    ["CKV_AWS_16", "aws:rds/instance:Instance", set({ storageEncrypted: false })],
    ["CKV_AWS_17", "aws:rds/instance:Instance", set({ publiclyAccessible: true })],
    ["CKV_AWS_157", "aws:rds/instance:Instance", set({ multiAz: false })],
    ["CKV_AWS_293", "aws:rds/instance:Instance", set({ deletionProtection: false })],
    ["CKV_AWS_129", "aws:rds/instance:Instance", without("enabledCloudwatchLogsExports")],
    ["CKV_AWS_42", "aws:efs/fileSystem:FileSystem", set({ encrypted: false })],
    ["CKV_AWS_184", "aws:efs/fileSystem:FileSystem", without("kmsKeyId")],
    [
      "CKV_AWS_39",
      "aws:eks/cluster:Cluster",
      ({ vpcConfig }) => Object.assign(vpcConfig, { endpointPublicAccess: true }),
    ],
    ["CKV_AWS_58", "aws:eks/cluster:Cluster", without("encryptionConfig")],
    ["CKV_AWS_37", "aws:eks/cluster:Cluster", set({ enabledClusterLogTypes: ["api"] })],
    ["CKV_AWS_51", "aws:ecr/repository:Repository", set({ imageTagMutability: "MUTABLE" })],
    ["CKV_AWS_136", "aws:ecr/repository:Repository", without("encryptionConfigurations")],
    ["CKV_AWS_163", "aws:ecr/repository:Repository", without("imageScanningConfiguration")],
    ["CKV_AWS_149", "aws:secretsmanager/secret:Secret", without("kmsKeyId")],
    ["CKV_AWS_158", "aws:cloudwatch/logGroup:LogGroup", without("kmsKeyId")],
    ["CKV_AWS_53", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", set({ blockPublicAcls: false })],
    ["CKV_AWS_70", "aws:s3/bucketPolicy:BucketPolicy", set({ policy: opened("s3:GetObject") })],
    ["CKV_AWS_21", "aws:s3/bucket:Bucket", () => {}],
    ["CKV_AWS_145", "aws:s3/bucket:Bucket", () => {}],
    ["CKV2_AWS_6", "aws:s3/bucket:Bucket", () => {}],
    ["CKV2_AWS_11", "aws:ec2/vpc:Vpc", () => {}],
    ["CKV_AWS_130", "aws:ec2/subnet:Subnet", set({ mapPublicIpOnLaunch: true })],
    [
      "CKV_AWS_24",
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
      set({ cidrIpv4: "0.0.0.0/0", fromPort: 22, toPort: 22, ipProtocol: "tcp" }),
    ],
    ["CKV_AWS_62", "aws:iam/rolePolicy:RolePolicy", set({ policy: everything })],
    ["CKV_AWS_60", "aws:iam/role:Role", set({ assumeRolePolicy: opened("sts:AssumeRole") })],
    [
      "CKV_AWS_274",
      "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
      set({ policyArn: "arn:aws:iam::aws:policy/AdministratorAccess" }),
    ],
  ];

  const pod = (inputs: Rendered["inputs"]) => (inputs.spec.jobTemplate ?? inputs).spec.template.spec;
  const inContainer =
    (change: Change): Change =>
    (inputs) =>
      change(pod(inputs).containers[0]);
  const inSecurity = (values: object): Change =>
    inContainer(({ securityContext }) => Object.assign(securityContext, values));
  const inPod =
    (values: object): Change =>
    (inputs) =>
      Object.assign(pod(inputs), values);
  const SPOILED_OBJECTS: [rule: string, type: string, change: Change][] = [
    ["CKV_K8S_16", "Deployment", inSecurity({ privileged: true })],
    ["CKV_K8S_20", "Deployment", inSecurity({ allowPrivilegeEscalation: true })],
    ["CKV_K8S_22", "Deployment", inSecurity({ readOnlyRootFilesystem: false })],
    ["CKV_K8S_28", "CronJob", inSecurity({ capabilities: { add: ["NET_RAW"] } })],
    ["CKV_K8S_43", "Deployment", inContainer(set({ image: "langflow:1.13.0" }))],
    ["CKV_K8S_8", "Deployment", inContainer(without("livenessProbe"))],
    ["CKV_K8S_9", "Deployment", inContainer(without("readinessProbe"))],
    ["CKV_K8S_13", "CronJob", inContainer(({ resources }) => void delete resources.limits.memory)],
    ["CKV_K8S_17", "Deployment", inPod({ hostPID: true })],
    ["CKV_K8S_19", "Deployment", inPod({ hostNetwork: true })],
    ["CKV_K8S_23", "Deployment", inPod({ securityContext: { runAsNonRoot: false } })],
    ["CKV_K8S_38", "CronJob", inPod({ automountServiceAccountToken: true })],
    ["CKV_K8S_21", "ServiceAccount", ({ metadata }) => void Object.assign(metadata, { namespace: "default" })],
    ["CKV_K8S_49", "ClusterRole", set({ rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] })],
  ];

  it("reports every deliberately broken resource", async () => {
    const files = new Map<string, string>();
    const brokenAws = SPOILED_AWS.map(([, type, change], index) => ({
      ...spoiled(aws, type, change),
      stack: `spoiled-${index}`,
    }));
    files.set("tfplan.json", JSON.stringify(terraformPlan(brokenAws, new Map()), null, 1));
    SPOILED_OBJECTS.forEach(([, type, change], index) => {
      const { inputs } = spoiled(objects, type, change);
      files.set(`${index}.yaml`, stringify(inputs));
    });
    const { findings } = await judge(files);
    const missed = [
      ...SPOILED_AWS.filter(
        ([rule], index) => !findings.some((found) => found.rule === rule && found.who.includes(`.spoiled-${index}-`)),
      ),
      ...SPOILED_OBJECTS.filter(
        ([rule], index) => !findings.some((found) => found.rule === rule && found.file === `${index}.yaml`),
      ),
    ].map(([rule, type]) => `${rule} ${type}`);
    const total = SPOILED_AWS.length + SPOILED_OBJECTS.length;
    report("Checkov", `  caught ${total - missed.length} of ${total} spoiled resources`);
    expect(missed).toEqual([]);
  }, 180_000);
});
