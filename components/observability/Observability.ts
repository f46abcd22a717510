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

/** Images of the monitoring programs. Pods pull them from the region's own registry. */
export interface ObservabilityImages {
  prometheus: Image;
  alertmanager: Image;
  blackboxExporter: Image;
  /** Image of Grafana. Default: none, and Grafana is not deployed. */
  grafana?: Image | undefined;
  /**
   * Image of the OpenTelemetry collector, which counts runs by flow. Default: none, and runs are not counted by flow.
   */
  collector?: Image | undefined;
}

export interface ObservabilityArgs {
  /** The fleet's name for the region, for example us-east. A change replaces workloads and role. */
  region: string;
  /** The AWS region. A change replaces add-ons and the pod identity association. */
  awsRegion: string;
  /** Name of the cluster. A change replaces the add-ons and the association. */
  clusterName: pulumi.Input<string>;
  /** Minor version to which the namespace's pod security labels are pinned, for example 1.35. */
  kubernetesVersion: string;
  /** CIDR block of the region's VPC. */
  vpcCidr: string;
  /** The region's KMS key. */
  keyArn: pulumi.Input<string>;

  /** Images of the monitoring programs; every region uses the same digests. A change replaces the pods. */
  images: ObservabilityImages;
  /** Host of the region's own registry. An admission policy rejects images from other registries. */
  registry: pulumi.Input<string>;

  /** Targets outside the cluster that this region monitors. A change replaces the pods. */
  watched: Omit<Watched, "region">;
  /** Settings of the alert rules. A change replaces the pod. */
  rules: RuleSettings;
  /**
   * GitHub repository, as `owner/name`, to which runbook links lead. Default: alerts contain the runbook's path in the
   * repository.
   */
  repository?: string | undefined;
  /** Retention of time series, in days; at least 31: the period of the objectives plus one day. */
  retentionDays: number;
  /** Size of Prometheus' disk, GiB; can grow in place, cannot shrink. */
  storageGib: number;

  /** Recipients of alerts. A change replaces the pod. */
  notifications: Notifications;
  /** The region's replica of the alerting secret. Required if notifications or remote write name a secret. */
  alertingSecretArn?: pulumi.Input<string> | undefined;
}

/**
 * Monitors one region, and the other regions from there: Prometheus, Alertmanager, the blackbox exporter,
 * kube-state-metrics, node exporter, and optionally Grafana and the OpenTelemetry collector. The regions' monitoring
 * systems are independent of each other. None has a public endpoint: docs/observability.md explains access. Needs two
 * providers in `opts.providers`: aws, and kubernetes for the region's cluster.
 */
export class Observability extends pulumi.ComponentResource {
  /** @throws Error if a required secret is missing: a bug, because the stack checks this earlier */
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
      // Loaded lazily, because the Grafana SDK is slow to load and not every fleet deploys Grafana.
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
