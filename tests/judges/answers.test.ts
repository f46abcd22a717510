import { awsAnswer, playedOperations } from "../../sandbox/api/aws";
import type { CloudResource } from "../../sandbox/cloud/client";
import { awsAnswers } from "../fleet/prove/answers";
import { cloudResources } from "./rendered";
import { type Finding, report, unexplained } from "./skips";
import { ask } from "./tools";

interface Call {
  readonly who: string;
  readonly service: string;
  readonly operation: string;
  readonly input: object;
  readonly answer: unknown;
}

const judge = (cases: Record<string, readonly Call[]>) => ask<Record<string, Finding[]>>("answers.py", cases);

/** Resource type for each operation, and the property that supplies each input member. */
const ASKED: Record<string, [type: string, Record<string, string>]> = {
  "eks describe-cluster": ["aws:eks/cluster:Cluster", { name: "name" }],
  "eks list-addons": ["aws:eks/cluster:Cluster", { clusterName: "name" }],
  "eks describe-addon": ["aws:eks/addon:Addon", { clusterName: "clusterName", addonName: "addonName" }],
  "eks list-pod-identity-associations": ["aws:eks/cluster:Cluster", { clusterName: "name" }],
  "kms describe-key": ["aws:kms/key:Key", { KeyId: "arn" }],
  "kms get-key-rotation-status": ["aws:kms/key:Key", { KeyId: "arn" }],
  "s3api get-bucket-versioning": ["aws:s3/bucket:Bucket", { Bucket: "bucket" }],
  "s3api get-bucket-encryption": ["aws:s3/bucket:Bucket", { Bucket: "bucket" }],
  "s3api get-public-access-block": ["aws:s3/bucket:Bucket", { Bucket: "bucket" }],
  "s3api get-bucket-replication": ["aws:s3/bucketReplicationConfig:BucketReplicationConfig", { Bucket: "bucket" }],
  "rds describe-db-instances": ["aws:rds/instance:Instance", { DBInstanceIdentifier: "identifier" }],
  "rds describe-db-parameters": ["aws:rds/parameterGroup:ParameterGroup", { DBParameterGroupName: "name" }],
  "rds describe-db-instance-automated-backups": ["aws:rds/instance:Instance", {}],
  "secretsmanager describe-secret": ["aws:secretsmanager/secret:Secret", { SecretId: "arn" }],
  "secretsmanager get-secret-value": ["aws:secretsmanager/secret:Secret", { SecretId: "arn" }],
  "acm describe-certificate": ["aws:acm/certificate:Certificate", { CertificateArn: "arn" }],
};

/** Returns one call per operation and matching resource, sent to the resource's AWS region. */
function played(resources: readonly CloudResource[]): Call[] {
  return playedOperations().flatMap(([service, operation]) => {
    const [type, members] = ASKED[`${service} ${operation}`] ?? [];
    if (!type || !members) throw new Error(`nothing is known to ask ${service} ${operation} about`);
    return resources
      .filter((resource) => resource.type === type)
      .map(({ id, properties }) => {
        const input = Object.fromEntries(
          Object.entries(members).map(([member, property]) => [member, properties[property]]),
        );
        const answer = awsAnswer(resources, String(properties.region), service, operation, input);
        return { who: id, service, operation, input, answer };
      });
  });
}

/** Returns the AWS responses that the unit tests of `prove` use. */
function rehearsed(): Call[] {
  return Object.entries(awsAnswers("us-east")).map(([name, answer]) => {
    const [service = "", operation = ""] = name.split(" ");
    return { who: "tests/fleet/prove", service, operation, input: {}, answer };
  });
}

/** Expected finding, operation, and the change that breaks its response. */
const SPOILED: [says: RegExp, operation: string, change: (answer: string) => string][] = [
  [/Unknown parameter.*"state"/, "describe-cluster", (answer) => answer.replace('"status"', '"state"')],
  [/Invalid type.*MultiAZ/, "describe-db-instances", (answer) => answer.replace('"MultiAZ":true', '"MultiAZ":"yes"')],
  [/Valid is none of/, "describe-certificate", (answer) => answer.replace('"ISSUED"', '"Valid"')],
  [/On is none of/, "get-bucket-versioning", (answer) => answer.replace('"Enabled"', '"On"')],
  [/Invalid type.*Rules/, "get-bucket-encryption", (answer) => answer.replace(/\[(.*)\]/, "$1")],
  [/no such operation/, "describe-addon", (answer) => answer],
];

describe("the check against botocore's models", () => {
  const all = played(cloudResources());

  it("accepts each operation of the local cloud, its input and every member of its response", async () => {
    const { calls = [], unit = [] } = await judge({ calls: all, unit: rehearsed() });
    const inputs = /^input Missing required/;
    report("botocore", `  ${all.length} answers of ${playedOperations().length} operations played`);
    expect(unexplained(calls, [])).toEqual([]);
    // The unit tests define only responses, so findings about missing inputs do not count.
    expect(
      unexplained(
        unit.filter(({ detail }) => !inputs.test(detail)),
        [],
      ),
    ).toEqual([]);
  });

  it("reports a response that AWS would not return", async () => {
    const cases = SPOILED.map(([says, operation, change], index): [string, Call[]] => {
      const call = all.find((each) => each.operation === operation);
      if (!call) throw new Error(`nothing answers ${operation}`);
      const isNew = says.source.startsWith("no such");
      const answer = JSON.parse(change(JSON.stringify(call.answer)));
      return [String(index), [{ ...call, answer, ...(isNew && { operation: "describe-add-on" }) }]];
    });
    const verdicts = await judge(Object.fromEntries(cases));
    const missed = SPOILED.filter(
      ([says], index) => !verdicts[String(index)]?.some(({ detail }) => says.test(detail)),
    ).map(([says]) => says.source);
    report("botocore", `  caught ${SPOILED.length - missed.length} of ${SPOILED.length} spoiled answers`);
    expect(missed).toEqual([]);
  });
});
