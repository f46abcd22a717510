import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { admissionPolicy } from "./admissionPolicy";

export interface IdentityAdmissionPolicyArgs {
  /** Namespace in which every pod must have an IAM role; the policy ignores other namespaces. */
  namespace: string;
}

/**
 * Environment variable that EKS injects into each container of a pod with a role (EKS user guide, "Understand how EKS
 * Pod Identity works").
 */
const CREDENTIALS = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/**
 * Rejects pods without AWS credentials. EKS injects credentials only at a pod's admission, from associations that take
 * effect several seconds after their creation. A pod that starts too early would lack credentials for its whole
 * lifetime, even if its containers restart. After a rejection, the pod's controller retries until the association is in
 * effect.
 */
export class IdentityAdmissionPolicy extends pulumi.ComponentResource {
  constructor(name: string, { namespace }: IdentityAdmissionPolicyArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("IdentityAdmissionPolicy"), name, { namespace }, opts);

    admissionPolicy(
      `${name}-identities`,
      {
        name: `${namespace}-identities`,
        namespace,
        operations: ["CREATE"],
        resources: ["pods"],
        rule: {
          expression: `object.spec.containers.all(c, c.?env.orValue([]).exists(e, e.name == "${CREDENTIALS}"))`,
          message:
            "EKS added no AWS credentials to the pod: its ServiceAccount has no pod identity association, or the association is not active yet",
        },
      },
      { parent: this },
    );

    this.registerOutputs({});
  }
}
