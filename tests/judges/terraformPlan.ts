import type { Rendered } from "./rendered";

/**
 * Terraform resource names for Pulumi types. Pulumi's AWS provider is derived from Terraform's. This table lists the
 * types
 * whose Terraform name does not follow from module and type. The test fails for a type that is not covered.
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

/** Modules that are part of the Terraform name (PREFIXED), and modules that are not (BARE). */
const PREFIXED = new Set(["acm", "ecr", "efs", "eks", "fis", "iam", "kms", "s3", "secretsmanager", "vpc"]);
const BARE = new Set(["ec2"]);

/** Lists of plain values whose Terraform name is singular, unlike the plural in Pulumi. */
const SINGULAR = new Set(["client_id_lists"]);

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** @throws Error on a type that none of the tables contains */
export function terraformType(type: string): string {
  const [, module = "", name = ""] = /^aws:(\w+)\/(\w+):\w+$/.exec(type) ?? [];
  if (NAMES[type] !== undefined) return NAMES[type];
  if (PREFIXED.has(module)) return `aws_${module}_${snake(name)}`;
  if (BARE.has(module)) return `aws_${snake(name)}`;
  throw new Error(`${type}: say in terraformPlan.ts what it is called in Terraform`);
}

/** Converts a property to Terraform's form, in which a block is always a list with a singular name. */
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
 * Returns the AWS resources in the format of `terraform show -json` for a plan that creates them, for tools that read
 * plans. A value that is
 * another resource's id, ARN or name also becomes a reference to it, as in the configuration of a Terraform program.
 *
 * @param owners resource for each id, ARN or name
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
