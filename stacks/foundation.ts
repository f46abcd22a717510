import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { CiRoles } from "../components/foundation/CiRoles";
import { EncryptionKey } from "../components/foundation/EncryptionKey";
import { FlowBucket } from "../components/foundation/FlowBucket";
import { replicateFlowBuckets } from "../components/foundation/FlowReplication";
import { ImageRegistry } from "../components/foundation/ImageRegistry";
import { ImageReplication } from "../components/foundation/ImageReplication";
import { PublicCertificate } from "../components/foundation/PublicCertificate";
import { ReplicationPause } from "../components/foundation/ReplicationPause";
import { RoleBoundary } from "../components/foundation/RoleBoundary";
import { SharedSecrets } from "../components/foundation/SharedSecrets";
import { WitnessBucket } from "../components/foundation/WitnessBucket";
import type { FleetConfig, FoundationStackConfig, RegionConfig } from "../config/schema";
import { webhookHostname } from "../model/agent";
import type { CiPurpose } from "../model/policies/ciTrust";
import { boundedBy } from "./boundary";
import type { FoundationOutputs, FoundationRegion, FoundationWitness, Pending } from "./outputs";
import { type AwsAccount, awsAccount, awsProvider } from "./providers";

/** Resources of one region that do not depend on other regions. */
interface Place {
  readonly config: RegionConfig;
  readonly keyArn: pulumi.Output<string>;
  readonly images: ImageRegistry;
  readonly bucket: FlowBucket;
}

/** Inputs that all parts of the stack share. */
interface Context {
  readonly fleet: FleetConfig;
  readonly config: FoundationStackConfig;
  readonly account: AwsAccount;
  readonly opts: pulumi.ComponentResourceOptions & { readonly providers: pulumi.ProviderResource[] };
}

/**
 * Creates the foundation: resources that outlive every cluster, and resources that the regions share. It reads no other
 * stack.
 *
 * Its Cloudflare token (CLOUDFLARE_API_TOKEN) needs Zone Read and DNS Write on the zone.
 *
 * @returns the outputs as promises, so that a preview shows the values it knows
 * @throws Error if the build region is not in the fleet: a bug, because the config is validated earlier
 */
export function foundation(fleet: FleetConfig, config: FoundationStackConfig): Pending<FoundationOutputs> {
  const buildRegion = fleet.regions.find(({ name }) => name === fleet.buildRegion);
  if (!buildRegion)
    throw new Error(`buildRegion ${fleet.buildRegion} is not a region of the fleet: correct it in Pulumi.yaml`);

  const provider = awsProvider(fleet, "foundation", buildRegion.awsRegion);
  const context: Context = { fleet, config, account: awsAccount(provider), opts: { providers: [provider] } };

  const build = place(buildRegion, context);
  const others = fleet.regions.filter((region) => region !== buildRegion).map((region) => place(region, context));
  const places = [build, ...others];

  const boundaryArn = roleBoundary(places, context);
  const bounded = { ...context, opts: { ...context.opts, transformations: [boundedBy(boundaryArn)] } };

  const flowBuckets = places.map(({ bucket }) => bucket);
  replicateFlowBuckets(flowBuckets, bounded.opts);
  replicateImages(build, others, context);
  const secrets = sharedSecrets(build, others, context);
  const certificates = publicCertificates(context);
  const pauses = replicationPauses(places, bounded);

  return {
    regions: Object.fromEntries(
      places.map(({ config: { name, awsRegion }, keyArn, images, bucket }): [string, Pending<FoundationRegion>] => [
        name,
        {
          keyArn,
          registry: images.registry,
          bucketName: bucket.bucketName,
          bucketArn: bucket.bucketArn,
          ...certificates(name),
          ...(pauses.has(name) && { replicationPauseId: pauses.get(name) }),
          secretArns: secrets.secretArns(awsRegion),
        },
      ]),
    ),
    boundaryArn,
    providerKeyNames: Object.keys(config.providerKeys).sort(),
    ...(hasAlertingSecrets(config) && { alertingSecretNames: Object.keys(config.alertingSecrets).sort() }),
    ...witness(context),
    ...ciRoles(context),
  };
}

/** Returns the repositories that exist in every region's registry. */
const repositories = ({ image, agentImage, observability }: FleetConfig) => {
  const images = [image, agentImage, ...Object.values(observability?.images ?? {})];
  return [...new Set(images.flatMap((each) => each?.repository ?? []))];
};

const hasAlertingSecrets = ({ alertingSecrets }: FoundationStackConfig) => Object.keys(alertingSecrets).length > 0;

function place(region: RegionConfig, { fleet, config, account, opts }: Context): Place {
  const { name, awsRegion } = region;
  const where = { region: name, awsRegion };
  const { keyArn } = new EncryptionKey(name, { ...where, ...account }, opts);
  const images = new ImageRegistry(name, { ...where, keyArn, repositories: repositories(fleet) }, opts);
  const { noncurrentVersionDays, backupRetentionDays, objectLock } = config;
  const bucket = new FlowBucket(
    name,
    { ...where, keyArn, accountId: account.accountId, noncurrentVersionDays, backupRetentionDays, objectLock },
    opts,
  );
  return { config: region, keyArn, images, bucket };
}

