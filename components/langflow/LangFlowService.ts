import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { DATABASE_URL, type Login, MADE_LOGINS, type OfEachLogin, OWNER_SECRET } from "../../model/databaseLogins";
import { type Image, imageReference } from "../../model/images";
import {
  CUSTOM_COMPONENTS,
  type CustomComponents,
  componentLabels,
  HEALTH_PATH,
  langFlowEnvironment,
  NAMESPACE,
  SECRET_NAME,
  SERVICE_ACCOUNT,
} from "../../model/langflow";
import { arnsOf, langFlowSecrets, type PodSecretSet } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";
import { OBSERVABILITY_NAMESPACE, SPANS_URL } from "../../model/observability";
import { type ComputeResources, restrictedNamespace } from "../../model/podSecurity";
import { podAccess } from "../../model/policies/podAccess";
import type { SharedSecretArns } from "../../model/secrets";
import { PodIdentity } from "../shared/PodIdentity";
import { PodSecrets } from "../shared/PodSecrets";
import { IdentityAdmissionPolicy } from "./IdentityAdmissionPolicy";
import { ImageAdmissionPolicy } from "./ImageAdmissionPolicy";
import { LangFlowStorage } from "./LangFlowStorage";
import { LangFlowWorkload } from "./LangFlowWorkload";
import { NetworkIsolation } from "./NetworkIsolation";
import { PublicEntrance } from "./PublicEntrance";

export interface LangFlowServiceArgs {
  /** Our name of the region, for example us-east. A change replaces Deployment, claim and role. */
  region: string;
  /** The AWS region. A change replaces the pod identity association. */
  awsRegion: string;
  /** The public host name of the whole fleet. */
  hostname: string;
  /** Our name of the region that holds the schedules. A change rolls the pods. */
  schedulesRegion: string;

  /** What runs; the same digest in every region. A change rolls the pods. */
  image: Image;
  /** The agent's image, whose `adopt` runs before LangFlow; the same digest in every region. A change rolls the pods. */
  agentImage: Image;
  /** Host of the region's own registry, the only one pods of the namespace may come from. */
  registry: pulumi.Input<string>;
  /** Bounds of the autoscaler; `min` 2 at least. */
  replicas: { min: number; max: number };
  /** zones: the pods are over two zones at least. none: all may run on one node. Default zones. */
  spread?: "zones" | "none";
  /** Requests and limits of one pod. */
  resources: { requests: ComputeResources; limits: ComputeResources };

  /** The cluster, for the pod identity. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** Labels of Kubernetes' pod security admission are pinned to this minor version, for example 1.35. */
  kubernetesVersion: string;

  /** The region's flow bucket: LangFlow's files. */
  bucketName: pulumi.Input<string>;
  bucketArn: pulumi.Input<string>;
  /** The region's KMS key, under which bucket and secrets are encrypted. */
  keyArn: pulumi.Input<string>;
  /** The region's replica of each shared secret. */
  secretArns: pulumi.Input<SharedSecretArns>;
  /** Environment variables in the provider keys' secret. A change rolls the pods. */
  providerKeyNames: pulumi.Input<readonly string[]>;
  /** Who may run components' code that is neither LangFlow's nor the image's. Default: nobody. A change rolls the pods. */
  customComponents?: CustomComponents;
  /** Secret whose JSON holds the database's `url` by LangFlow's own login. */
  databaseSecretArn: pulumi.Input<string>;
  /** The database's URL by each login: what runs before LangFlow makes the others as the owner. */
  databaseUrls: pulumi.Input<OfEachLogin>;
  /** EFS file system and access point of the shared claim. A change replaces the claim. */
  fileSystemId: pulumi.Input<string>;
  accessPointId: pulumi.Input<string>;
  /** Whether Pulumi and the cloud refuse to delete the claim. Off to retire (docs/operations/retire-a-region.md). */
  deletionProtection: boolean;

