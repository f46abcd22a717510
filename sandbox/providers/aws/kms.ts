import { text } from "../../resources/values";
import type { Behaviour } from "../shared/behaviour";
import { arn, neighbour, refusal, uuid } from "./identifiers";

const KEY = "aws:kms/key:Key";

export const kms: Record<string, Behaviour> = {
  [KEY]: {
    replaces: ["keyUsage", "customerMasterKeySpec", "customKeyStoreId", "multiRegion", "xksKeyId"],
    defaults: {
      keyUsage: "ENCRYPT_DECRYPT",
      customerMasterKeySpec: "SYMMETRIC_DEFAULT",
      isEnabled: true,
      multiRegion: false,
      enableKeyRotation: false,
    },
    *check({ inputs }) {
      const days = inputs.deletionWindowInDays;
      if (typeof days === "number" && (days < 7 || days > 30))
        yield {
          property: "deletionWindowInDays",
          reason: `expected deletionWindowInDays to be in the range (7 - 30), got ${days}`,
        };
    },
    id: uuid,
    attributes: ({ id, scope, inputs }) => ({
      keyId: id,
      arn: arn(scope, "kms", `key/${id}`),
      ...(inputs.enableKeyRotation && inputs.rotationPeriodInDays === undefined ? { rotationPeriodInDays: 365 } : {}),
    }),
  },
  "aws:kms/alias:Alias": {
    naming: {
      property: "name",
      max: 256,
      pattern: /^(alias\/)[a-zA-Z0-9/_-]+$/,
      unique: "region",
      given: true,
      taken: (name) =>
        refusal(
          `creating KMS Alias (${name})`,
          "KMS: CreateAlias",
          400,
          `AlreadyExistsException: ${name} already exists`,
        ).message,
    },
    verify(situation) {
      const target = text(situation.inputs.targetKeyId) ?? "";
      if (neighbour(situation, KEY, target.split("/").at(-1) ?? target)) return;
      throw refusal("creating KMS Alias", "KMS: CreateAlias", 400, `NotFoundException: Key '${target}' does not exist`);
    },
    id: ({ inputs }) => text(inputs.name) ?? "",
    attributes: ({ id, scope, inputs }) => ({
      arn: arn(scope, "kms", id),
      targetKeyArn: arn(scope, "kms", `key/${String(inputs.targetKeyId).split("/").at(-1)}`),
    }),
  },
};
