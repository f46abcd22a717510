/** The pods that watch a region: Prometheus, Alertmanager, the blackbox exporter, the collector and Grafana. */
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

/** A folder that a program writes to and whose content ends with the pod. */
export interface ScratchFolder {
  /** The volume's name. */
  name: string;
  folder: string;
  /** What may lie in it, MiB; more, and the pod is evicted. */
  sizeMib: number;
}

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
  /** Variables of its environment. A change makes a new pod. Default: none. */
  environment?: Record<string, string>;
  /** Number of the user, and of the group, that it runs as. Default: that of all our pods. A change makes a new pod. */
  userId?: number;
  /** Its configuration, by path below `CONFIG_FOLDER`. A change makes a new pod, which reads it as it starts. */
  files: Record<string, string>;
  /** The ConfigMap that holds the files. */
  configName: string;
  /** Ports beside the program's own, by name. Default: none. */
  ports?: Record<string, number>;
  /** Paths that say whether it takes requests, and whether it lives. */
  readyPath: string;
  livePath: string;
  /** Name of the port that says so. Default: the program's own. */
  probePort?: string;
  resources: ContainerResources;
  serviceAccountName?: string;
  /** Whether the pod may ask the Kubernetes API, as its ServiceAccount. */
  usesKubernetes: boolean;
  /** What it writes to and keeps; absent: it keeps nothing. */
  data?: types.input.core.v1.Volume | undefined;
  /** What it writes to and does not keep. Default: nothing. */
  scratch?: ScratchFolder[];
  /** Further volumes, by the folder they are mounted at, read-only. */
  mounts?: { folder: string; volume: types.input.core.v1.Volume }[];
  /** Seconds from the order to end until the end. */
  graceSeconds: number;
}

/** The labels with the version: for people, never for a selector. */
export function programVersionLabels({ labels, version }: Pick<ProgramPodArgs, "labels" | "version">) {
  return { ...labels, "app.kubernetes.io/version": version };
}

/** Under which key of the ConfigMap a file lies: a key has no folders. */
export function configKey(path: string): string {
  return path.replaceAll("/", ".");
}

/** Every port of a program by its name, its own first. */
export function programPorts({ program, ports }: Pick<ProgramPodArgs, "program" | "ports">): Record<string, number> {
  return { http: PORTS[program], ...ports };
}

/** The files of a ConfigMap, each where its program looks for it. */
function configVolume({ configName, files }: ProgramPodArgs): types.input.core.v1.Volume {
  const paths = Object.keys(files);
  const isFlat = paths.every((path) => configKey(path) === path);
  const items = paths.map((path) => ({ key: configKey(path), path }));
  return { name: "config", configMap: { name: configName, ...(!isFlat && { items }) } };
}

/** A pod of one of the programs: restricted by every rule of the pod security standard, its root file system read-only. */
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
