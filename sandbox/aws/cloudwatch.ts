import type { Behaviour } from "../provider/behaviour";
import { text } from "../provider/values";
import { arn, checkKeyRegion, refusal } from "./identifiers";

/** Retentions CloudWatch Logs accepts, in days (CloudWatch Logs API reference, PutRetentionPolicy); 0 keeps for ever. */
const RETENTIONS = [
  0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

export const cloudwatch: Record<string, Behaviour> = {
  "aws:cloudwatch/logGroup:LogGroup": {
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
    defaults: { logGroupClass: "STANDARD", retentionInDays: 0, skipDestroy: false },
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
  },
};
