import { isUnknown, text } from "../../resources/values";
import type { Problem } from "../../schema/schema";
import type { Behaviour, Situation } from "../shared/behaviour";
import { arn, now, randomText, refusal } from "./identifiers";

const ROLE = "aws:iam/role:Role";
const POLICY = "aws:iam/policy:Policy";
const PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider";
const NAME = /^[\w+=,.@-]+$/;
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const taken = (kind: string, operation: string) => (name: string) =>
  refusal(
    `creating IAM ${kind} (${name})`,
    `IAM: ${operation}`,
    409,
    `EntityAlreadyExists: ${kind} with name ${name} already exists.`,
  ).message;

/** Checks that a policy is a JSON object with statements and does not exceed IAM's size limit. */
function* policyProblems(property: string, value: unknown, max: number): Iterable<Problem> {
  if (typeof value !== "string" || isUnknown(value)) return;
  let document: unknown;
  try {
    document = JSON.parse(value);
  } catch {
    yield { property, reason: `"${property}" contains an invalid JSON policy` };
    return;
  }
  if (typeof document !== "object" || document === null || !("Statement" in document))
    yield { property, reason: `"${property}" contains an invalid JSON policy: there is no Statement` };
  const size = value.replace(/\s/g, "").length; // IAM does not count white space.
  if (size > max) yield { property, reason: `LimitExceeded: ${property} has ${size} characters, ${max} are allowed` };
}

function requireRole({ inputs, cloud, type }: Situation): void {
  const name = text(inputs.role)?.split("/").at(-1);
  if (cloud.find(ROLE, ({ id }) => id === name)) return;
  throw refusal(`creating ${type}`, "IAM: GetRole", 404, `NoSuchEntity: The role with name ${name} cannot be found.`);
}

/** Maximum sizes of policies, in characters (IAM user guide, quotas). */
const MANAGED_MAX = 6144;
const INLINE_MAX = 10240;
const TRUST_MAX = 4096; // The increased quota, which every account can request; the default is 2048.

/** @param operation AWS operation in which the provider detects the missing policy */
function requirePolicy({ cloud, scope }: Situation, policy: unknown, doing: string, operation: string): void {
  const own = text(policy)?.includes(`:${scope.account}:`);
  if (own && !cloud.find(POLICY, ({ id }) => id === policy))
    throw refusal(
      doing,
      `IAM: ${operation}`,
      404,
      `NoSuchEntity: Policy ${policy} does not exist or is not attachable.`,
    );
}

export const iam: Record<string, Behaviour> = {
  [ROLE]: {
    naming: { property: "name", max: 64, pattern: NAME, unique: "account", taken: taken("Role", "CreateRole") },
    replaces: ["namePrefix", "path"],
    defaults: { path: "/", maxSessionDuration: 3600, forceDetachPolicies: false },
    check: ({ inputs }) => policyProblems("assumeRolePolicy", inputs.assumeRolePolicy, TRUST_MAX),
    verify(situation) {
      const { name, permissionsBoundary } = situation.inputs;
      requirePolicy(situation, permissionsBoundary, `setting the boundary of IAM Role (${name})`, "CreateRole");
    },
    id: ({ inputs }) => text(inputs.name) ?? "",
    attributes: ({ id, inputs, scope, old }) => ({
      arn: arn({ ...scope, region: "" }, "iam", `role${inputs.path ?? "/"}${id}`),
      uniqueId: old?.properties.uniqueId ?? `AROA${randomText(17, UPPER)}`,
      createDate: old?.properties.createDate ?? now(),
    }),
  },
  [POLICY]: {
    naming: { property: "name", max: 128, pattern: NAME, unique: "account", taken: taken("Policy", "CreatePolicy") },
    replaces: ["namePrefix", "path", "description"],
    defaults: { path: "/" },
    check: ({ inputs }) => policyProblems("policy", inputs.policy, MANAGED_MAX),
    id: ({ inputs, scope }) => arn({ ...scope, region: "" }, "iam", `policy${inputs.path ?? "/"}${inputs.name}`),
    attributes: ({ id, old }) => ({
      arn: id,
      policyId: old?.properties.policyId ?? `ANPA${randomText(17, UPPER)}`,
      attachmentCount: 0,
    }),
  },
  "aws:iam/rolePolicy:RolePolicy": {
    naming: { property: "name", max: 128, pattern: NAME },
    replaces: ["role", "namePrefix"],
    check: ({ inputs }) => policyProblems("policy", inputs.policy, INLINE_MAX),
    verify: requireRole,
    id: ({ inputs }) => `${inputs.role}:${inputs.name}`,
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    replaces: ["role", "policyArn"],
    verify(situation) {
      requireRole(situation);
      requirePolicy(situation, situation.inputs.policyArn, "attaching IAM Policy", "AttachRolePolicy");
    },
    id: ({ inputs }) => `${inputs.role}/${inputs.policyArn}`,
  },
  [PROVIDER]: {
    naming: {
      property: "url",
      max: 255,
      unique: "account",
      given: true,
      taken: (url) =>
        refusal(
          "creating IAM OIDC Provider",
          "IAM: CreateOpenIDConnectProvider",
          409,
          `EntityAlreadyExists: Provider with url ${url} already exists.`,
        ).message,
    },
    id: ({ inputs, scope }) =>
      arn({ ...scope, region: "" }, "iam", `oidc-provider/${String(inputs.url).replace(/^https:\/\//, "")}`),
    attributes: ({ id, inputs }) => ({ arn: id, thumbprintLists: inputs.thumbprintLists ?? [] }),
  },
};
