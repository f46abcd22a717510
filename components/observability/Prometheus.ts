import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { OBSERVABILITY_NAMESPACE, PORTS, programLabels } from "../../model/observability";
import { CONFIG_FOLDER, DATA_FOLDER } from "../../model/observabilityPod";
import { ProgramWorkload } from "./ProgramWorkload";

export interface PrometheusArgs {
  /** Our name of the region; part of the Deployment's name. A change replaces it. */
  region: string;
  /** Registry, repository and digest. A change makes a new pod. */
  image: pulumi.Input<string>;
  /** What the image calls itself; a label for people. */
  version: string;
  /** Its configuration and rules, by file name. A change makes a new pod. */
  files: Record<string, string>;
  /** Days that series are kept. */
  retentionDays: number;
  /** Size of the disk, GiB; grows in place, never shrinks. */
  storageGib: number;
}

/** The share of the disk at which Prometheus drops its oldest block: what it writes meanwhile still finds room. */
const RETENTION_SHARE = 0.9;
const MIB_PER_GIB = 1024;

/**
 * An estimate: a few thousand series, of which the last two hours are in memory, and rules over weeks. Measured were 500 series
 * in 80 MB, in the local fleet, without those of nodes and Kubernetes.
 */
const RESOURCES = {
  requests: { cpu: "250m", memory: "1Gi", "ephemeral-storage": "64Mi" },
  limits: { cpu: "1", memory: "2Gi", "ephemeral-storage": "1Gi" },
};

/** Prometheus writes its head to the disk as it ends. */
const GRACE_SECONDS = 120;

/** What it asks the Kubernetes API: where pods and nodes are, and whether it may read the kubelets' metrics. */
const RULES = [
  { apiGroups: [""], resources: ["nodes", "pods"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
];

/** Prometheus of one region: it scrapes what runs there, checks the other regions from there, and evaluates the rules. */
export class Prometheus extends pulumi.ComponentResource {
  constructor(name: string, args: PrometheusArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("Prometheus"), name, args, opts);

    const { retentionDays, storageGib, ...rest } = args;
    const account = this.account(name, args.region);
    const retentionMib = Math.floor(storageGib * MIB_PER_GIB * RETENTION_SHARE);
    new ProgramWorkload(
      name,
      {
        ...rest,
        program: "prometheus",
        storageGib,
        options: [
          `--config.file=${CONFIG_FOLDER}/prometheus.yml`,
          `--storage.tsdb.path=${DATA_FOLDER}`,
          `--storage.tsdb.retention.time=${retentionDays}d`,
          `--storage.tsdb.retention.size=${retentionMib}MB`,
          `--web.listen-address=0.0.0.0:${PORTS.prometheus}`,
        ],
        readyPath: "/-/ready",
        livePath: "/-/healthy",
        resources: RESOURCES,
        serviceAccountName: "prometheus",
        usesKubernetes: true,
        graceSeconds: GRACE_SECONDS,
      },
      { parent: this, dependsOn: account },
    );

    this.registerOutputs({});
  }

  private account(name: string, region: string): pulumi.Resource[] {
    const labels = programLabels(region, "prometheus");
    const apiGroup = "rbac.authorization.k8s.io";
    const clusterName = `${OBSERVABILITY_NAMESPACE}-prometheus`;
    const account = new kubernetes.core.v1.ServiceAccount(
      name,
      {
        metadata: { name: "prometheus", namespace: OBSERVABILITY_NAMESPACE, labels },
        // Said by each pod that needs one.
        automountServiceAccountToken: false,
      },
      { parent: this },
    );
    const role = new kubernetes.rbac.v1.ClusterRole(
      name,
      { metadata: { name: clusterName, labels }, rules: RULES },
      { parent: this },
    );
    const binding = new kubernetes.rbac.v1.ClusterRoleBinding(
      name,
      {
        metadata: { name: clusterName, labels },
        roleRef: { apiGroup, kind: "ClusterRole", name: clusterName },
        subjects: [{ kind: "ServiceAccount", name: "prometheus", namespace: OBSERVABILITY_NAMESPACE }],
      },
      { parent: this, dependsOn: [role] },
    );
    return [account, binding];
  }
}
