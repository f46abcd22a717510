import type { Resource, Store } from "../../resources/store";
import { record, text } from "../../resources/values";
import { ACCESS_POLICY } from "../aws/eks";
import { CloudError } from "../shared/errors";
import { atPace } from "../shared/pace";

/**
 * Seconds until an access entry or a pod identity association takes effect; AWS documents "several" (EKS API reference,
 * CreatePodIdentityAssociation).
 */
export const CONSISTENT_SECONDS = 5;

const UNREACHABLE =
  "configured Kubernetes cluster is unreachable: unable to load schema information from the API server";

/**
 * Throws unless the program's user may access the cluster, that is, unless an administrator's access entry is in
 * effect. The local cloud does not distinguish principals, so any administrator's access policy admits the program's
 * user. A cluster that admits its creator needs no entry.
 *
 * @param cluster undefined if the configuration names no existing cluster
 * @param named the cluster's name in error messages
 * @throws CloudError with the provider's wording
 */
export function enter(cluster: Resource | undefined, named: string, cloud: Store): void {
  if (!cluster) throw new CloudError(`${UNREACHABLE}: no cluster ${named || "is configured"}`);
  if (record(cluster.inputs.accessConfig).bootstrapClusterCreatorAdminPermissions !== false) return;
  const letsIn = ({ inputs, key }: Resource) =>
    inputs.clusterName === cluster.id &&
    text(inputs.policyArn)?.endsWith("/AmazonEKSClusterAdminPolicy") === true &&
    cloud.ageOf(key) >= atPace(CONSISTENT_SECONDS);
  if (cloud.find(ACCESS_POLICY, letsIn)) return;
  throw new CloudError(`${UNREACHABLE}: the server has asked for the client to provide credentials`);
}
