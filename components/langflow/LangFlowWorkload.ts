import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ROLLING_UPDATE } from "../../model/langflow";
import { type LangFlowPodArgs, langFlowPod, versionedLabels } from "../../model/langflowPod";
import { typeToken } from "../../model/names";

export interface LangFlowWorkloadArgs extends LangFlowPodArgs {
  /** Namespace of the pods. A change replaces everything. */
  namespace: string;
  /** Minimum and maximum of the autoscaler; `min` is at least 2. */
  replicas: { min: number; max: number };
}

/**
 * Target CPU utilization of the autoscaler, in percent. It leaves headroom for a burst while a new pod starts, which
 * takes about a minute.
 */
const TARGET_CPU_PERCENT = 70;
/** Rollout timeout, in seconds: the first start waits for a node, pulls several GB and migrates an empty database. */
const ROLLOUT_SECONDS = 1200;
const ROLLOUT_TIMEOUTS = { create: `${ROLLOUT_SECONDS}s`, update: `${ROLLOUT_SECONDS}s` };

/** Name of the ConfigMap with LangFlow's environment. */
export const CONFIG_NAME = "langflow";

/** LangFlow's Deployment with its autoscaler, disruption budget and Service. */
export class LangFlowWorkload extends pulumi.ComponentResource {
  readonly deploymentName: string;

  constructor(name: string, args: LangFlowWorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("LangFlowWorkload"), name, args, opts);

    const { namespace, labels } = args;
    this.deploymentName = `langflow-${args.region}`;
    const metadata = (objectName: string) => ({ name: objectName, namespace, labels });
    const config = new kubernetes.core.v1.ConfigMap(
      name,
      { metadata: metadata(CONFIG_NAME), data: args.environment },
      { parent: this },
    );
    const deployment = new kubernetes.apps.v1.Deployment(
      name,
      {
        metadata: { ...metadata(this.deploymentName), labels: versionedLabels(args) },
        spec: {
          // No `replicas`: the autoscaler controls the number, and every update would reset it.
          selector: { matchLabels: labels },
          strategy: { type: "RollingUpdate", rollingUpdate: ROLLING_UPDATE },
          minReadySeconds: 10,
          progressDeadlineSeconds: ROLLOUT_SECONDS,
          revisionHistoryLimit: 3,
          // The literal name, not the ConfigMap's output: resources that depend on the output of a replaced ConfigMap
          // are themselves replaced.
          template: langFlowPod(args, CONFIG_NAME),
        },
      },
      { parent: this, dependsOn: [config], customTimeouts: ROLLOUT_TIMEOUTS },
    );
    new kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
      name,
      { metadata: metadata(this.deploymentName), spec: autoscaling(args, deployment.metadata.name) },
      { parent: this },
    );
    new kubernetes.policy.v1.PodDisruptionBudget(
      name,
      {
        metadata: metadata(this.deploymentName),
        // An unhealthy pod must not prevent a node from being drained.
        spec: { maxUnavailable: 1, selector: { matchLabels: labels }, unhealthyPodEvictionPolicy: "AlwaysAllow" },
      },
      { parent: this },
    );
    new kubernetes.core.v1.Service(
      name,
      {
        metadata: metadata("langflow"),
        spec: {
          type: "ClusterIP",
          selector: labels,
          ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
        },
      },
      // The provider waits for a Service's first endpoint. Its default of ten minutes may be shorter than a first
      // rollout.
      { parent: this, customTimeouts: ROLLOUT_TIMEOUTS },
    );

    this.registerOutputs({ deploymentName: this.deploymentName });
  }
}

function autoscaling(
  { replicas }: LangFlowWorkloadArgs,
  deploymentName: pulumi.Input<string>,
): types.input.autoscaling.v2.HorizontalPodAutoscalerSpec {
  return {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: deploymentName },
    minReplicas: replicas.min,
    maxReplicas: replicas.max,
    metrics: [
      {
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: TARGET_CPU_PERCENT } },
      },
    ],
    behavior: {
      // After a failover, another region's visitors arrive all at once, so scale-up may double the pods. Scale-down
      // removes one pod at a time.
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: "Max",
        policies: [
          { type: "Percent", value: 100, periodSeconds: 60 },
          { type: "Pods", value: 2, periodSeconds: 60 },
        ],
      },
      scaleDown: {
        stabilizationWindowSeconds: 300,
        selectPolicy: "Max",
        policies: [{ type: "Pods", value: 1, periodSeconds: 120 }],
      },
    },
  };
}
