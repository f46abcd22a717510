import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { READABLE_KINDS, READERS_GROUP } from "../../model/readableKinds";

/** Kubernetes permissions of the readers' group. */
export class ClusterReaders extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ClusterReaders"), name, {}, opts);

    const metadata = { name: READERS_GROUP };
    const role = new kubernetes.rbac.v1.ClusterRole(
      `${name}-readers`,
      { metadata, rules: READABLE_KINDS },
      { parent: this },
    );
    new kubernetes.rbac.v1.ClusterRoleBinding(
      `${name}-readers`,
      {
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: READERS_GROUP },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: READERS_GROUP }],
      },
      { parent: this, dependsOn: [role] },
    );

    this.registerOutputs({});
  }
}
