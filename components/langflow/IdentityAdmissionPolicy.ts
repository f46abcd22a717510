import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { admissionPolicy } from "./admissionPolicy";

export interface IdentityAdmissionPolicyArgs {
  /** Namespace whose pods all have an IAM role; others are left alone. */
  namespace: string;
}

/** What EKS gives each container of a pod with a role (EKS user guide, "Understand how EKS Pod Identity works"). */
const CREDENTIALS = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/**
 * Refuses a pod that was given no AWS credentials. EKS gives them as the pod is admitted and never again, from
 * associations that are in force only seconds after they are made: a pod that came too early would be without for as long
 * as it lives, however often its containers start. Refused, it is made again by its controller until it has them.
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
            "the pod was given no AWS credentials: its ServiceAccount has no pod identity association, or one that is not in force yet",
        },
      },
      { parent: this },
    );

    this.registerOutputs({});
  }
}
