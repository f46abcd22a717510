import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { adoptEnvironment } from "./agent";
import { ADOPT_RESOURCES } from "./agentPod";
import { DATABASE_URL, MADE_LOGINS, OWNER_SECRET } from "./databaseLogins";
import { HEALTH_PATH, HTTP_PORT, LANGFLOW_UID, METRICS_PORT, PATHS, SHUTDOWN } from "./langflow";
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
  /** Our name of the region; part of the Deployment's name. A change replaces it. */
  region: string;
  /** The region that holds the schedules. A change rolls the pods. */
  schedulesRegion: string;
  /** Labels, and selector of the pods. A change replaces the Deployment. */
  labels: Record<string, string>;
  /** Registry, repository and digest. A change rolls the pods. */
  image: pulumi.Input<string>;
  /** The agent's image, by digest, whose `adopt` runs before LangFlow. A change rolls the pods. */
  agentImage: pulumi.Input<string>;
  /** What LangFlow's image calls itself; a label for people. */
  version: string;
  serviceAccountName: string;
  /** Environment that is no secret. A change rolls the pods. */
  environment: pulumi.Input<Record<string, string>>;
  /** Environment by reference to a Secret. */
  secretEnvironment: pulumi.Input<types.input.core.v1.EnvVar[]>;
  /** The SecretProviderClass whose mount fills that Secret. */
  secretClassName: pulumi.Input<string>;
  /** Claim mounted at /data. */
  claimName: string;
  /** zones: the pods are over two zones at least. none: all may run on one node. Default zones. A change rolls the pods. */
  spread?: "zones" | "none";
  /** Processor and memory of one pod. The autoscaler's percentage is of `requests.cpu`. */
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
  return {
    metadata: { labels: versionedLabels(args), annotations: environmentChecksum(args.environment) },
    spec: {
      ...RESTRICTED_POD,
      serviceAccountName: args.serviceAccountName,
      terminationGracePeriodSeconds: SHUTDOWN.gracePeriodSeconds,
      securityContext: { ...RESTRICTED_USER, fsGroup: LANGFLOW_UID, fsGroupChangePolicy: "OnRootMismatch" },
      // Not even "where possible": Auto Mode would make the nodes for it.
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

/** Of the node's disk: a start with its caches at least, all emptyDirs at most. */
const DISK = { requests: { "ephemeral-storage": "2Gi" }, limits: { "ephemeral-storage": "8Gi" } };

/** What LangFlow and its migration have in common: image, settings, secrets, bounds and places to write to. */
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

/** For what runs before LangFlow, and never for LangFlow. */
const byOwner = (...names: readonly string[]): types.input.core.v1.EnvVar[] =>
  names.map((name) => ({ name, valueFrom: { secretKeyRef: { name: OWNER_SECRET, key: name } } }));

/**
 * Brings the database to this release's schema, and makes the first account in a new one; as the database's owner, and away from all
 * files that LangFlow writes, its own folders among them: where a pod is started again, they are there before the migration.
 * `--no-test`: without it the command only tells. Pods that start side by side wait for each other (LangFlow takes an advisory lock),
 * and no probe cuts a long migration short.
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
 * Gives the first account the id it has in every region, before LangFlow hands out sessions and paths that hold it, and makes the
 * login by which LangFlow then signs in. After the migration, which makes account and tables; does nothing the second time.
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
    // Five minutes to start, of which it takes one or two: the schema is in place by then (see `migrate`).
    startupProbe: { ...get(HEALTH_PATH), periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 150 },
    // Asks the database: a pod that lost it gets no requests, and is not restarted for what it did not cause.
    readinessProbe: { ...get(HEALTH_PATH), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    livenessProbe: { ...get("/health"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    lifecycle: { preStop: { sleep: { seconds: SHUTDOWN.preStopSeconds } } },
  };
}

/** Over zones strictly, over hosts where possible, each generation of pods by itself so that a roll keeps the spread. */
function spread(labels: Record<string, string>): types.input.core.v1.TopologySpreadConstraint[] {
  const constraint = (topologyKey: string, whenUnsatisfiable: string, minDomains?: number) => ({
    topologyKey,
    whenUnsatisfiable,
    ...(minDomains !== undefined && { minDomains }),
    maxSkew: 1,
    labelSelector: { matchLabels: labels },
    matchLabelKeys: ["pod-template-hash"],
    // A dead zone's nodes are tainted: then they no longer count, and its pods may crowd into the others.
    nodeTaintsPolicy: "Honor",
  });
  return [
    // Two zones at least: a zone without a node yet is none that counts, so all could go to the first. Not three: with
    // one of three zones dead, the autoscaler's third pod must still find a place.
    constraint("topology.kubernetes.io/zone", "DoNotSchedule", 2),
    constraint("kubernetes.io/hostname", "ScheduleAnyway"),
  ];
}
