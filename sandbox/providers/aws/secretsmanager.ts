import { keyOf } from "../../resources/store";
import { list, record, text } from "../../resources/values";
import type { Behaviour, Situation } from "../shared/behaviour";
import { arn, checkKeyRegion, neighbour, randomText, refusal, uuid } from "./identifiers";

const SECRET = "aws:secretsmanager/secret:Secret";

/** A deleted secret whose name stays reserved until its recovery window ends. */
const SCHEDULED = "aws:secretsmanager/scheduledDeletion:ScheduledDeletion";

const RECOVERY_DAYS = 30;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

function refuseReservedName({ inputs, scope, cloud }: Situation): void {
  const { name } = inputs;
  if (name === undefined) return;
  const reserved = cloud.find(
    SCHEDULED,
    (other) => other.properties.name === name && other.properties.region === scope.region,
  );
  if (!reserved) return;
  throw refusal(
    `creating Secrets Manager Secret (${name})`,
    "Secrets Manager: CreateSecret",
    400,
    "InvalidRequestException: You can't create this secret because a secret with this name is already scheduled for deletion.",
  );
}

function checkReplicas({ inputs, scope, cloud }: Situation): void {
  for (const replica of list(inputs.replicas).map(record)) {
    const region = text(replica.region) ?? "";
    checkKeyRegion("replicating Secrets Manager Secret", replica.kmsKeyId, region);
    if (region === scope.region)
      throw refusal(
        "creating Secrets Manager Secret",
        "Secrets Manager: CreateSecret",
        400,
        "InvalidParameterException: Invalid replica region.",
      );
    const taken =
      inputs.name !== undefined &&
      cloud.find(SECRET, (other) => other.inputs.name === inputs.name && other.properties.region === region);
    if (taken && inputs.forceOverwriteReplicaSecret !== true)
      throw refusal(
        "creating Secrets Manager Secret",
        "Secrets Manager: CreateSecret",
        400,
        `InvalidRequestException: a secret named ${inputs.name} already exists in ${region}`,
      );
  }
}

/** Returns the name in an ARN, without the seven characters that Secrets Manager appends. */
function nameIn(secretArn: string): string {
  return (secretArn.split(":secret:")[1] ?? "").slice(0, -7);
}

function requireSecret(situation: Situation, id: unknown): void {
  if (neighbour(situation, SECRET, id)) return;
  throw refusal(
    "putting Secrets Manager Secret value",
    "Secrets Manager: PutSecretValue",
    400,
    "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
  );
}

export const secretsmanager: Record<string, Behaviour> = {
  [SECRET]: {
    naming: {
      property: "name",
      max: 512,
      pattern: /^[\w/+=.@-]+$/,
      unique: "region",
      taken: (name) =>
        refusal(
          `creating Secrets Manager Secret (${name})`,
          "Secrets Manager: CreateSecret",
          400,
          `ResourceExistsException: The operation failed because the secret ${name} already exists.`,
        ).message,
    },
    replaces: ["namePrefix"],
    defaults: { recoveryWindowInDays: RECOVERY_DAYS, forceOverwriteReplicaSecret: false },
    *check({ inputs }) {
      const days = inputs.recoveryWindowInDays;
      if (typeof days === "number" && days !== 0 && (days < 7 || days > 30))
        yield { property: "recoveryWindowInDays", reason: `expected 0 or a value in the range (7 - 30), got ${days}` };
    },
    verify(situation) {
      if (!situation.old) refuseReservedName(situation);
      checkKeyRegion("creating Secrets Manager Secret", situation.inputs.kmsKeyId, situation.scope.region);
      checkReplicas(situation);
    },
    id({ inputs, scope }) {
      // The real provider appends the time and a counter to a prefix: 26 unique digits.
      const name = inputs.name ?? `${inputs.namePrefix ?? "terraform-"}${randomText(26, "0123456789")}`;
      return arn(scope, "secretsmanager", `secret:${name}-${randomText(6, LETTERS)}`);
    },
    attributes: ({ id, inputs }) => ({
      arn: id,
      name: nameIn(id),
      ...(inputs.replicas === undefined
        ? {}
        : {
            replicas: list(inputs.replicas).map((replica) => ({
              ...record(replica),
              status: "InSync",
              statusMessage: "Replication succeeded",
            })),
          }),
    }),
    async remove({ inputs, id, name, scope, cloud, old }) {
      if (inputs.recoveryWindowInDays === 0) return;
      const identity = { provider: "aws", type: SCHEDULED, scope: old?.scope ?? "", id };
      const properties = { name: nameIn(id), region: scope.region };
      await cloud.put({
        key: keyOf(identity),
        ...identity,
        name,
        urn: "",
        inputs: properties,
        properties,
        secrets: [],
      });
    },
  },
  "aws:secretsmanager/secretVersion:SecretVersion": {
    replaces: ["secretId", "secretString", "secretBinary"],
    verify: (situation) => requireSecret(situation, situation.inputs.secretId),
    id: ({ inputs }) => `${inputs.secretId}|${uuid()}`,
    attributes: ({ id, inputs }) => ({
      arn: inputs.secretId,
      versionId: id.split("|")[1] ?? "",
      versionStages: list(inputs.versionStages).length > 0 ? inputs.versionStages : ["AWSCURRENT"],
      hasSecretStringWo: inputs.secretStringWo !== undefined,
    }),
  },
  "aws:secretsmanager/secretPolicy:SecretPolicy": {
    replaces: ["secretArn"],
    verify: (situation) => requireSecret(situation, situation.inputs.secretArn),
    id: ({ inputs }) => text(inputs.secretArn) ?? "",
  },
};