function roleBoundary(places: Place[], { account, opts }: Context): pulumi.Output<string> {
  const awsRegions = places.map(({ config }) => config.awsRegion);
  return new RoleBoundary("boundary", { ...account, awsRegions, keyArns: places.map(({ keyArn }) => keyArn) }, opts)
    .boundaryArn;
}

function replicateImages({ config: { name, awsRegion }, images }: Place, others: Place[], context: Context): void {
  new ImageReplication(
    name,
    {
      region: name,
      awsRegion,
      destinations: others.map(({ config }) => config.awsRegion),
      repositories: repositories(context.fleet),
      accountId: context.account.accountId,
    },
    { ...context.opts, dependsOn: [images, ...others.map((other) => other.images)] },
  );
}

/** Creates the experiments that pause replication, if the config enables them. Returns the template ids by region. */
function replicationPauses(places: Place[], { config, account, opts }: Context): Map<string, pulumi.Output<string>> {
  if (!config.experiments) return new Map();
  const end = ({ config: { name: region, awsRegion }, bucket }: Place) => {
    const { bucketName, bucketArn } = bucket;
    return { region, awsRegion, bucketName, bucketArn };
  };
  return new Map(
    places.map((source) => {
      const destinations = places.filter((other) => other !== source).map(end);
      const args = { ...end(source), ...account, destinations };
      return [source.config.name, new ReplicationPause(source.config.name, args, opts).templateId];
    }),
  );
}

function sharedSecrets({ config: build, keyArn }: Place, others: Place[], { config, opts }: Context): SharedSecrets {
  return new SharedSecrets(
    "shared",
    {
      region: build.name,
      awsRegion: build.awsRegion,
      keyArn,
      replicas: others.map((other) => ({ awsRegion: other.config.awsRegion, keyArn: other.keyArn })),
      // The config holds these values as plain strings; from here on they are secrets.
      providerKeys: pulumi.secret(config.providerKeys),
      ...(Object.keys(config.oauthRegistrations).length > 0 && {
        oauthRegistrations: pulumi.secret(JSON.stringify(config.oauthRegistrations)),
      }),
      gitToken: config.gitToken && pulumi.secret(config.gitToken),
      ...(hasAlertingSecrets(config) && { alerting: pulumi.secret(config.alertingSecrets) }),
    },
    opts,
  );
}

/**
 * Creates the certificates of each region: for the public name, for the previous public name, and for the region's
 * webhook if enabled. Each name has its own certificate, because a certificate's names cannot be changed.
 */
function publicCertificates({
  fleet,
  opts,
}: Context): (
  region: string,
) => Pending<Pick<FoundationRegion, "certificateArn" | "formerCertificateArn" | "webhookCertificateArn">> {
  const provider = new cloudflare.Provider("cloudflare");
  const { zoneId } = cloudflare.getZoneOutput(
    { filter: { name: fleet.zone, account: { id: fleet.cloudflareAccountId }, match: "all" } },
    { provider },
  );
  const both = { providers: [...opts.providers, provider] };
  const regions = fleet.regions.map(({ name: region, awsRegion }) => ({ region, awsRegion }));
  const { hostname, formerHostname } = fleet;
  const of = (name: string) =>
    new PublicCertificate(
      `public-${name}`,
      { hostname: name, qualifier: name, zoneId, regions, hadPlainNames: name === (formerHostname ?? hostname) },
      both,
    );
  const shared = of(hostname);
  const former = formerHostname === undefined ? undefined : of(formerHostname);
  const webhooks = new Map(
    (fleet.webhook ? regions : []).map((each) => {
      const hostname = webhookHostname(each.region, fleet.zone);
      const args = { hostname, qualifier: "webhook", zoneId, regions: [each] };
      return [each.region, new PublicCertificate(`${each.region}-webhook`, args, both)];
    }),
  );
  return (region) => {
    const webhookCertificateArn = webhooks.get(region)?.certificateArn(region);
    const formerCertificateArn = former?.certificateArn(region);
    return {
      certificateArn: shared.certificateArn(region),
      ...(formerCertificateArn && { formerCertificateArn }),
      ...(webhookCertificateArn && { webhookCertificateArn }),
    };
  };
}

/** Creates the witness, if the config has one. */
function witness({ fleet, account, opts }: Context): { witness?: Pending<FoundationWitness> } {
  const { witness: place } = fleet.schedules;
  if (!place) return {};
  const { awsRegion } = place;
  const { bucketName, bucketArn } = new WitnessBucket("witness", { awsRegion, accountId: account.accountId }, opts);
  return { witness: { awsRegion, bucketName, bucketArn } };
}

function ciRoles({ fleet, config, account, opts }: Context): Partial<Pick<CiRoles, `${CiPurpose}RoleArn`>> {
  const { githubRepository: repository } = fleet;
  const { githubOidcProviderArn: oidcProviderArn } = config;
  if (repository === undefined) return {};
  const awsRegions = fleet.regions.map(({ awsRegion }) => awsRegion);
  const args = {
    repository,
    oidcProviderArn,
    ...account,
    awsRegions,
    repositories: repositories(fleet),
    witnessAwsRegion: fleet.schedules.witness?.awsRegion,
  };
  const { deployRoleArn, previewRoleArn, driftRoleArn, imageRoleArn } = new CiRoles("ci", args, opts);
  return { deployRoleArn, previewRoleArn, driftRoleArn, imageRoleArn };
}
