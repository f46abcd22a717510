/** The pods that watch a region: Prometheus, Alertmanager and the blackbox exporter. */
import type { types } from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { PORTS, type Program } from "./observability";
import {
  type ContainerResources,
  environmentChecksum,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  RESTRICTED_USER,
} from "./podSecurity";

/** Where a program finds its configuration. */
export const CONFIG_FOLDER = "/etc/observability";
/** Where it writes. */
export const DATA_FOLDER = "/data";

export interface ProgramPodArgs {
  program: Program;
  /** Labels of the pod. */
  labels: Record<string, string>;
  /** What the image calls itself; a label for people. */
  version: string;
  /** Registry, repository and digest. A change makes a new pod. */
  image: pulumi.Input<string>;
  /** Options of the program. A change makes a new pod. */
  options: string[];
  /** Its configuration, by file name. A change makes a new pod, which reads it as it starts. */
  files: pulumi.Input<Record<string, string>>;
  /** The ConfigMap that holds the files. */
  configName: string;
  /** Paths that say whether it takes requests, and whether it lives. */
  readyPath: string;
  livePath: string;
  resources: ContainerResources;
  serviceAccountName?: string;
  /** Whether the pod may ask the Kubernetes API, as its ServiceAccount. */
  usesKubernetes: boolean;
  /** What it writes to; absent: it writes nothing. */
  data?: types.input.core.v1.Volume | undefined;
  /** Further volumes, by the folder they are mounted at, read-only. */
  mounts?: { folder: string; volume: types.input.core.v1.Volume }[];
  /** Seconds from the order to end until the end. */
  graceSeconds: number;
}

/** The labels with the version: for people, never for a selector. */
export function programVersionLabels({ labels, version }: Pick<ProgramPodArgs, "labels" | "version">) {
  return { ...labels, "app.kubernetes.io/version": version };
}

/** A pod of one of the programs: restricted by every rule of the pod security standard, its root file system read-only. */
export function programPod(args: ProgramPodArgs): types.input.core.v1.PodTemplateSpec {
  const { program, data, mounts = [] } = args;
  const get = (path: string) => ({ httpGet: { path, port: "http" } });
  return {
    metadata: { labels: programVersionLabels(args), annotations: environmentChecksum(args.files) },
    spec: {
      ...RESTRICTED_POD,
      ...(args.serviceAccountName !== undefined && { serviceAccountName: args.serviceAccountName }),
      automountServiceAccountToken: args.usesKubernetes,
      terminationGracePeriodSeconds: args.graceSeconds,
      securityContext: {
        ...RESTRICTED_USER,
        fsGroup: RESTRICTED_USER.runAsGroup,
        fsGroupChangePolicy: "OnRootMismatch",
      },
      containers: [
        {
          name: program,
          image: args.image,
          imagePullPolicy: "IfNotPresent",
          args: args.options,
          ports: [{ name: "http", containerPort: PORTS[program], protocol: "TCP" }],
          resources: args.resources,
          securityContext: RESTRICTED_CONTAINER,
          startupProbe: { ...get(args.readyPath), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 120 },
          readinessProbe: { ...get(args.readyPath), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
          livenessProbe: { ...get(args.livePath), periodSeconds: 15, timeoutSeconds: 5, failureThreshold: 6 },
          volumeMounts: [
            { name: "config", mountPath: CONFIG_FOLDER, readOnly: true },
            ...(data ? [{ name: data.name, mountPath: DATA_FOLDER }] : []),
            ...mounts.map(({ folder, volume }) => ({ name: volume.name, mountPath: folder, readOnly: true })),
          ],
        },
      ],
      volumes: [
        { name: "config", configMap: { name: args.configName } },
        ...(data ? [data] : []),
        ...mounts.map(({ volume }) => volume),
      ],
    },
  };
}
