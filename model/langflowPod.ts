import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { adoptEnvironment } from "./agent";
import { ADOPT_RESOURCES } from "./agentPod";
import { DATABASE_URL, MADE_LOGINS, OWNER_SECRET } from "./databaseLogins";
import {
  HEALTH_PATH,
  HTTP_PORT,
  LANGFLOW_UID,
  LISTENERS_PORT,
  listenersEnvironment,
  METRICS_PORT,
  PATHS,
  SHUTDOWN,
} from "./langflow";
import {
  type ComputeResources,
  environmentChecksum,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  RESTRICTED_USER,
  SECRETS_MOUNT,
  secretsVolume,
} from "./podSecurity";

export interface LangFlowPodArgs {
  /** The fleet's name for the region; part of the Deployment's name. A change replaces the Deployment. */
  region: string;
  /** The fleet's name for the region that holds the schedules. A change rolls the pods. */
  schedulesRegion: string;
  /** Labels and selector of the pods. A change replaces the Deployment. */
  labels: Record<string, string>;
  /** Registry, repository and digest of LangFlow's image. A change rolls the pods. */
  image: pulumi.Input<string>;
  /** The agent's image by digest; its `adopt` command runs before LangFlow. A change rolls the pods. */
  agentImage: pulumi.Input<string>;
  /** Human-readable version of LangFlow's image; a label. */
  version: string;
  serviceAccountName: string;
  /** Non-secret environment variables. A change rolls the pods. */
  environment: pulumi.Input<Record<string, string>>;
  /** Secret environment variables, as references to a Kubernetes Secret. */
  secretEnvironment: pulumi.Input<types.input.core.v1.EnvVar[]>;
  /** The SecretProviderClass whose mount fills that Kubernetes Secret. */
  secretClassName: pulumi.Input<string>;
  /** Name of the claim that is mounted at /data. */
  claimName: string;
  /**
   * zones: pods run in at least two zones. none: all pods may run on one node. Default: zones. A change rolls the pods.
   */
  spread?: "zones" | "none";
  /** CPU and memory of one pod. The autoscaler's percentage is relative to `requests.cpu`. */
  resources: { requests: ComputeResources; limits: ComputeResources };
}

/** Returns the labels plus the version. The version is informational; never use it in a selector. */
export function versionedLabels({
  labels,
  version,
}: Pick<LangFlowPodArgs, "labels" | "version">): Record<string, string> {
  return { ...labels, "app.kubernetes.io/version": version };
}

/**
 * Returns LangFlow's pod template. The pod meets the restricted Pod Security Standard, and its root file system is
 * read-only.
 *
 * @param configName the ConfigMap that holds `args.environment`
 */
export function langFlowPod(
  args: LangFlowPodArgs,
  configName: pulumi.Input<string>,
): types.input.core.v1.PodTemplateSpec {
  return {
    metadata: { labels: versionedLabels(args), annotations: environmentChecksum(args.environment) },
    spec: {
      ...RESTRICTED_POD,
      serviceAccountName: args.serviceAccountName,
      terminationGracePeriodSeconds: SHUTDOWN.gracePeriodSeconds,
      securityContext: { ...RESTRICTED_USER, fsGroup: LANGFLOW_UID, fsGroupChangePolicy: "OnRootMismatch" },
      // Not even ScheduleAnyway: Auto Mode would launch additional nodes to satisfy it.
      topologySpreadConstraints: args.spread === "none" ? undefined : spread(args.labels),
      initContainers: [migrateContainer(args, configName), adoptContainer(args)],
      containers: [langFlowContainer(args, configName)],
      volumes: [
        { name: "migration", emptyDir: { sizeLimit: "1Gi" } },
        { name: "state", emptyDir: { sizeLimit: "1Gi" } },
        { name: "cache", emptyDir: { sizeLimit: "4Gi" } },
        { name: "temporary", emptyDir: { sizeLimit: "2Gi" } },
        { name: "data", persistentVolumeClaim: { claimName: args.claimName } },
        secretsVolume(args.secretClassName),
      ],
    },
  };
}

