import type { types } from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { AGENT_METRICS_PORT, AGENT_PATHS, WEBHOOK_PORT } from "./agent";
import {
  type ContainerResources,
  environmentChecksum,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  RESTRICTED_USER,
  SECRETS_MOUNT,
  secretsVolume,
} from "./podSecurity";

/** What all pods of the agent are made of. */
export interface AgentPodArgs {
  /** Labels of the pods. */
  labels: Record<string, string>;
  /** Registry, repository and digest. A change makes new pods. */
  image: pulumi.Input<string>;
  /** What the image calls itself; a label for people. */
  version: string;
  serviceAccountName: string;
  /** Environment that is no secret. A change makes new pods. */
  environment: pulumi.Input<Record<string, string>>;
  /** The ConfigMap that holds it. */
  configName: pulumi.Input<string>;
  /** Environment by reference to a Secret. */
  secretEnvironment: pulumi.Input<types.input.core.v1.EnvVar[]>;
  /** The SecretProviderClass whose mount fills that Secret. */
  secretClassName: pulumi.Input<string>;
}

/** Of `agent adopt`. */
export const ADOPT_RESOURCES: ContainerResources = {
  requests: { cpu: "100m", memory: "128Mi", "ephemeral-storage": "64Mi" },
  limits: { cpu: "500m", memory: "256Mi", "ephemeral-storage": "256Mi" },
};

/**
 * Of the agent beside LangFlow: with what it starts it stays below 300 MB, whatever the sizes of flows and messages
 * (tests/live/agentMemory.test.ts); the rest is room for `agent release`, which runs beside it in the same container, and for
 * what a test has not. It idles on little; the whole processor is for filling an empty region. Disk: the record's clone,
 * which any region may need, and both emptyDirs at most.
 */
const SYNC_RESOURCES: ContainerResources = {
  requests: { cpu: "100m", memory: "192Mi", "ephemeral-storage": "1Gi" },
  limits: { cpu: "1", memory: "512Mi", "ephemeral-storage": "4Gi" },
};

/**
 * Of a backup or restore: beside the agent PostgreSQL's own client runs, and compresses. A backup is streamed. Of a restore
 * the whole dump lies on the node's disk for a while: it must not begin where there is no room to end.
 */
function taskResources(task: AgentRun["task"]): ContainerResources {
  return {
    requests: { cpu: "250m", memory: "256Mi", "ephemeral-storage": task === "restore" ? "20Gi" : "256Mi" },
    limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "21Gi" },
  };
}

/** The labels with the version: for people, never for a selector. */
export function agentVersionLabels({ labels, version }: AgentPodArgs): Record<string, string> {
  return { ...labels, "app.kubernetes.io/version": version };
}

/**
 * The pod of the agent beside LangFlow.
 *
 * @param webhook whether it takes webhooks
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

/** A run of the agent that ends. */
export interface AgentRun {
  readonly task: "backup" | "restore";
  /** The claim at /data. */
  readonly claimName: string;
  /** Whether it only reads the claim. */
  readonly readOnly: boolean;
}

/** The pod of a backup or a restore: runs once, and says by its exit code what came of it. */
export function runPod(args: AgentPodArgs, run: AgentRun): types.input.core.v1.PodTemplateSpec {
  const { task, claimName } = run;
  // Only where it is true: the API server drops a false one, which would be a difference for ever.
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

/** A container of the agent as its own program says it: the rest is the same for all. */
export type Container = types.input.core.v1.Container & { volumeMounts: types.input.core.v1.VolumeMount[] };

interface OwnPod {
  readonly container: Container;
  /** `temporary` among them. */
  readonly volumes: types.input.core.v1.Volume[];
}

/** A pod of the agent that runs once, to its end. @param before containers that run before it, one after the other */
export function podToEnd(
  args: AgentPodArgs,
  own: OwnPod,
  before?: types.input.core.v1.Container[],
): types.input.core.v1.PodTemplateSpec {
  const { metadata, spec } = agentPod(args, own);
  return {
    // EKS Auto Mode must not move it to save a node; half a restore is worse than a node too many.
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

/** A container of the agent's image, which has a volume `temporary` beside it and one of {@link secretsVolume}. */
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
