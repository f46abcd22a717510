import { keyOf } from "../../resources/store";
import { text } from "../../resources/values";
import type { Behaviour, Situation } from "../shared/behaviour";
import { arn, checkKeyRegion, refusal } from "./identifiers";

const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
const DEFAULTS = { logGroupClass: "STANDARD", retentionInDays: 0, skipDestroy: false };

/** Log groups that a service recreates if it still has logs to write: EKS and RDS deliver their last logs late. */
const OF_A_SERVICE = /^\/aws\/(eks|rds)\//;

/**
 * Emulates a service that writes to a log group: creates the group if it is missing, without a key and with unlimited
 * retention.
 */
export async function writeLogs({ cloud, scope }: Situation, name: string): Promise<void> {
  const identity = { provider: "aws", type: LOG_GROUP, scope: `${scope.account}/${scope.region}`, id: name };
  if (cloud.lookup(identity)) return;
  const inputs = { ...DEFAULTS, name, region: scope.region };
  const properties = { ...inputs, arn: arn(scope, "logs", `log-group:${name}`), tagsAll: {} };
  await cloud.put({ key: keyOf(identity), ...identity, name: "", urn: "", inputs, properties, secrets: [] });
}

/**
 * Retention periods that CloudWatch Logs accepts, in days (CloudWatch Logs API reference, PutRetentionPolicy). 0 means
 * unlimited.
 */
const RETENTIONS = [
  0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

export const cloudwatch: Record<string, Behaviour> = {
  [LOG_GROUP]: {
    naming: {
      property: "name",
      max: 512,
      pattern: /^[\w./#-]+$/,
      unique: "region",
      taken: (name) =>
        refusal(
          `creating CloudWatch Logs Log Group (${name})`,
          "CloudWatch Logs: CreateLogGroup",
          400,
          "ResourceAlreadyExistsException: The specified log group already exists",
        ).message,
    },
    replaces: ["namePrefix", "logGroupClass"],
    defaults: DEFAULTS,
    *check({ inputs }) {
      const days = inputs.retentionInDays;
      if (typeof days === "number" && !RETENTIONS.includes(days))
        yield {
          property: "retentionInDays",
          reason: `expected retentionInDays to be one of ${RETENTIONS}, got ${days}`,
        };
    },
    verify: ({ inputs, scope }) => checkKeyRegion("creating CloudWatch Logs Log Group", inputs.kmsKeyId, scope.region),
    id: ({ inputs }) => text(inputs.name) ?? "",
    attributes: ({ id, scope }) => ({ arn: arn(scope, "logs", `log-group:${id}`) }),
    trails: async (situation) => {
      if (OF_A_SERVICE.test(situation.id)) await writeLogs(situation, situation.id);
    },
  },
};