/** Disk space on the node: the request covers a start with its caches, the limit covers all emptyDirs. */
const DISK = { requests: { "ephemeral-storage": "2Gi" }, limits: { "ephemeral-storage": "8Gi" } };

/**
 * Returns what LangFlow's container and its migration share: image, settings, secrets, resources and writable paths.
 */
function langFlowProcess(args: LangFlowPodArgs, configName: pulumi.Input<string>) {
  const { requests, limits } = args.resources;
  return {
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    envFrom: [{ configMapRef: { name: configName } }],
    env: args.secretEnvironment,
    resources: { requests: { ...requests, ...DISK.requests }, limits: { ...limits, ...DISK.limits } },
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [
      { name: "state", mountPath: PATHS.state },
      { name: "cache", mountPath: PATHS.cache },
      { name: "temporary", mountPath: PATHS.temporary },
      { name: "data", mountPath: PATHS.data },
      SECRETS_MOUNT,
    ],
  };
}

export interface ListenersPodArgs
  extends Omit<LangFlowPodArgs, "agentImage" | "claimName" | "schedulesRegion" | "resources" | "spread"> {
  /** Name of the ConfigMap that holds `environment`, which is LangFlow's own. */
  configName: string;
}

/**
 * Resources of the listeners: Python with LangFlow's modules, which are resident with 530 MB (measured with
 * LangFlow 1.13), and open connections. The CPU limit is for
 * the start.
 */
const LISTENERS_RESOURCES = {
  requests: { cpu: "100m", memory: "640Mi", "ephemeral-storage": "256Mi" },
  limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1Gi" },
};

/** Seconds that the listeners have to end their connections and return their leases. */
const LISTENERS_GRACE_SECONDS = 30;

/**
 * Returns the pod template of `langflow listeners`, which holds the connections of listened-to sources (Slack's socket
 * mode, polled mailboxes). It serves only its health check, runs no flows, and mounts none of the users' files: it
 * writes what arrived to the ledger, from which LangFlow's pods run the flows.
 */
