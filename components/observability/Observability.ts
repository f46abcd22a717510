import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Image, imageReference } from "../../model/images";
import { typeToken } from "../../model/names";
import { OBSERVABILITY_NAMESPACE } from "../../model/observability";
import { observabilityNetworkRules } from "../../model/observabilityNetwork";
import { restrictedNamespace } from "../../model/podSecurity";
import { mailPorts, type Notifications, neededSecrets } from "../../observability/alertmanager";
import {
  alertmanagerFiles,
  blackboxFiles,
  collectorFiles,
  prometheusFiles,
  type RuleSettings,
} from "../../observability/files";
import { writePort, writeSecrets } from "../../observability/remoteWrite";
import { runbookPage } from "../../observability/rules";
import type { Watched } from "../../observability/scrape";
import { ImageAdmissionPolicy } from "../langflow/ImageAdmissionPolicy";
import { Alertmanager } from "./Alertmanager";
import { BlackboxExporter } from "./BlackboxExporter";
import { Collector } from "./Collector";
import { ObservabilityAddons } from "./ObservabilityAddons";
import { Prometheus } from "./Prometheus";

/** What runs, each out of the region's own registry. */
export interface ObservabilityImages {
  prometheus: Image;
  alertmanager: Image;
  blackboxExporter: Image;
  /** Dashboards. Absent: no Grafana, and nothing of it. */
  grafana?: Image | undefined;
  /** What counts runs by flow. Absent: nothing does. */
  collector?: Image | undefined;
}

export interface ObservabilityArgs {
  /** Our name of the region, for example us-east. A change replaces workloads and role. */
  region: string;
  /** The AWS region. A change replaces add-ons and the pod identity association. */
  awsRegion: string;
  /** The cluster. A change replaces add-ons and the association. */
  clusterName: pulumi.Input<string>;
  /** Labels of Kubernetes' pod security admission are pinned to this minor version, for example 1.35. */
  kubernetesVersion: string;
  /** The region's private network. */
  vpcCidr: string;
  /** The region's KMS key. */
  keyArn: pulumi.Input<string>;

  /** What runs; the same digests in every region. A change makes new pods. */
  images: ObservabilityImages;
  /** Host of the region's own registry, the only one pods of the namespace may come from. */
  registry: pulumi.Input<string>;

  /** What is checked from here beside the cluster. A change makes new pods. */
  watched: Omit<Watched, "region">;
  /** What the rules depend on. A change makes a new pod. */
  rules: RuleSettings;
  /** `owner/name` at GitHub, where runbooks are read. Default: alerts name their path in the repository. */
  repository?: string | undefined;
  /** Days that series are kept; 31 at least, the period of the objectives and a day. */
  retentionDays: number;
  /** Size of Prometheus' disk, GiB; grows in place, never shrinks. */
  storageGib: number;

  /** Who is told. A change makes a new pod. */
  notifications: Notifications;
  /** The region's replica of the alerting secrets; needed where notifications or remote write name one. */
  alertingSecretArn?: pulumi.Input<string> | undefined;
}

/**
 * What watches one region, and the others from there: Prometheus, Alertmanager and the blackbox exporter, Grafana and
 * OpenTelemetry's collector where they are wanted, kube-state-metrics and node exporter. It needs no other region, and none needs it. No public entrance:
 * docs/observability.md says how people reach it. Needs two providers in `opts.providers`: aws, and kubernetes of the
 * region's cluster.
 */
