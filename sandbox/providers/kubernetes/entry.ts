import type { Resource, Store } from "../../resources/store";
import { record, text } from "../../resources/values";
import { ACCESS_POLICY } from "../aws/eks";
import { CloudError } from "../shared/errors";
import { atPace } from "../shared/pace";

/**
 * Seconds until an access entry, or a pod identity association, is effective: "several" (EKS API reference,
 * CreatePodIdentityAssociation).
 */
export const CONSISTENT_SECONDS = 5;

const UNREACHABLE =
  "configured Kubernetes cluster is unreachable: unable to load schema information from the API server";

/**
 * Refuses whoever runs the program while no administrator's entry is effective. Locally there is one person, who counts as
 * any of the cluster's administrators; a cluster that lets in who made it needs no entry.
 *
 * @param cluster undefined where the configuration leads to none
 * @param named how an error calls it
 * @throws CloudError in the words of the provider
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
