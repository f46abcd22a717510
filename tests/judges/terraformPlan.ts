import type { Rendered } from "./rendered";

/**
 * The Terraform resource behind each Pulumi type: Pulumi's AWS provider is made from Terraform's, and where its name is
 * not module and type in other letters it is here. A type that is in neither place fails the test.
 */
const NAMES: Record<string, string> = {
  "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "aws_iam_openid_connect_provider",
  "aws:rds/instance:Instance": "aws_db_instance",
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication":
    "aws_db_instance_automated_backups_replication",
  "aws:rds/parameterGroup:ParameterGroup": "aws_db_parameter_group",
  "aws:rds/subnetGroup:SubnetGroup": "aws_db_subnet_group",
  "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "aws_s3_bucket_replication_configuration",
};

/** Modules whose types have the module in Terraform's name, and those that have not. */
const PREFIXED = new Set(["acm", "ecr", "efs", "eks", "fis", "iam", "kms", "s3", "secretsmanager", "vpc"]);
const BARE = new Set(["ec2"]);

/** Lists of plain values whose Terraform name is not the plural that Pulumi gives them. */
const SINGULAR = new Set(["client_id_lists"]);

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** @throws Error on a type that none of the tables knows */
export function terraformType(type: string): string {
  const [, module = "", name = ""] = /^aws:(\w+)\/(\w+):\w+$/.exec(type) ?? [];
  if (NAMES[type] !== undefined) return NAMES[type];
  if (PREFIXED.has(module)) return `aws_${module}_${snake(name)}`;
  if (BARE.has(module)) return `aws_${snake(name)}`;
  throw new Error(`${type}: say in terraformPlan.ts what it is called in Terraform`);
}

/** Terraform's blocks are lists, named in the singular, also where there can be one only; Pulumi's are not. */
function block(key: string, value: unknown): [string, unknown] {
  const name = snake(key);
  const isObject = (each: unknown) => typeof each === "object" && each !== null && !Array.isArray(each);
  if (Array.isArray(value)) {
    if (!value.some(isObject)) return [SINGULAR.has(name) ? name.slice(0, -1) : name, value];
    const singular = name.replace(/ies$/, "y").replace(/([^s])s$/, "$1");
    return [singular, value.map((each) => attributes(each))];
  }
  if (isObject(value)) return name === "tags" ? [name, value] : [name, [attributes(value as object)]];
  return [name, value];
}

function attributes(inputs: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inputs).map(([key, value]) => block(key, value)));
}

/**
 * The AWS resources as `terraform show -json` writes a plan that makes them, for tools that read plans. A value that is
 * another resource's id, ARN or name also becomes a reference to it, as in the configuration of a Terraform program.
 *
 * @param owners which resource a value stands for
 */
export function terraformPlan(resources: readonly Rendered[], owners: ReadonlyMap<string, Rendered>): object {
  const address = ({ stack, type, name }: Rendered) =>
    `${terraformType(type)}.${`${stack}-${name}`.replace(/[^\w-]/g, "-")}`;
  const planned = resources.map((resource) => {
    const type = terraformType(resource.type);
    const name = address(resource).slice(type.length + 1);
    const values = attributes(resource.inputs);
    return { address: address(resource), mode: "managed", type, name, values };
  });
  const referring = resources.map((resource, index) => {
    const expressions = Object.entries(resource.inputs).flatMap(([key, value]) => {
      const found = strings(value).flatMap((text) => {
        const owner = owners.get(text);
        return owner && address(owner) !== address(resource) ? [address(owner)] : [];
      });
      return found.length > 0 ? [[block(key, value)[0], { references: [...new Set(found)] }] as const] : [];
    });
    const { values: _, ...identity } = planned[index] ?? {};
    return { ...identity, expressions: Object.fromEntries(expressions) };
  });
  return {
    format_version: "1.2",
    terraform_version: "1.13.0",
    planned_values: { root_module: { resources: planned } },
    resource_changes: planned.map(({ values, ...identity }) => ({
      ...identity,
      change: { actions: ["create"], before: null, after: values, after_unknown: {} },
    })),
    configuration: { root_module: { resources: referring } },
  };
}

function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(strings);
}