export class Observability extends pulumi.ComponentResource {
  /** @throws Error where a secret is needed and there is none: a bug, since the stack has checked it */
  constructor(name: string, args: ObservabilityArgs, opts?: pulumi.ComponentResourceOptions) {
    const { region, awsRegion, clusterName, keyArn, images, watched, rules, notifications, alertingSecretArn } = args;
    const secretNames = neededSecrets(notifications);
    const missing = [...secretNames, ...writeSecrets(watched.remoteWrite)];
    if (missing.length > 0 && alertingSecretArn === undefined)
      throw new Error(`the alerting secrets of ${region} are missing: ${missing.join(", ")}`);
    super(typeToken("Observability"), name, args, opts);

    const pulled = (image: Image) => ({
      version: image.version,
      image: pulumi.output(args.registry).apply((registry) => imageReference(registry, image)),
    });
    const prefix = `${name}-observability`;
    const namespace = this.makeNamespace(prefix, args.kubernetesVersion);
    const inNamespace = { parent: this, dependsOn: [namespace] };
    const policies = this.isolation(prefix, args, namespace);
    const admission = new ImageAdmissionPolicy(
      prefix,
      { namespace: OBSERVABILITY_NAMESPACE, registry: args.registry },
      inNamespace,
    );
    const behindPolicies = { parent: this, dependsOn: [namespace, admission, ...policies] };

    new ObservabilityAddons(prefix, { region, awsRegion, clusterName }, { parent: this });
    new BlackboxExporter(
      prefix,
      { region, ...pulled(images.blackboxExporter), files: blackboxFiles(watched.hostname, watched.healthCheck) },
      behindPolicies,
    );
    new Alertmanager(
      prefix,
      {
        region,
        awsRegion,
        clusterName,
        keyArn,
        ...pulled(images.alertmanager),
        files: alertmanagerFiles(notifications),
        ...(secretNames.length > 0 && alertingSecretArn !== undefined && { secretArn: alertingSecretArn }),
        secretNames,
        topicArns: notifications.receivers.sns.map(({ topicArn }) => topicArn),
      },
      behindPolicies,
    );
    new Prometheus(
      `${prefix}-prometheus`,
      {
        region,
        awsRegion,
        clusterName,
        keyArn,
        ...pulled(images.prometheus),
        files: prometheusFiles({ ...watched, region }, rules, args.repository),
        retentionDays: args.retentionDays,
        storageGib: args.storageGib,
        remoteWrite: watched.remoteWrite,
        secretArn: alertingSecretArn,
      },
      behindPolicies,
    );
    if (images.collector)
      new Collector(prefix, { region, ...pulled(images.collector), files: collectorFiles() }, behindPolicies);
    if (images.grafana) {
      // Read late: without Grafana nobody waits for its SDK.
      const { Grafana }: typeof import("./Grafana") = require("./Grafana");
      const dashboards = { rules, runbooks: runbookPage(args.repository) };
      new Grafana(prefix, { region, ...pulled(images.grafana), dashboards }, behindPolicies);
    }

    this.registerOutputs({});
  }

  private makeNamespace(name: string, kubernetesVersion: string): kubernetes.core.v1.Namespace {
    return new kubernetes.core.v1.Namespace(
      name,
      {
        metadata: {
          name: OBSERVABILITY_NAMESPACE,
          labels: {
            "app.kubernetes.io/name": OBSERVABILITY_NAMESPACE,
            ...restrictedNamespace(kubernetesVersion),
          },
        },
      },
      { parent: this },
    );
  }

  private isolation(
    name: string,
    { region, vpcCidr, images, notifications, watched: { remoteWrite } }: ObservabilityArgs,
    namespace: kubernetes.core.v1.Namespace,
  ): kubernetes.networking.v1.NetworkPolicy[] {
    const rules = observabilityNetworkRules({
      region,
      vpcCidr,
      mailPorts: mailPorts(notifications.receivers),
      grafana: images.grafana !== undefined,
      collector: images.collector !== undefined,
      writePort: remoteWrite && writePort(remoteWrite),
    });
    return Object.entries(rules).map(
      ([policyName, spec]) =>
        new kubernetes.networking.v1.NetworkPolicy(
          `${name}-${policyName}`,
          { metadata: { name: policyName, namespace: OBSERVABILITY_NAMESPACE }, spec },
          { parent: this, dependsOn: [namespace] },
        ),
    );
  }
}
