import { createHash } from "node:crypto";
import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { HTTP_PORT, LANGFLOW_UID, METRICS_PORT, PATHS, SHUTDOWN } from "./langflow";

/** CPU and memory, as Kubernetes quantities. */
export type ComputeResources = { cpu: string; memory: string };

export interface LangFlowPodArgs {
  /** Labels, and selector of the pods. A change replaces the Deployment. */
  labels: Record<string, string>;
  /** Registry, repository and digest. A change rolls the pods. */
  image: pulumi.Input<string>;
  /** What the image calls itself; a label for people. */
  version: string;
  serviceAccountName: string;
  /** Environment that is no secret. A change rolls the pods. */
  environment: pulumi.Input<Record<string, string>>;
  /** Environment by reference to a Secret. */
  secretEnvironment: pulumi.Input<types.input.core.v1.EnvVar[]>;
  /** The SecretProviderClass whose mount fills that Secret. */
  secretClassName: string;
  /** Claim mounted at /data. */
  claimName: string;
  /** Of one pod. The autoscaler's percentage is of `requests.cpu`. */
  resources: { requests: ComputeResources; limits: ComputeResources };
}

/** The labels with the version: for people, never for a selector. */
export function versionedLabels({ labels, version }: LangFlowPodArgs): Record<string, string> {
  return { ...labels, "app.kubernetes.io/version": version };
}

/**
 * The pod: restricted by every rule of the pod security standard, its root file system read-only.
 *
 * @param configName the ConfigMap that holds `args.environment`
 */
export function langFlowPod(
  args: LangFlowPodArgs,
  configName: pulumi.Input<string>,
): types.input.core.v1.PodTemplateSpec {
  const digest = pulumi.output(args.environment).apply((data) => sha256(JSON.stringify(Object.entries(data).sort())));
  return {
    // Pods read their environment once, at start: a changed checksum makes new ones.
    metadata: { labels: versionedLabels(args), annotations: { "langflow-dr/config-sha256": digest } },
    spec: {
      serviceAccountName: args.serviceAccountName,
      automountServiceAccountToken: false,
      // A Service named langflow would inject LANGFLOW_PORT=tcp://…, which LangFlow takes for its own setting.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: SHUTDOWN.gracePeriod,
      nodeSelector: { "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: LANGFLOW_UID,
        runAsGroup: LANGFLOW_UID,
        fsGroup: LANGFLOW_UID,
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
      topologySpreadConstraints: spread(args.labels),
      containers: [langFlowContainer(args, configName)],
      volumes: [
        { name: "state", emptyDir: { sizeLimit: "1Gi" } },
        { name: "cache", emptyDir: { sizeLimit: "4Gi" } },
        { name: "temporary", emptyDir: { sizeLimit: "2Gi" } },
        { name: "data", persistentVolumeClaim: { claimName: args.claimName } },
        {
          name: "secrets",
          csi: {
            driver: "secrets-store.csi.k8s.io",
            readOnly: true,
            volumeAttributes: { secretProviderClass: args.secretClassName },
          },
        },
      ],
    },
  };
}

function langFlowContainer(args: LangFlowPodArgs, configName: pulumi.Input<string>): types.input.core.v1.Container {
  const get = (path: string) => ({ httpGet: { path, port: "http" } });
  return {
    name: "langflow",
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    command: ["langflow", "run"],
    envFrom: [{ configMapRef: { name: configName } }],
    env: args.secretEnvironment,
    ports: [
      { name: "http", containerPort: HTTP_PORT, protocol: "TCP" },
      { name: "metrics", containerPort: METRICS_PORT, protocol: "TCP" },
    ],
    resources: args.resources,
    // Five minutes to start: the first pod of a region migrates the database before it answers.
    startupProbe: { ...get("/healthz"), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 60 },
    // Asks the database: a pod that lost it gets no requests, and is not restarted for what is not its fault.
    readinessProbe: { ...get("/healthz"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    livenessProbe: { ...get("/health"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    lifecycle: { preStop: { sleep: { seconds: SHUTDOWN.preStop } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "state", mountPath: PATHS.state },
      { name: "cache", mountPath: PATHS.cache },
      { name: "temporary", mountPath: PATHS.temporary },
      { name: "data", mountPath: PATHS.data },
      { name: "secrets", mountPath: PATHS.secrets, readOnly: true },
    ],
  };
}

/** Over zones strictly, over hosts where possible, each generation of pods by itself so that a roll keeps the spread. */
function spread(labels: Record<string, string>): types.input.core.v1.TopologySpreadConstraint[] {
  const constraint = (topologyKey: string, whenUnsatisfiable: string) => ({
    topologyKey,
    whenUnsatisfiable,
    maxSkew: 1,
    labelSelector: { matchLabels: labels },
    matchLabelKeys: ["pod-template-hash"],
    // A dead zone's nodes are tainted: then they no longer count, and its pods may crowd into the others.
    nodeTaintsPolicy: "Honor",
  });
  return [
    constraint("topology.kubernetes.io/zone", "DoNotSchedule"),
    constraint("kubernetes.io/hostname", "ScheduleAnyway"),
  ];
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
