import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

export interface AdmissionPolicyArgs {
  /** Name of the policy and of its binding. */
  name: string;
  /** Namespace whose pods are judged; others are left alone. */
  namespace: string;
  operations: ("CREATE" | "UPDATE")[];
  resources: ("pods" | "pods/ephemeralcontainers")[];
  /** CEL that says whether a request is judged at all. Default: each is. */
  matchConditions?: types.input.admissionregistration.v1.MatchCondition[];
  /** CEL expressions that the rule's own are written with. */
  variables?: types.input.admissionregistration.v1.Variable[];
  rule: types.input.admissionregistration.v1.Validation;
}

/** A rule over a namespace's pods, and its being in force: what breaks it is refused, and so is what cannot be judged. */
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
