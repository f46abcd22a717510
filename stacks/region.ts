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

/**
 * One region's compute: network, cluster, database, file system, LangFlow and the agent beside it. It reads the foundation's state and no
 * other region's, so it can be deployed while any other region is dead.
 *
 * @param undeployed the stacks known not to exist yet: unknown in a preview, an error in an update
 */
export function region(
  fleet: FleetConfig,
  { name, awsRegion, cidr, backupRegion }: RegionConfig,
  config: RegionStackConfig,
  undeployed?: Undeployed,
): Pending<RegionOutputs> {
  const backupPlace = fleet.regions.find((other) => other.name === backupRegion);
  if (!backupPlace)
    throw new Error(`the backup region ${backupRegion} is none of the fleet's: the config was not checked`);

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
      // Whether there are such roles is known from the config alone; their ARNs only once the foundation is deployed.
      ...(fleet.githubRepository !== undefined && {
        deployRoleArn: ciRole(foundation, "deploy"),
        readerRoleArns: { preview: ciRole(foundation, "preview"), drift: ciRole(foundation, "drift") },
      }),
    },
    // Nodes and add-ons reach AWS through the network's own ways, which outputs alone do not name.
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
    dependsOn: [cluster, ...database.premises, files],
  };
  const service = new LangFlowService(
    name,
    {
      ...shared,
      ...entrance,
      sourceRanges: sourceRanges.apply((ranges) => [...ranges, ...checkersOf(name, fleet)]),
      hostname: fleet.hostname,
      schedulesRegion: schedulesRegion(fleet),
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
      // The one that is used so far stays the first while another joins: a listener that changes its first is without the former a moment.
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
  const besideLangFlow = { ...inCluster, dependsOn: [...inCluster.dependsOn, ...service.premises] };
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
      // Nobody would look at it where nothing watches.
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
    // Where it is off, nothing of it is read.
    const { observe }: typeof import("./observe") = require("./observe");
    const { clusterName, registry } = shared;
    const own = { region: name, awsRegion, clusterName, keyArn: foundation.keyArn, registry, vpcCidr: cidr };
    // Not after the database or LangFlow: it has to tell why they do not come.
    const watching = { ...inCluster, dependsOn: [cluster] };
    observe({ fleet, config, schedule, place: own }, fleet.observability, foundation, watching);
  }

  return {
    hostname: fleet.hostname,
    originHostname: service.originHostname,
    clusterName: cluster.clusterName,
    databaseIdentifier: database.identifier,
    image: service.imageReference,
    agentImage: service.agentImageReference,
    ...(sync.webhookHostname && { webhookHostname: sync.webhookHostname }),
    ...(fleet.observability && { egressAddresses: network.egressAddresses }),
  };
}

/**
 * The fleet's other regions. One that the foundation does not have yet is left out of an update: it joins by this
 * stack's next one, and until then its own changes arrive by replication.
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
    // A preview of a region that joins, in which the foundation is not deployed yet either.
    if (known.length < others.length && pulumi.runtime.isDryRun()) return pulumi.unknown as unknown as FlowPeer[];
    return known;
  });
}

/** Addresses from which the other regions check a region's load balancer, as networks. */
function checkersOf(region: string, { observability }: FleetConfig): string[] {
  return Object.entries(observability?.origins ?? {})
    .filter(([name]) => name !== region)
    .flatMap(([, { addresses }]) => addresses.map((address) => `${address}/32`))
    .sort();
}

/** The networks Cloudflare connects from; a provider of its own, since the default one is switched off. */
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
