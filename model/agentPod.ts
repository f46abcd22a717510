import type { types } from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { AGENT_METRICS_PORT, WEBHOOK_PORT } from "../formats/agentEndpoints";
import { AGENT_PATHS } from "./agent";
import {
  type ContainerResources,
  environmentChecksum,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  RESTRICTED_USER,
  SECRETS_MOUNT,
  secretsVolume,
} from "./podSecurity";

/** Arguments that all of the agent's pods share. */
export interface AgentPodArgs {
  /** Labels of the pods. */
  labels: Record<string, string>;
  /** Registry, repository and digest of the image. A change replaces the pods. */
  image: pulumi.Input<string>;
  /** Human-readable version of the image; a label. */
  version: string;
  serviceAccountName: string;
  /** Non-secret environment variables. A change replaces the pods. */
  environment: pulumi.Input<Record<string, string>>;
  /** Name of the ConfigMap that holds `environment`. */
  configName: pulumi.Input<string>;
  /** Secret environment variables, as references to a Kubernetes Secret. */
  secretEnvironment: pulumi.Input<types.input.core.v1.EnvVar[]>;
  /** The SecretProviderClass whose mount fills that Kubernetes Secret. */
  secretClassName: pulumi.Input<string>;
}

/** Resources of `agent adopt`. */
export const ADOPT_RESOURCES: ContainerResources = {
  requests: { cpu: "100m", memory: "128Mi", "ephemeral-storage": "64Mi" },
  limits: { cpu: "500m", memory: "256Mi", "ephemeral-storage": "256Mi" },
};

/**
 * Resources of `agent sync`. The process and its children stay below 300 MB, regardless of the sizes of flows and
 * messages (tests/live/agentMemory.test.ts). The rest is headroom for `agent release`, which runs in the same
 * container, and for cases that the test does not cover. The agent needs little CPU when idle; the CPU limit is for the
 * initial synchronization of an empty region. Disk: the request covers the record's clone, which any region may need;
 * the limit covers both emptyDirs.
 */
const SYNC_RESOURCES: ContainerResources = {
  requests: { cpu: "100m", memory: "192Mi", "ephemeral-storage": "1Gi" },
  limits: { cpu: "1", memory: "512Mi", "ephemeral-storage": "4Gi" },
};

/**
 * Returns the resources of a backup or a restore. Both run PostgreSQL's own client, which compresses, next to the
 * agent. A backup is streamed. A restore stores the whole dump on the node's disk temporarily, so it requests enough
 * space in advance.
 */
function taskResources(task: AgentRun["task"]): ContainerResources {
  return {
    requests: { cpu: "250m", memory: "256Mi", "ephemeral-storage": task === "restore" ? "20Gi" : "256Mi" },
    limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "21Gi" },
  };
}

/** Returns the labels plus the version. The version is informational; never use it in a selector. */
export function agentVersionLabels({ labels, version }: AgentPodArgs): Record<string, string> {
  return { ...labels, "app.kubernetes.io/version": version };
}

/**
 * Returns the pod template of `agent sync`.
 *
 * @param webhook whether the agent receives webhooks
 */
export function syncPod(args: AgentPodArgs, webhook: boolean): types.input.core.v1.PodTemplateSpec {
  const healthz = { httpGet: { path: "/healthz", port: "metrics" } };
  const metrics = { name: "metrics", containerPort: AGENT_METRICS_PORT, protocol: "TCP" };
  const hook = { name: "webhook", containerPort: WEBHOOK_PORT, protocol: "TCP" };
  return agentPod(args, {
    container: {
      name: "flow-sync",
      command: ["agent", "sync"],
      ports: webhook ? [metrics, hook] : [metrics],
      resources: SYNC_RESOURCES,
      startupProbe: { ...healthz, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 60 },
      readinessProbe: { ...healthz, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
      livenessProbe: { ...healthz, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
      volumeMounts: [{ name: "state", mountPath: AGENT_PATHS.state }],
    },
    volumes: [
      { name: "state", emptyDir: { sizeLimit: "2Gi" } },
      { name: "temporary", emptyDir: { sizeLimit: "1Gi" } },
    ],
  });
}

/** A one-off run of the agent: a backup or a restore. */
export interface AgentRun {
  readonly task: "backup" | "restore";
  /** Name of the claim that is mounted at /data. */
  readonly claimName: string;
  /** Whether the run only reads the claim. */
  readonly readOnly: boolean;
}

/** Returns the pod template of a backup or a restore, which runs once and reports its result as an exit code. */
export function runPod(args: AgentPodArgs, run: AgentRun): types.input.core.v1.PodTemplateSpec {
  const { task, claimName } = run;
  // Only if true: the API server drops `readOnly: false`, and every preview would show a difference.
  const access = run.readOnly ? { readOnly: true } : {};
  return podToEnd(args, {
    container: {
      name: task,
      command: ["agent", task],
      resources: taskResources(task),
      volumeMounts: [{ name: "data", mountPath: AGENT_PATHS.data, ...access }],
    },
    volumes: [
      { name: "temporary", emptyDir: { sizeLimit: "20Gi" } },
      { name: "data", persistentVolumeClaim: { claimName, ...access } },
    ],
  });
}

/** The task-specific part of an agent container; `agentContainer` adds the rest. */
export type Container = types.input.core.v1.Container & { volumeMounts: types.input.core.v1.VolumeMount[] };

interface OwnPod {
  readonly container: Container;
  /** Volumes of the pod, including `temporary`. */
  readonly volumes: types.input.core.v1.Volume[];
}

/**
 * Returns the template of an agent pod that runs once.
 *
 * @param before init containers, which run one after another
 */
export function podToEnd(
  args: AgentPodArgs,
  own: OwnPod,
  before?: types.input.core.v1.Container[],
): types.input.core.v1.PodTemplateSpec {
  const { metadata, spec } = agentPod(args, own);
  return {
    // EKS Auto Mode must not evict the pod to consolidate nodes: an interrupted restore is worse than an additional
    // node.
    metadata: { ...metadata, annotations: { ...metadata.annotations, "karpenter.sh/do-not-disrupt": "true" } },
    spec: { ...spec, restartPolicy: "Never", ...(before && { initContainers: before }) },
  };
}

function agentPod(args: AgentPodArgs, own: OwnPod) {
  const { container, volumes } = own;
  return {
    metadata: { labels: agentVersionLabels(args), annotations: environmentChecksum(args.environment) },
    spec: {
      ...RESTRICTED_POD,
      serviceAccountName: args.serviceAccountName,
      securityContext: RESTRICTED_USER,
      containers: [agentContainer(args, container)],
      volumes: [...volumes, secretsVolume(args.secretClassName)],
    },
  };
}

/** Returns a container of the agent's image. Its pod needs a volume `temporary` and one from {@link secretsVolume}. */
export function agentContainer(args: AgentPodArgs, container: Container): types.input.core.v1.Container {
  return {
    ...container,
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    envFrom: [{ configMapRef: { name: args.configName } }],
    env: args.secretEnvironment,
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [...container.volumeMounts, { name: "temporary", mountPath: AGENT_PATHS.temporary }, SECRETS_MOUNT],
  };
}
