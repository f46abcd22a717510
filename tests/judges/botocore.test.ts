import { awsResources, type Change, type Rendered, set, spoiled, without } from "./rendered";
import { type Finding, report, unexplained } from "./skips";
import { ask } from "./tools";

interface Verdict {
  readonly resources: number;
  /** Reason why a type has no API call, by type. */
  readonly withoutCall: Record<string, string>;
  readonly calls: number;
  readonly operations: string[];
  readonly fields: number;
  readonly findings: Finding[];
}

const judge = (cases: Record<string, readonly Rendered[]>) => ask<Record<string, Verdict>>("models.py", cases);

/** Expected finding, type of the resource to break, and the change that breaks it. */
const SPOILED: [says: RegExp, type: string, change: Change][] = [
  [/Missing required parameter.*roleArn/, "aws:eks/cluster:Cluster", without("roleArn")],
  [/Missing required parameter.*RoleName/, "aws:iam/rolePolicy:RolePolicy", without("role")],
  [
    /Missing required parameter.*Status/,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    ({ rules }) => void delete rules[0].status,
  ],
  [
    /resourcesVpcConfig\.subnets: .*no such member/,
    "aws:eks/cluster:Cluster",
    ({ vpcConfig }) => void Object.assign(vpcConfig, { subnets: [] }),
  ],
  [/instanceKlass: no call takes it/, "aws:rds/instance:Instance", set({ instanceKlass: "db.m7g.large" })],
  [/FAST is none of/, "aws:efs/fileSystem:FileSystem", set({ throughputMode: "FAST" })],
  [
    /On is none of Enabled, Suspended/,
    "aws:s3/bucketVersioning:BucketVersioning",
    ({ versioningConfiguration }) => void Object.assign(versioningConfiguration, { status: "On" }),
  ],
  [
    /AFTER_31_DAYS is none of/,
    "aws:efs/fileSystem:FileSystem",
    ({ lifecyclePolicies }) => void Object.assign(lifecyclePolicies[0], { transitionToIa: "AFTER_31_DAYS" }),
  ],
  [/Invalid type.*AllocatedStorage/, "aws:rds/instance:Instance", set({ allocatedStorage: "100" })],
  [
    /Invalid type.*endpointPublicAccess/,
    "aws:eks/cluster:Cluster",
    ({ vpcConfig }) => void Object.assign(vpcConfig, { endpointPublicAccess: "no" }),
  ],
  [/50000 is more than 43200/, "aws:iam/role:Role", set({ maxSessionDuration: 50_000 })],
  [/PendingWindowInDays, value: 0, valid min value: 1/, "aws:kms/key:Key", set({ deletionWindowInDays: 0 })],
  [/is not of the form/, "aws:iam/role:Role", set({ name: "no role" })],
  [/RoleName: 65 is more than 64/, "aws:iam/role:Role", set({ name: "r".repeat(65) })],
  [/FileSystemId.*is not of the form/, "aws:efs/mountTarget:MountTarget", set({ fileSystemId: "file-system-1" })],
  [/DomainName.*is not of the form/, "aws:acm/certificate:Certificate", set({ domainName: "no name" })],
  [/there is no eu-west-9/, "aws:kms/key:Key", set({ region: "eu-west-9" })],
  [/no call is known/, "aws:kms/key:Key", () => {}],
];

describe("the check against botocore's models", () => {
  const all = awsResources();

  it("accepts every AWS resource as arguments of the API calls that create it", async () => {
    const { rendered } = await judge({ rendered: all });
    if (!rendered) throw new Error("no verdict");
    const { resources, withoutCall, calls, operations, fields, findings } = rendered;
    report(
      "botocore",
      `  ${resources} resources, ${calls} calls of ${operations.length} operations, ${fields} fields, ${findings.length} held against us`,
      ...Object.entries(withoutCall).map(([type, reason]) => `  no call for ${type}: ${reason}`),
    );
    const uncalled = all.filter(({ type }) => type in withoutCall);
    expect(resources + uncalled.length).toBe(all.length);
    expect(unexplained(findings, [])).toEqual([]);
  });

  it("reports every deliberately broken resource", async () => {
    const cases = SPOILED.map(([says, type, change], index) => {
      const broken = spoiled(all, type, change);
      const isNew = says.source.startsWith("no call is known");
      return [String(index), [isNew ? { ...broken, type: "aws:sqs/queue:Queue" } : broken]] as const;
    });
    const verdicts = await judge(Object.fromEntries(cases));
    const missed = SPOILED.filter(
      ([says], index) => !verdicts[String(index)]?.findings.some(({ detail }) => says.test(detail)),
    ).map(([says]) => says.source);
    report("botocore", `  caught ${SPOILED.length - missed.length} of ${SPOILED.length} spoiled resources`);
    expect(missed).toEqual([]);
  });
});
