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
import { LangFlowListeners } from "./LangFlowListeners";
import { LangFlowStorage } from "./LangFlowStorage";
import { CONFIG_NAME, LangFlowWorkload } from "./LangFlowWorkload";
import { NetworkIsolation } from "./NetworkIsolation";
import { PublicEntrance } from "./PublicEntrance";

export interface LangFlowServiceArgs {
  /** The fleet's name for the region, for example us-east. A change replaces the Deployment, the claim and the role. */
  region: string;
  /** The AWS region. A change replaces the pod identity association. */
  awsRegion: string;
  /** The fleet's public host name. */
  hostname: string;
  /** The fleet's name for the region that holds the schedules. A change rolls the pods. */
  schedulesRegion: string;

  /** LangFlow's image; every region uses the same digest. A change rolls the pods. */
  image: Image;
  /**
   * The agent's image, whose `adopt` command runs before LangFlow; every region uses the same digest. A change rolls
   * the pods.
   */
  agentImage: Image;
  /** Host of the region's own registry. An admission policy rejects images from other registries. */
  registry: pulumi.Input<string>;
  /** Minimum and maximum of the autoscaler; `min` is at least 2. */
  replicas: { min: number; max: number };
  /** zones: pods run in at least two zones. none: all pods may run on one node. Default: zones. */
  spread?: "zones" | "none";
  /** Resource requests and limits of one pod. */
  resources: { requests: ComputeResources; limits: ComputeResources };

  /** Name of the cluster, for the pod identity. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** Minor version to which the namespace's pod security labels are pinned, for example 1.35. */
  kubernetesVersion: string;

  /** Name of the region's flow bucket, which stores LangFlow's files. */
  bucketName: pulumi.Input<string>;
  bucketArn: pulumi.Input<string>;
  /** ARN of the region's KMS key, which encrypts the bucket and the secrets. */
  keyArn: pulumi.Input<string>;
  /** ARNs of the region's replica of each shared secret. */
  secretArns: pulumi.Input<SharedSecretArns>;
  /** Names of the environment variables in the provider keys' secret. A change rolls the pods. */
  providerKeyNames: pulumi.Input<readonly string[]>;
  /**
   * Who may run component code that is part of neither LangFlow nor the image. Default: nobody. A change rolls the
   * pods.
   */
  customComponents?: CustomComponents;
  /** ARN of the secret whose JSON holds the database's `url` for LangFlow's own login. */
  databaseSecretArn: pulumi.Input<string>;
  /**
   * The database's URL for each login. `adopt` connects as the owner and creates the other logins before LangFlow
   * starts.
   */
  databaseUrls: pulumi.Input<OfEachLogin>;
  /** Ids of the EFS file system and access point of the shared claim. A change replaces the claim. */
  fileSystemId: pulumi.Input<string>;
  accessPointId: pulumi.Input<string>;
  /**
   * Whether Pulumi rejects the deletion of the claim. Set to false to retire a region
   * (docs/operations/retire-a-region.md).
   */
  deletionProtection: boolean;

  /** CIDR block of the region's VPC. */
  vpcCidr: string;
  /** Ids of the public subnets, one per zone, for the load balancer. */
  publicSubnetIds: pulumi.Input<string[]>;
  /** CIDR blocks of the public subnets: the sources of the load balancer's connections to pods. */
  publicSubnetCidrs: string[];
  /**
   * ARNs of ACM certificates in this AWS region, for all host names of the load balancer. Clients without SNI get the
   * first.
   */
  certificateArns: pulumi.Input<string>[];
  /** IPv4 CIDR blocks that may reach the load balancer: Cloudflare's. */
  sourceRanges: pulumi.Input<string[]>;
  /** Whether the agent receives webhooks. If so, the namespace admits the webhook's load balancer. */
  webhook: boolean;
  /** Whether the region's own monitoring may send health checks to LangFlow. Default: no. */
  observed?: boolean;
  /**
   * Whether listeners hold the connections of listened-to sources (Slack's socket mode, polled mailboxes). Default: no.
   */
  listeners?: boolean;
  /** Whether LangFlow sends its spans to the region's own collector. Default: no. A change rolls the pods. */
  traced?: boolean;
}

/**
 * LangFlow in one region: identity, network policies, storage, pods and load balancer. Needs two providers in
 * `opts.providers`: aws, and kubernetes for the region's cluster.
 */
export class LangFlowService extends pulumi.ComponentResource {
  /** DNS name of the region's load balancer. */
  readonly originHostname: pulumi.Output<string>;
  /** Reference of LangFlow's image: registry, repository and digest. */
  readonly imageReference: pulumi.Output<string>;
  /** Reference of the agent's image that runs before LangFlow, in the same format. */
  readonly agentImageReference: pulumi.Output<string>;
  /** Name of the region's PersistentVolumeClaim, for other pods that use the same files. */
  readonly claimName: string;
  /**
   * Resources that other pods of the namespace must wait for. LangFlow is not among them, because a restore must also
   * run without LangFlow.
   */
  readonly dependencies: pulumi.Resource[];

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

    this.dependencies = [namespace, isolation, images, identities, storage];
    this.claimName = storage.claimName;
    const pulled = (image: Image) => pulumi.output(args.registry).apply((registry) => imageReference(registry, image));
    this.imageReference = pulled(args.image);
    this.agentImageReference = pulled(args.agentImage);
    const release = {
      region,
      image: this.imageReference,
      version: args.image.version,
      environment: this.environment(args),
    };
    // Created in parallel with the entrance: the entrance is ready only when a pod responds.
    const workload = new LangFlowWorkload(
      name,
      {
        ...namespaced,
        ...release,
        schedulesRegion: args.schedulesRegion,
        replicas: args.replicas,
        ...(args.spread && { spread: args.spread }),
        resources: args.resources,
        agentImage: this.agentImageReference,
        serviceAccountName: identity.serviceAccountName,
        secretEnvironment: secrets.environment,
        secretClassName: secrets.className,
        claimName: storage.claimName,
      },
      { parent: this, dependsOn: [isolation, images, identities, identity, secrets, owner, storage] },
    );
    // After LangFlow, whose pods migrate the schema: listeners never migrate.
    if (args.listeners)
      new LangFlowListeners(
        name,
        { ...args, ...release, namespace: NAMESPACE, configName: CONFIG_NAME },
        { parent: this, dependsOn: [workload] },
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

  /** Creates the only Kubernetes Secret whose values the program handles (model/databaseLogins.ts explains why). */
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
        // Not `stringData`, which the API server stores as `data`: drift detection would report a difference.
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
            // A new pod becomes ready only when the load balancer considers it healthy (a label of EKS Auto Mode).
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
