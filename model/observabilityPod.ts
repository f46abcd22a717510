/** Pods that monitor a region: Prometheus, Alertmanager, the blackbox exporter, the collector and Grafana. */
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

/** Folder of a program's configuration files. */
export const CONFIG_FOLDER = "/etc/observability";
/** Folder of a program's persistent data. */
export const DATA_FOLDER = "/data";

/** A writable folder whose content is lost with the pod. */
export interface ScratchFolder {
  /** Name of the volume. */
  name: string;
  folder: string;
  /** Maximum size, MiB; Kubernetes evicts the pod if it exceeds this size. */
  sizeMib: number;
}

export interface ProgramPodArgs {
  program: Program;
  /** Labels of the pod. */
  labels: Record<string, string>;
  /** Human-readable version of the image; a label. */
  version: string;
  /** Registry, repository and digest of the image. A change replaces the pod. */
  image: pulumi.Input<string>;
  /** Command-line options of the program. A change replaces the pod. */
  options: string[];
  /** Environment variables. A change replaces the pod. Default: none. */
  environment?: Record<string, string>;
  /** User and group id of the program. A change replaces the pod. Default: the id that all our pods use. */
  userId?: number;
  /**
   * Configuration files, by path below `CONFIG_FOLDER`. A change replaces the pod, because programs read the files only
   * at start.
   */
  files: Record<string, string>;
  /** Name of the ConfigMap that holds the files. */
  configName: string;
  /** Additional ports, by name. Default: none. */
  ports?: Record<string, number>;
  /** Paths of the readiness probe and the liveness probe. */
  readyPath: string;
  livePath: string;
  /** Name of the port for probes. Default: the program's main port. */
  probePort?: string;
  resources: ContainerResources;
  serviceAccountName?: string;
  /** Whether the pod may call the Kubernetes API with its ServiceAccount. */
  usesKubernetes: boolean;
  /** Volume for persistent data. Default: none; the program stores nothing. */
  data?: types.input.core.v1.Volume | undefined;
  /** Writable folders for temporary data. Default: none. */
  scratch?: ScratchFolder[];
  /** Additional read-only volumes, with their mount folders. */
  mounts?: { folder: string; volume: types.input.core.v1.Volume }[];
  /** Termination grace period, in seconds. */
  graceSeconds: number;
}

/** Returns the labels plus the version. The version is informational; never use it in a selector. */
export function programVersionLabels({ labels, version }: Pick<ProgramPodArgs, "labels" | "version">) {
  return { ...labels, "app.kubernetes.io/version": version };
}

/** Returns a file's key in the ConfigMap, whose keys cannot contain slashes. */
export function configKey(path: string): string {
  return path.replaceAll("/", ".");
}

/** Returns all ports of a program by name, the main port first. */
export function programPorts({ program, ports }: Pick<ProgramPodArgs, "program" | "ports">): Record<string, number> {
  return { http: PORTS[program], ...ports };
}

/** Returns the volume that mounts the ConfigMap's files at their original paths. */
function configVolume({ configName, files }: ProgramPodArgs): types.input.core.v1.Volume {
  const paths = Object.keys(files);
  const isFlat = paths.every((path) => configKey(path) === path);
  const items = paths.map((path) => ({ key: configKey(path), path }));
  return { name: "config", configMap: { name: configName, ...(!isFlat && { items }) } };
}

/**
 * Returns the pod template of a monitoring program. The pod meets the restricted Pod Security Standard, and its root
 * file system is read-only.
 */
export function programPod(args: ProgramPodArgs): types.input.core.v1.PodTemplateSpec {
  const { program, data, environment = {}, scratch = [], mounts = [] } = args;
  const userId = args.userId ?? RESTRICTED_USER.runAsUser;
  const variables = Object.entries(environment).map(([name, value]) => ({ name, value }));
  const ports = programPorts(args);
  const get = (path: string) => ({ httpGet: { path, port: args.probePort ?? "http" } });
  return {
    metadata: { labels: programVersionLabels(args), annotations: environmentChecksum(args.files) },
    spec: {
      ...RESTRICTED_POD,
      ...(args.serviceAccountName !== undefined && { serviceAccountName: args.serviceAccountName }),
      automountServiceAccountToken: args.usesKubernetes,
      terminationGracePeriodSeconds: args.graceSeconds,
      securityContext: {
        ...RESTRICTED_USER,
        runAsUser: userId,
        runAsGroup: userId,
        fsGroup: userId,
        fsGroupChangePolicy: "OnRootMismatch",
      },
      containers: [
        {
          name: program,
          image: args.image,
          imagePullPolicy: "IfNotPresent",
          args: args.options,
          ...(variables.length > 0 && { env: variables }),
          ports: Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort, protocol: "TCP" })),
          resources: args.resources,
          securityContext: RESTRICTED_CONTAINER,
          startupProbe: { ...get(args.readyPath), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 120 },
          readinessProbe: { ...get(args.readyPath), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
          livenessProbe: { ...get(args.livePath), periodSeconds: 15, timeoutSeconds: 5, failureThreshold: 6 },
          volumeMounts: [
            { name: "config", mountPath: CONFIG_FOLDER, readOnly: true },
            ...(data ? [{ name: data.name, mountPath: DATA_FOLDER }] : []),
            ...scratch.map(({ name, folder }) => ({ name, mountPath: folder })),
            ...mounts.map(({ folder, volume }) => ({ name: volume.name, mountPath: folder, readOnly: true })),
          ],
        },
      ],
      volumes: [
        configVolume(args),
        ...(data ? [data] : []),
        ...scratch.map(({ name, sizeMib }) => ({ name, emptyDir: { sizeLimit: `${sizeMib}Mi` } })),
        ...mounts.map(({ volume }) => volume),
      ],
    },
  };
}
