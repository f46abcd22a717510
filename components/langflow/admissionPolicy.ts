import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

export interface AdmissionPolicyArgs {
  /** Name of the policy and of its binding. */
  name: string;
  /** Namespace whose pods the policy checks; it ignores other namespaces. */
  namespace: string;
  operations: ("CREATE" | "UPDATE")[];
  resources: ("pods" | "pods/ephemeralcontainers")[];
  /** CEL conditions that select the requests to check. Default: all requests. */
  matchConditions?: types.input.admissionregistration.v1.MatchCondition[];
  /** CEL variables that the rule uses. */
  variables?: types.input.admissionregistration.v1.Variable[];
  rule: types.input.admissionregistration.v1.Validation;
}

/**
 * Creates and enforces an admission policy for a namespace's pods. It rejects requests that violate the rule, and
 * requests for which the rule cannot be evaluated.
 */
export function admissionPolicy(
  resourceName: string,
  args: AdmissionPolicyArgs,
  opts: pulumi.CustomResourceOptions,
): void {
  const { name, namespace, operations, resources, matchConditions, variables, rule } = args;
  const policy = new kubernetes.admissionregistration.v1.ValidatingAdmissionPolicy(
    resourceName,
    {
      metadata: { name },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          matchPolicy: "Equivalent",
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
          resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations, resources, scope: "Namespaced" }],
        },
        matchConditions,
        variables,
        validations: [{ ...rule, reason: "Forbidden" }],
      },
    },
    opts,
  );
  new kubernetes.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
    resourceName,
    { metadata: { name }, spec: { policyName: policy.metadata.name, validationActions: ["Deny"] } },
    opts,
  );
}