export function listenersPod(args: ListenersPodArgs): types.input.core.v1.PodTemplateSpec {
  const get = (path: string) => ({ httpGet: { path, port: "health" } });
  const folders = ["state", "cache", "temporary"] as const;
  return {
    metadata: { labels: versionedLabels(args), annotations: environmentChecksum(args.environment) },
    spec: {
      ...RESTRICTED_POD,
      serviceAccountName: args.serviceAccountName,
      terminationGracePeriodSeconds: LISTENERS_GRACE_SECONDS,
      securityContext: RESTRICTED_USER,
      containers: [
        {
          name: "listeners",
          image: args.image,
          imagePullPolicy: "IfNotPresent",
          command: ["langflow", "listeners"],
          envFrom: [{ configMapRef: { name: args.configName } }],
          env: pulumi
            .output(args.secretEnvironment)
            .apply((secrets) => [
              ...Object.entries(listenersEnvironment()).map(([name, value]) => ({ name, value })),
              ...secrets,
            ]),
          resources: LISTENERS_RESOURCES,
          securityContext: RESTRICTED_CONTAINER,
          ports: [{ name: "health", containerPort: LISTENERS_PORT, protocol: "TCP" }],
          startupProbe: { ...get("/health"), periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 150 },
          readinessProbe: { ...get(HEALTH_PATH), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
          livenessProbe: { ...get("/health"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
          volumeMounts: [...folders.map((name) => ({ name, mountPath: PATHS[name] })), SECRETS_MOUNT],
        },
      ],
      volumes: [
        ...folders.map((name) => ({ name, emptyDir: { sizeLimit: "256Mi" } })),
        secretsVolume(args.secretClassName),
      ],
    },
  };
}

/** Returns environment variables from the owner's Secret. Only init containers may have them, never LangFlow itself. */
const byOwner = (...names: readonly string[]): types.input.core.v1.EnvVar[] =>
  names.map((name) => ({ name, valueFrom: { secretKeyRef: { name: OWNER_SECRET, key: name } } }));

/**
 * Returns the init container that migrates the database to this release's schema and creates the first account in a new
 * database. It connects as the database's owner and cannot access any files that LangFlow writes. LangFlow's own
 * folders are also excluded: after a container restart, their files exist before the migration runs. Without
 * `--no-test`, the command would only report. LangFlow takes an advisory lock, so pods that start concurrently wait for
 * each other. No probe interrupts a long migration.
 */
function migrateContainer(args: LangFlowPodArgs, configName: pulumi.Input<string>): types.input.core.v1.Container {
  const own = [PATHS.state, PATHS.cache, PATHS.temporary].map((mountPath) => ({ name: "migration", mountPath }));
  return {
    ...langFlowProcess(args, configName),
    name: "migrate",
    command: ["langflow", "migration", "--no-test"],
    env: pulumi
      .output(args.secretEnvironment)
      .apply((variables) => [...variables.filter(({ name }) => name !== DATABASE_URL), ...byOwner(DATABASE_URL)]),
    volumeMounts: [...own, SECRETS_MOUNT],
  };
}

/**
 * Returns the init container that gives the first account its fleet-wide id, before LangFlow issues sessions and paths
 * with that id, and creates the login that LangFlow uses. It runs after the migration, which creates the account and
 * the tables, and is idempotent.
 */
function adoptContainer(args: LangFlowPodArgs): types.input.core.v1.Container {
  const settings = Object.entries(adoptEnvironment(args.region, args.schedulesRegion)).map(([name, value]) => ({
    name,
    value,
  }));
  return {
    name: "adopt",
    image: args.agentImage,
    imagePullPolicy: "IfNotPresent",
    command: ["agent", "adopt"],
    env: [...settings, ...byOwner(DATABASE_URL, ...Object.values(MADE_LOGINS))],
    resources: ADOPT_RESOURCES,
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [{ name: "migration", mountPath: PATHS.temporary }, SECRETS_MOUNT],
  };
}

function langFlowContainer(args: LangFlowPodArgs, configName: pulumi.Input<string>): types.input.core.v1.Container {
  const get = (path: string) => ({ httpGet: { path, port: "http" } });
  return {
    ...langFlowProcess(args, configName),
    name: "langflow",
    command: ["langflow", "run"],
    ports: [
      { name: "http", containerPort: HTTP_PORT, protocol: "TCP" },
      { name: "metrics", containerPort: METRICS_PORT, protocol: "TCP" },
    ],
    // Allows five minutes for the start, which takes one or two: the `migrate` container has already migrated the
    // schema.
    startupProbe: { ...get(HEALTH_PATH), periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 150 },
    // This path checks the database: a pod without a database connection gets no requests, but is not restarted for an
    // external failure.
    readinessProbe: { ...get(HEALTH_PATH), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    livenessProbe: { ...get("/health"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    lifecycle: { preStop: { sleep: { seconds: SHUTDOWN.preStopSeconds } } },
  };
}

/**
 * Returns constraints that require the spread over zones and prefer it over hosts. They apply to each generation of
 * pods separately, so that a rollout keeps the spread.
 */
function spread(labels: Record<string, string>): types.input.core.v1.TopologySpreadConstraint[] {
  const constraint = (topologyKey: string, whenUnsatisfiable: string, minDomains?: number) => ({
    topologyKey,
    whenUnsatisfiable,
    ...(minDomains !== undefined && { minDomains }),
    maxSkew: 1,
    labelSelector: { matchLabels: labels },
    matchLabelKeys: ["pod-template-hash"],
    // Nodes of a failed zone are tainted and therefore do not count, so its pods can move to the other zones.
    nodeTaintsPolicy: "Honor",
  });
  return [
    // At least two zones: zones without a node do not count, so without a minimum all pods could run in the first zone.
    // Not three zones: if one of three zones fails, the autoscaler must still be able to place a third pod.
    constraint("topology.kubernetes.io/zone", "DoNotSchedule", 2),
    constraint("kubernetes.io/hostname", "ScheduleAnyway"),
  ];
}