  /** The region's private network. */
  vpcCidr: string;
  /** Public subnets, one per zone, for the load balancer. */
  publicSubnetIds: pulumi.Input<string[]>;
  /** Networks of those subnets: what the load balancer's connections to pods come from. */
  publicSubnetCidrs: string[];
  /** ACM certificates in this AWS region: those of all names it is reached by, the first for who asks by none. */
  certificateArns: pulumi.Input<string>[];
  /** IPv4 networks that may reach the load balancer: Cloudflare's. */
  sourceRanges: pulumi.Input<string[]>;
  /** Whether the agent beside LangFlow takes webhooks, so that the namespace lets their load balancer in. */
  webhook: boolean;
  /** Whether the region's own observability may ask LangFlow how it is. Default: no. */
  observed?: boolean;
  /** Whether LangFlow sends its spans to the region's own collector. Default: no. A change rolls the pods. */
  traced?: boolean;
}

/**
 * LangFlow in one region: who it is, what it may reach, where its data lies, how it runs and how the world gets in.
 * Needs two providers in `opts.providers`: aws, and kubernetes of the region's cluster.
 */
export class LangFlowService extends pulumi.ComponentResource {
  /** DNS name of the region's load balancer. */
  readonly originHostname: pulumi.Output<string>;
  /** The image that runs: registry, repository, digest. */
  readonly imageReference: pulumi.Output<string>;
  /** The agent's image that runs before LangFlow, in the same form. */
  readonly agentImageReference: pulumi.Output<string>;
  /** The region's claim, for what else works on it. */
  readonly claimName: string;
  /** What other pods of the namespace must wait for: not LangFlow, without which a restore has to run. */
  readonly premises: pulumi.Resource[];

  constructor(name: string, args: LangFlowServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("LangFlowService"), name, args, opts);

    const { region, awsRegion } = args;
    const labels = componentLabels(region, "server");
    const namespace = this.makeNamespace(name, args.kubernetesVersion);
    const inNamespace = { parent: this, dependsOn: [namespace] };
    const namespaced = { namespace: NAMESPACE, labels };

    const isolation = new NetworkIsolation(
      name,
      {
        region,
        namespace: NAMESPACE,
        vpcCidr: args.vpcCidr,
        loadBalancerCidrs: args.publicSubnetCidrs,
        observabilityNamespace: OBSERVABILITY_NAMESPACE,
        webhook: args.webhook,
        observed: args.observed ?? false,
        traced: args.traced ?? false,
      },
      inNamespace,
    );
    const images = new ImageAdmissionPolicy(name, { namespace: NAMESPACE, registry: args.registry }, inNamespace);
    const identities = new IdentityAdmissionPolicy(name, { namespace: NAMESPACE }, inNamespace);
    const secretSet = pulumi
      .all([args.secretArns, args.databaseSecretArn, args.providerKeyNames])
      .apply(([shared, database, providerKeyNames]) => langFlowSecrets(shared, database, providerKeyNames));
    const identity = this.identity(name, args, secretSet, namespace);
    const secrets = new PodSecrets(
      name,
      { ...namespaced, awsRegion, secretName: SECRET_NAME, secrets: secretSet },
      { ...inNamespace, aliases: [{ type: typeToken("LangFlowSecrets") }] },
    );
    const owner = this.ownerSecret(name, args.databaseUrls, labels, inNamespace);
    const storage = new LangFlowStorage(
      name,
      {
        ...namespaced,
        region,
        fileSystemId: args.fileSystemId,
        accessPointId: args.accessPointId,
        deletionProtection: args.deletionProtection,
      },
      inNamespace,
    );

