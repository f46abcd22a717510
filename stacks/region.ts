import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { FlowBackup } from "../components/agent/FlowBackup";
import { type FlowPeer, FlowSync } from "../components/agent/FlowSync";
import { MoveIn } from "../components/agent/MoveIn";
import { RegionCluster } from "../components/cluster/RegionCluster";
import { FlowDatabase } from "../components/data/FlowDatabase";
import { FlowFileSystem } from "../components/data/FlowFileSystem";
import { LangFlowService } from "../components/langflow/LangFlowService";
import { RegionNetwork } from "../components/network/RegionNetwork";
import { schedulesRegion } from "../config/schedulesRegion";
import type { FleetConfig, RegionConfig, RegionStackConfig } from "../config/schema";
import { addressPlan } from "../model/addresses";
import { backupSchedule } from "../model/agent";
import { databaseMaintenance } from "../model/databaseMaintenance";
import { boundedBy } from "./boundary";
import type { Pending, RegionOutputs } from "./outputs";
import { awsAccount, awsProvider } from "./providers";
import {
  type FoundationFor,
  foundationBoundary,
  foundationCertificate,
  foundationOutputs,
  foundationWitness,
  type Undeployed,
} from "./references";

/** The parts of a region, for resources that a team adds to it. */
export interface RegionParts {
  /** The fleet's name for the region, for example us-east. */
  readonly name: string;
  /** AWS' name of its region, for example us-east-1. */
  readonly awsRegion: string;
  readonly network: RegionNetwork;
  readonly cluster: RegionCluster;
  readonly database: FlowDatabase;
  readonly files: FlowFileSystem;
  readonly service: LangFlowService;
  /** ARN of the region's KMS key. */
  readonly keyArn: pulumi.Output<string>;
  /** Options with the providers of the region's AWS account and cluster, and the boundary of every role. */
  readonly opts: pulumi.ComponentResourceOptions & { readonly providers: pulumi.ProviderResource[] };
}

/**
 * Creates one region: network, cluster, database, file system, LangFlow and the agent. It reads the foundation's state
 * but no other region's, so it can be deployed while any other region is down.
 *
 * @param undeployed stacks that are known not to exist yet: their outputs are unknown in a preview, an error in an
 * update
 */
