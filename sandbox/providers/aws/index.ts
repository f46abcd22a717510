import { partitionOf } from "../../../model/places";
import { isUnknown, list, type Properties, record, text, UNKNOWN } from "../../resources/values";
import awsSchema from "../../schema/aws.json";
import type { PackageSchema } from "../../schema/schema";
import type { Behaviour, Situation } from "../shared/behaviour";
import type { Definition } from "../shared/provider";
import { acm } from "./acm";
import { cloudwatch } from "./cloudwatch";
import { ec2 } from "./ec2";
import { ecr } from "./ecr";
import { efs } from "./efs";
import { eks } from "./eks";
import { functions } from "./functions";
import { iam } from "./iam";
import { arn, hex } from "./identifiers";
import { kms } from "./kms";
import { rds } from "./rds";
import { s3 } from "./s3";
import { secretsmanager } from "./secretsmanager";

const schema: PackageSchema = awsSchema;

/** Default account if the provider's configuration has none: the one in AWS' documentation. */
const ACCOUNT = "123456789012";

const behaviours: Readonly<Record<string, Behaviour>> = {
  ...acm,
  ...cloudwatch,
  ...ec2,
  ...ecr,
  ...efs,
  ...eks,
  ...iam,
  ...kms,
  ...rds,
  ...s3,
  ...secretsmanager,
  "aws:fis/experimentTemplate:ExperimentTemplate": {
    id: () => `EXT${hex(16)}`,
    // The provider never updates these tags (terraform-provider-aws, internal/service/fis: @Tags names no identifier).
    attributes: ({ old }) => (old ? { tagsAll: old.properties.tagsAll } : {}),
  },
};

/** Default behaviour of types that need no special rules: an id, and an ARN if the type has one. */
const ORDINARY: Behaviour = {
  id: ({ name }) => `${name}-${hex(12)}`,
  attributes({ id, type, scope }) {
    const [, module = "", kind = ""] = /^aws:(\w+)\/(\w+):/.exec(type) ?? [];
    return schema.resources[type]?.outputs.includes("arn") ? { arn: arn(scope, module, `${kind}/${id}`) } : {};
  },
};

/** Types of global services, which have no region. */
const GLOBAL = /^aws:(iam|cloudfront|route53|organizations)\//;

function accountOf(configuration: Properties): string {
  const role = text(record(list(configuration.assumeRoles)[0]).roleArn);
  return role?.split(":")[4] ?? text(list(configuration.allowedAccountIds)[0]) ?? ACCOUNT;
}

/**
 * Returns the attributes that all AWS resources have: the region, and the tags merged with the provider's default tags.
 */
function attributes({ type, inputs, scope }: Situation): Properties {
  const known = schema.resources[type];
  return {
    ...(known?.inputs.region ? { region: scope.region } : {}),
    ...(known?.outputs.includes("tagsAll")
      ? { tagsAll: isUnknown(inputs.tags) ? UNKNOWN : { ...scope.defaultTags, ...record(inputs.tags) } }
      : {}),
  };
}

export const aws: Definition = {
  name: "aws",
  schema,
  rules: { listsAreSets: true },
  functions,
  replaces: ["region"],
  schemaOf: (type) => schema.resources[type],
  behaviourOf: (type) => behaviours[type] ?? ORDINARY,
  scopeOf(configuration, type, inputs) {
    const home = text(inputs.region) ?? text(configuration.region) ?? "us-east-1";
    return {
      account: accountOf(configuration),
      partition: partitionOf(home),
      region: GLOBAL.test(type) ? "" : home,
      cluster: "",
      defaultTags: record(record(configuration.defaultTags).tags) as Record<string, string>,
    };
  },
  address: ({ account, region }) => [account, region].filter(Boolean).join("/"),
  attributes,
  // Pulumi's provider merges its default tags into this property when it checks a resource (pulumi-aws,
  // provider/tags.go).
  compared: ["tagsAll"],
  providerReplaces: (changed) => changed.filter((key) => key === "region"),
};
