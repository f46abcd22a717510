import { list, record, text } from "../../resources/values";
import type { Behaviour, Situation } from "../shared/behaviour";
import { arn, checkKeyRegion, neighbour, refusal } from "./identifiers";

const REPOSITORY = "aws:ecr/repository:Repository";
const MUTABILITY = ["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"];

/** Limits of a registry's replication (ECR user guide, service quotas). */
const RULES_MAX = 10;
const DESTINATIONS_MAX = 25;

function requireRepository(situation: Situation): void {
  const name = situation.inputs.repository;
  if (neighbour(situation, REPOSITORY, name)) return;
  throw refusal(
    `creating ECR policy (${name})`,
    "ECR: PutLifecyclePolicy",
    400,
    `RepositoryNotFoundException: The repository with name '${name}' does not exist in the registry with id '${situation.scope.account}'`,
  );
}

const ofRepository = (replaces: readonly string[]): Behaviour => ({
  replaces,
  verify: requireRepository,
  id: ({ inputs }) => text(inputs.repository) ?? "",
  attributes: ({ scope }) => ({ registryId: scope.account }),
});

export const ecr: Record<string, Behaviour> = {
  [REPOSITORY]: {
    naming: {
      property: "name",
      max: 256,
      pattern: /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/,
      unique: "region",
      taken: (name) =>
        refusal(
          `creating ECR Repository (${name})`,
          "ECR: CreateRepository",
          400,
          `RepositoryAlreadyExistsException: The repository with name '${name}' already exists`,
        ).message,
    },
    replaces: ["encryptionConfigurations"],
    defaults: { imageTagMutability: "MUTABLE" },
    *check({ inputs }) {
      const mutability = text(inputs.imageTagMutability);
      if (mutability !== undefined && !MUTABILITY.includes(mutability))
        yield { property: "imageTagMutability", reason: `expected imageTagMutability to be one of ${MUTABILITY}` };
    },
    verify({ inputs, scope }) {
      for (const encryption of list(inputs.encryptionConfigurations).map(record))
        checkKeyRegion("creating ECR Repository", encryption.kmsKey, scope.region);
    },
    id: ({ inputs }) => text(inputs.name) ?? "",
    attributes: ({ id, scope }) => ({
      arn: arn(scope, "ecr", `repository/${id}`),
      registryId: scope.account,
      repositoryUrl: `${scope.account}.dkr.ecr.${scope.region}.amazonaws.com/${id}`,
    }),
  },
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": ofRepository(["repository", "policy"]),
  "aws:ecr/repositoryPolicy:RepositoryPolicy": ofRepository(["repository"]),
  "aws:ecr/replicationConfiguration:ReplicationConfiguration": {
    *check({ inputs, scope }) {
      const rules = list(record(inputs.replicationConfiguration).rules).map(record);
      const property = "replicationConfiguration.rules";
      if (rules.length > RULES_MAX) yield { property, reason: `at most ${RULES_MAX} rules are allowed` };
      for (const { destinations } of rules) {
        if (list(destinations).length > DESTINATIONS_MAX)
          yield { property, reason: `at most ${DESTINATIONS_MAX} destinations are allowed in a rule` };
        if (
          list(destinations).some(
            (other) => record(other).region === scope.region && record(other).registryId === scope.account,
          )
        )
          yield { property, reason: `a registry cannot replicate to itself: ${scope.region} is the source` };
      }
    },
    id: ({ scope }) => scope.account,
    attributes: ({ scope }) => ({ registryId: scope.account }),
  },
  "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": {
    id: ({ scope }) => scope.account,
    attributes: ({ scope }) => ({ registryId: scope.account }),
  },
};