    this.premises = [namespace, isolation, images, identities, storage];
    this.claimName = storage.claimName;
    const pulled = (image: Image) => pulumi.output(args.registry).apply((registry) => imageReference(registry, image));
    this.imageReference = pulled(args.image);
    this.agentImageReference = pulled(args.agentImage);
    // Side by side with the entrance, not after it: the entrance counts as ready only once a pod answers.
    new LangFlowWorkload(
      name,
      {
        ...namespaced,
        region,
        schedulesRegion: args.schedulesRegion,
        replicas: args.replicas,
        ...(args.spread && { spread: args.spread }),
        resources: args.resources,
        image: this.imageReference,
        agentImage: this.agentImageReference,
        version: args.image.version,
        serviceAccountName: identity.serviceAccountName,
        environment: this.environment(args),
        secretEnvironment: secrets.environment,
        secretClassName: secrets.className,
        claimName: storage.claimName,
      },
      { parent: this, dependsOn: [isolation, images, identities, identity, secrets, owner, storage] },
    );
    const entrance = new PublicEntrance(
      name,
      {
        ...namespaced,
        service: "langflow",
        port: "http",
        healthPath: HEALTH_PATH,
        publicSubnetIds: args.publicSubnetIds,
        certificateArns: args.certificateArns,
        sourceRanges: args.sourceRanges,
      },
      inNamespace,
    );

    this.originHostname = entrance.hostname;
    const { originHostname, imageReference: image, agentImageReference: agentImage, claimName } = this;
    this.registerOutputs({ originHostname, imageReference: image, agentImageReference: agentImage, claimName });
  }

  private identity(
    name: string,
    args: LangFlowServiceArgs,
    secrets: pulumi.Output<PodSecretSet>,
    namespace: pulumi.Resource,
  ): PodIdentity {
    const { region, awsRegion, bucketArn, keyArn } = args;
    return new PodIdentity(
      name,
      {
        region,
        awsRegion,
        clusterName: args.clusterName,
        namespace: NAMESPACE,
        serviceAccount: SERVICE_ACCOUNT,
        labels: componentLabels(region, "server"),
        description: `LangFlow's pods in ${region}`,
        statements: pulumi.all([bucketArn, keyArn, secrets]).apply(([bucket, key, set]) =>
          podAccess({
            component: "server",
            region,
            awsRegion,
            bucketArn: bucket,
            keyArn: key,
            secretArns: arnsOf(set),
          }),
        ),
      },
      { parent: this, dependsOn: [namespace], aliases: [{ type: typeToken("LangFlowIdentity") }] },
    );
  }

  /** The one Secret that the program makes (model/databaseLogins.ts says why). */
  private ownerSecret(
    name: string,
    urls: LangFlowServiceArgs["databaseUrls"],
    labels: Record<string, string>,
    opts: pulumi.CustomResourceOptions,
  ): kubernetes.core.v1.Secret {
    const encoded = (login: Login) => pulumi.output(urls).apply((all) => Buffer.from(all[login]).toString("base64"));
    return new kubernetes.core.v1.Secret(
      name,
      {
        metadata: { name: OWNER_SECRET, namespace: NAMESPACE, labels },
        // Not `stringData`, which the API server keeps as `data`: a drift check would find a difference.
        data: pulumi.secret({
          [DATABASE_URL]: encoded("owner"),
          [MADE_LOGINS.server]: encoded("server"),
          [MADE_LOGINS.backup]: encoded("backup"),
        }),
      },
      opts,
    );
  }

  private makeNamespace(name: string, kubernetesVersion: string): kubernetes.core.v1.Namespace {
    return new kubernetes.core.v1.Namespace(
      name,
      {
        metadata: {
          name: NAMESPACE,
          labels: {
            "app.kubernetes.io/name": "langflow",
            ...restrictedNamespace(kubernetesVersion),
            // A new pod counts as ready only once the load balancer sees it healthy (EKS Auto Mode's own label).
            "eks.amazonaws.com/pod-readiness-gate-inject": "enabled",
          },
        },
      },
      { parent: this },
    );
  }

  private environment(args: LangFlowServiceArgs): pulumi.Output<Record<string, string>> {
    return pulumi.all([args.bucketName, args.providerKeyNames]).apply(([bucketName, providerKeyNames]) =>
      langFlowEnvironment({
        awsRegion: args.awsRegion,
        hostname: args.hostname,
        bucketName,
        providerKeyNames,
        customComponents: args.customComponents ?? CUSTOM_COMPONENTS,
        ...(args.traced && { spansUrl: SPANS_URL }),
      }),
    );
  }
}