export function region(
  fleet: FleetConfig,
  { name, awsRegion, cidr, backupRegion }: RegionConfig,
  config: RegionStackConfig,
  undeployed?: Undeployed,
): { readonly parts: RegionParts; readonly outputs: Pending<RegionOutputs> } {
  const backupPlace = fleet.regions.find((other) => other.name === backupRegion);
  if (!backupPlace)
    throw new Error(
      `internal error: the backup region ${backupRegion} is not a region of the fleet, because the config was not validated`,
    );

  const foundation = foundationOutputs(name, backupRegion, undeployed);
  const provider = awsProvider(fleet, name, awsRegion);
  const account = awsAccount(provider);
  const transformations = [boundedBy(foundationBoundary(foundation))];
  const opts = { providers: [provider], transformations };
  const { logRetentionDays, deletionProtection } = config;
  const place = {
    region: name,
    awsRegion,
    keyArn: foundation.keyArn,
    ...account,
    logRetentionDays,
    deletionProtection,
  };

  const network = new RegionNetwork(name, { ...place, cidr, ...config.network }, opts);
  const { vpcId, privateSubnetIds, publicSubnetIds, isolatedSubnetIds } = network;

  const cluster = new RegionCluster(
    name,
    {
      ...place,
      ...config.cluster,
      privateSubnetIds,
      // Only the config decides whether the roles exist; their ARNs are known only after the foundation is deployed.
      ...(fleet.githubRepository !== undefined && {
        deployRoleArn: ciRole(foundation, "deploy"),
        readerRoleArns: { preview: ciRole(foundation, "preview"), drift: ciRole(foundation, "drift") },
      }),
    },
    // Nodes and add-ons need the network's NAT gateways and endpoints to reach AWS, and no output expresses this
    // dependency.
    { ...opts, dependsOn: [network] },
  );
  const isolated = { ...place, vpcId, subnetIds: isolatedSubnetIds, clientSecurityGroupId: cluster.securityGroupId };

  const backup = { awsRegion: backupPlace.awsRegion, keyArn: foundation.backupKeyArn };
  const { pointInTimeRecoveryDays: backupRetentionDays, ...settings } = config.database;
  const maintenanceWindow = databaseMaintenance(fleet.regions.findIndex((each) => each.name === name));
  const database = new FlowDatabase(
    name,
    { ...isolated, ...settings, backupRetentionDays, backup, maintenanceWindow },
    opts,
  );
  const files = new FlowFileSystem(name, { ...isolated, clientRoleArn: cluster.fileSystemClientRoleArn }, opts);

  const { min, max, spread } = config.replicas;
  const shared = {
    ...place,
    registry: foundation.registry,
    clusterName: cluster.clusterName,
    bucketName: foundation.bucketName,
    bucketArn: foundation.bucketArn,
    secretArns: foundation.secretArns,
  };
  const sourceRanges = cloudflareRanges();
  const entrance = { publicSubnetIds: pulumi.all(publicSubnetIds), sourceRanges };
  const { secretArns: databaseSecretArns, urls: databaseUrls } = database;
  const databaseSecretArn = databaseSecretArns.owner;
  const inCluster = {
    ...opts,
    providers: [provider, cluster.provider],
    dependsOn: [cluster, ...database.dependencies, files],
  };
  const service = new LangFlowService(
    name,
    {
      ...shared,
      ...entrance,
      sourceRanges: sourceRanges.apply((ranges) => [...ranges, ...checkersOf(name, fleet)]),
      hostname: fleet.hostname,
      schedulesRegion: schedulesRegion(fleet),
      listeners: fleet.schedules.listeners,
      image: fleet.image,
      agentImage: fleet.agentImage,
      replicas: { min, max },
      spread,
      resources: config.resources,
      kubernetesVersion: config.cluster.version,
      providerKeyNames: foundation.providerKeyNames,
      customComponents: fleet.customComponents,
      databaseSecretArn: databaseSecretArns.server,
      databaseUrls,
      fileSystemId: files.fileSystemId,
      accessPointId: files.accessPointId,
      vpcCidr: cidr,
      publicSubnetCidrs: [...addressPlan(cidr).public],
      // During a change of names, the current certificate stays first: a listener that changes its first certificate
      // briefly loses the old certificate.
      certificateArns: [
        ...(fleet.formerHostname === undefined ? [] : [foundationCertificate(foundation, "formerCertificateArn")]),
        foundation.certificateArn,
      ],
      webhook: fleet.webhook,
      observed: fleet.observability !== undefined,
      traced: fleet.observability?.images.collector !== undefined,
    },
    inCluster,
  );

  const agent = { ...shared, image: fleet.agentImage };
  const besideLangFlow = { ...inCluster, dependsOn: [...inCluster.dependsOn, ...service.dependencies] };
  const sync = new FlowSync(
    name,
    {
      ...agent,
      ...config.sync,
      repository: fleet.flowRepository,
      peers: peersOf(name, fleet, foundation),
      schedules: {
        region: schedulesRegion(fleet),
        witness: fleet.schedules.witness && foundationWitness(foundation),
      },
      databaseSecretArn,
      // Without monitoring, nobody would read the metrics.
      databaseIdentifier: fleet.observability && database.identifier,
      webhook: fleet.webhook
        ? { ...entrance, certificateArns: [foundationCertificate(foundation, "webhookCertificateArn")] }
        : undefined,
    },
    besideLangFlow,
  );
  const schedule = config.backup.schedule ?? backupSchedule(fleet.regions.findIndex((each) => each.name === name));
  const langFlowVersion = fleet.image.version;
  const { claimName } = service;
  new MoveIn(name, { ...agent, langFlowImage: service.imageReference, databaseSecretArn }, besideLangFlow);
  new FlowBackup(name, { ...agent, langFlowVersion, schedule, claimName, databaseSecretArns }, besideLangFlow);
  if (fleet.observability) {
    // Loaded only if monitoring is enabled.
    const { observe }: typeof import("./observe") = require("./observe");
    const { clusterName, registry } = shared;
    const own = { region: name, awsRegion, clusterName, keyArn: foundation.keyArn, registry, vpcCidr: cidr };
    // Independent of the database and LangFlow, because monitoring must report why they fail to start.
    const watching = { ...inCluster, dependsOn: [cluster] };
    observe({ fleet, config, schedule, place: own }, fleet.observability, foundation, watching);
  }

  const outputs = {
    hostname: fleet.hostname,
    originHostname: service.originHostname,
    clusterName: cluster.clusterName,
    databaseIdentifier: database.identifier,
    image: service.imageReference,
    agentImage: service.agentImageReference,
    ...(sync.webhookHostname && { webhookHostname: sync.webhookHostname }),
    ...(fleet.observability && { egressAddresses: network.egressAddresses }),
  };
  const { keyArn } = place;
  const providers = { providers: [provider, cluster.provider], transformations };
  return { parts: { name, awsRegion, network, cluster, database, files, service, keyArn, opts: providers }, outputs };
}

/**
 * Returns the fleet's other regions. An update omits regions that the foundation does not have yet: they become peers
 * at this stack's next update, and until then their changes arrive by replication.
 */
function peersOf(
  name: string,
  { regions }: FleetConfig,
  foundation: pulumi.Output<FoundationFor>,
): pulumi.Output<FlowPeer[]> {
  const others = regions.filter((other) => other.name !== name);
  return foundation.apply(({ peers }): FlowPeer[] => {
    const known = others.flatMap(({ name: region, awsRegion }) => {
      const peer = peers[region];
      return peer ? [{ region, awsRegion, ...peer }] : [];
    });
    // If the config has a new region that is not deployed, the foundation has no outputs for that region either.
    if (known.length < others.length && pulumi.runtime.isDryRun()) return pulumi.unknown as unknown as FlowPeer[];
    return known;
  });
}

/** Returns the CIDR blocks from which the other regions check a region's load balancer. */
function checkersOf(region: string, { observability }: FleetConfig): string[] {
  return Object.entries(observability?.origins ?? {})
    .filter(([name]) => name !== region)
    .flatMap(([, { addresses }]) => addresses.map((address) => `${address}/32`))
    .sort();
}

/** Returns Cloudflare's IP ranges. It needs an explicit provider, because default providers are disabled. */
function cloudflareRanges(): pulumi.Output<string[]> {
  const provider = new cloudflare.Provider("cloudflare");
  return cloudflare.getIpRangesOutput({}, { provider }).ipv4Cidrs;
}

function ciRole(
  foundation: pulumi.Output<FoundationFor>,
  purpose: "deploy" | "preview" | "drift",
): pulumi.Output<string> {
  return foundation.apply((outputs) => {
    const arn = outputs[`${purpose}RoleArn`];
    if (arn === undefined)
      throw new pulumi.RunError(`the foundation has no ${purpose} role yet: deploy it first (pulumi up -s foundation)`);
    return arn;
  });
}
