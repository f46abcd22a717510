import { setTimeout as wait } from "node:timers/promises";
import { record, text } from "../../resources/values";
import { CLUSTER, POD_IDENTITY } from "../aws/eks";
import type { Situation } from "../shared/behaviour";
import { atPace } from "../shared/pace";
import { CONSISTENT_SECONDS } from "./entry";
import { kindOf, namespaceOf, rejected } from "./objects";
import { rulesOf } from "./rules";

/** Kinds that keep pods running. */
const WORKLOADS = ["Deployment", "StatefulSet", "DaemonSet"].map((kind) => `kubernetes:apps/v1:${kind}`);
const POLICY = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy";
const BINDING = `${POLICY}Binding`;
const LOOK_AGAIN_MS = 20;

/**
 * Waits like the provider until an object is ready, at the local cloud's pace.
 *
 * @throws CloudError if the object is not ready within its own timeout, or the provider's default
 */
export async function awaitReady(situation: Situation): Promise<void> {
  const { group, kind } = kindOf(situation.type);
  const { waits } = rulesOf(group, kind);
  if (waits?.for === "credentials") await awaitCredentials(situation);
  if (waits?.for === "endpoints") await awaitEndpoints(situation, waits.seconds);
}

async function awaitEndpoints(situation: Situation, seconds: number): Promise<void> {
  if (needsNoPods(situation)) return;
  const deadline = Date.now() + atPace(situation.timeoutSeconds || seconds);
  let missing = missingOf(situation);
  while (missing && Date.now() < deadline) {
    await wait(LOOK_AGAIN_MS);
    missing = missingOf(situation);
  }
  if (missing) throw rejected(situation.id, `Timeout occurred for 'Service': ${missing}`);
}

function needsNoPods({ inputs }: Situation): boolean {
  const { type, clusterIP } = record(inputs.spec);
  return type === "ExternalName" || clusterIP === "None";
}

/** Returns the missing condition of a Service with the provider's wording, or undefined if the Service is ready. */
function missingOf({ inputs, cloud, scope, id }: Situation): string | undefined {
  const { selector, type } = record(inputs.spec);
  const wanted = Object.entries(record(selector));
  const targeted = WORKLOADS.some((workload) =>
    cloud.find(workload, (other) => {
      const labels = record(record(record(record(other.inputs.spec).template).metadata).labels);
      const near = other.scope === scope.cluster && namespaceOf(other.id) === namespaceOf(id);
      return near && wanted.every(([key, value]) => labels[key] === value);
    }),
  );
  if (wanted.length === 0 || !targeted)
    return "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels on any Pods";
  if (type === "LoadBalancer" && !makesLoadBalancers(scope.cluster, cloud))
    return "Service was not allocated an IP address; does your cloud provider support this?";
  return undefined;
}

/** Whether the cluster may create load balancers (EKS user guide, "Create an Auto Mode cluster"). */
function makesLoadBalancers(cluster: string, cloud: Situation["cloud"]): boolean {
  const { inputs } = cloud.find(CLUSTER, ({ id }) => id === cluster) ?? {};
  return record(record(inputs?.kubernetesNetworkConfig).elasticLoadBalancing).enabled === true;
}

/**
 * Waits until the pods have credentials. A pod gets credentials at admission, from an association that is in effect by
 * then, or never. If an admission policy rejects pods without credentials, their controller retries until they have
 * some.
 */
async function awaitCredentials(situation: Situation): Promise<void> {
  if (!isEarly(situation)) return;
  if (!refusesPodsWithoutCredentials(situation))
    throw rejected(
      situation.id,
      "Timeout occurred for 'Deployment': Minimum number of Pods to consider the application live was not attained: the pods have no AWS credentials",
    );
  while (isEarly(situation)) await wait(LOOK_AGAIN_MS);
}

/** Whether the pods' role was associated so recently that the association is not yet in effect. */
function isEarly({ inputs, cloud, scope, id }: Situation): boolean {
  const account = text(record(record(record(inputs.spec).template).spec).serviceAccountName);
  const early = cloud.find(
    POD_IDENTITY,
    ({ inputs: association, key }) =>
      association.clusterName === scope.cluster &&
      association.namespace === namespaceOf(id) &&
      association.serviceAccount === account &&
      cloud.ageOf(key) < atPace(CONSISTENT_SECONDS),
  );
  return early !== undefined;
}

function refusesPodsWithoutCredentials({ cloud, scope, id }: Situation): boolean {
  const bound = cloud
    .list(BINDING)
    .filter((binding) => binding.scope === scope.cluster)
    .map((binding) => record(binding.inputs.spec).policyName);
  const policy = cloud.find(POLICY, (other) => {
    const spec = JSON.stringify(other.inputs.spec);
    const about = [`"kubernetes.io/metadata.name":"${namespaceOf(id)}"`, "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    return other.scope === scope.cluster && bound.includes(other.id) && about.every((part) => spec.includes(part));
  });
  return policy !== undefined;
}
