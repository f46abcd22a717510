import * as pulumi from "@pulumi/pulumi";
import type { FoundationOutputs, FoundationRegion, FoundationWitness, RegionOutputs } from "./outputs";

/** Outputs of another region that a region needs: the bucket to which it also publishes accounts. */
export type FoundationPeer = Pick<FoundationRegion, "bucketName" | "bucketArn" | "keyArn">;

/** Outputs of the foundation that a region needs: its own, the key of its backup region, and the shared ones. */
export type FoundationFor = FoundationRegion & {
  readonly backupKeyArn: string;
  /** Outputs of the other regions in the foundation, by region. */
  readonly peers: Readonly<Record<string, FoundationPeer>>;
  /** Permissions boundary. Absent if an earlier release deployed the foundation. */
  readonly boundaryArn?: string;
} & Omit<FoundationOutputs, "regions" | "boundaryArn">;

/** Names of stacks that are known not to be deployed. The engine rejects references to missing stacks. */
export type Undeployed = ReadonlySet<string>;

/**
 * Outputs that the edge requires. Do not add keys that the existing state of a failed region may lack, because the edge
 * must always be deployable.
 */
const REGION_KEYS = ["originHostname", "clusterName", "databaseIdentifier", "image"] as const;
/** Outputs that the edge uses if they exist. */
const OPTIONAL_REGION_KEYS = ["webhookHostname"] as const;

/** Outputs of one region that the edge needs. */
export type RegionForEdge = Pick<RegionOutputs, (typeof REGION_KEYS)[number] | (typeof OPTIONAL_REGION_KEYS)[number]>;

/**
 * Returns the foundation's outputs for a region, from its stack's state. It calls no cloud API, so it works while a
 * region is down.
 *
 * In a preview, missing values are unknown, so that a new fleet or a new region can be previewed completely. In an
 * update, a missing value is an error that says what to deploy first.
 *
 * @param region the fleet's name for the region
 * @param backupRegion the region that keeps copies of its backups
 * @param undeployed from the caller; empty under the official CLI, where the engine reports missing stacks itself
 * @throws pulumi.RunError immediately, or through the output
 */
export function foundationOutputs(
  region: string,
  backupRegion: string,
  undeployed: Undeployed = new Set(),
): pulumi.Output<FoundationFor> {
  const missing = () =>
    absent<FoundationFor>("foundation", `has no resources for ${region} or for its backups in ${backupRegion}`);
  if (undeployed.has("foundation")) return pulumi.output(missing()) as pulumi.Output<FoundationFor>;
  const reference = referenceTo("foundation");
  return pulumi
    .all({
      regions: reference.getOutput("regions"),
      boundaryArn: reference.getOutput("boundaryArn"),
      witness: reference.getOutput("witness"),
      providerKeyNames: reference.getOutput("providerKeyNames"),
      alertingSecretNames: reference.getOutput("alertingSecretNames"),
      deployRoleArn: reference.getOutput("deployRoleArn"),
      previewRoleArn: reference.getOutput("previewRoleArn"),
      driftRoleArn: reference.getOutput("driftRoleArn"),
    })
    .apply((shared): FoundationFor => {
      const { regions, ...rest } = shared as Partial<FoundationOutputs>;
      const own = regions?.[region];
      const backupKeyArn = regions?.[backupRegion]?.keyArn;
      const { providerKeyNames } = rest;
      if (!regions || !own || !backupKeyArn || !providerKeyNames) return missing();
      return { ...own, backupKeyArn, peers: peersOf(region, regions), ...rest, providerKeyNames };
    });
}

function peersOf(region: string, regions: FoundationOutputs["regions"]): FoundationFor["peers"] {
  return Object.fromEntries(
    Object.entries(regions)
      .filter(([name]) => name !== region)
      .map(([name, { bucketName, bucketArn, keyArn }]) => [name, { bucketName, bucketArn, keyArn }]),
  );
}

/**
 * Returns a region's outputs, from its stack's state. Treats missing values like {@link foundationOutputs}.
 *
 * @param region the fleet's name for the region, which is also its stack's name
 * @throws pulumi.RunError immediately, or through the output
 */
export function regionOutputs(region: string, undeployed: Undeployed = new Set()): pulumi.Output<RegionForEdge> {
  if (undeployed.has(region)) return pulumi.output(absent<RegionForEdge>(region, "is not deployed"));
  const reference = referenceTo(region);
  return pulumi
    .all(Object.fromEntries([...REGION_KEYS, ...OPTIONAL_REGION_KEYS].map((key) => [key, reference.getOutput(key)])))
    .apply((values): RegionForEdge => {
      const lacking = REGION_KEYS.filter((key) => values[key] === undefined);
      return lacking.length > 0 ? absent(region, `has no output ${lacking.join(", ")}`) : (values as never);
    });
}

/**
 * Returns the host name of a region's webhook load balancer. Treats missing values like {@link foundationOutputs}.
 *
 * @param region the fleet's name for a region whose config has a webhook
 * @throws pulumi.RunError through the output
 */
export function webhookOrigin(region: string, outputs: pulumi.Output<RegionForEdge>): pulumi.Output<string> {
  return outputs.apply(({ webhookHostname }): string => webhookHostname ?? absent(region, "has no webhook"));
}

/**
 * Returns the ARN of every role's permissions boundary. Treats missing values like {@link foundationOutputs}.
 *
 * @throws pulumi.RunError through the output
 */
export function foundationBoundary(foundation: pulumi.Output<FoundationFor>): pulumi.Output<string> {
  return foundation.apply(
    ({ boundaryArn }): string => boundaryArn ?? absent("foundation", "has no permissions boundary"),
  );
}

/**
 * Returns the ARN of a certificate that the foundation's state may lack, because the config may have added it after the
 * foundation's deployment. Treats missing values like {@link foundationOutputs}.
 *
 * @throws pulumi.RunError through the output
 */
export function foundationCertificate(
  foundation: pulumi.Output<FoundationFor>,
  output: "formerCertificateArn" | "webhookCertificateArn",
): pulumi.Output<string> {
  return foundation.apply((outputs): string => outputs[output] ?? absent("foundation", `has no ${output}`));
}

/**
 * Returns the witness of the schedules. Treats missing values like {@link foundationOutputs}.
 *
 * @param foundation outputs of a fleet whose config has a witness
 * @throws pulumi.RunError through the output
 */
export function foundationWitness(foundation: pulumi.Output<FoundationFor>): pulumi.Output<FoundationWitness> {
  return foundation.apply(({ witness }): FoundationWitness => witness ?? absent("foundation", "has no witness"));
}

/**
 * Returns the ARN of the alerting secret. Treats missing values like {@link foundationOutputs}.
 *
 * @param needed names that the secret must contain
 * @throws pulumi.RunError through the output
 */
export function foundationAlertingSecret(
  foundation: pulumi.Output<FoundationFor>,
  needed: readonly string[],
): pulumi.Output<string> {
  return foundation.apply(({ secretArns, alertingSecretNames = [] }): string => {
    const missing = needed.filter((name) => !alertingSecretNames.includes(name));
    if (missing.length === 0 && secretArns.alerting !== undefined) return secretArns.alerting;
    const way = "pulumi config set -s foundation --secret --path 'langflow-dr:alertingSecrets.NAME'";
    return absent("foundation", `lacks the alerting secrets ${missing.join(", ")} (set each: ${way})`);
  });
}

function referenceTo(stack: string): pulumi.StackReference {
  return new pulumi.StackReference(stack, { name: `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}` });
}

/** Returns the unknown value in a preview, and throws in an update. */
function absent<T>(stack: string, why: string): T {
  if (pulumi.runtime.isDryRun()) return pulumi.unknown as T;
  throw new pulumi.RunError(
    `the stack ${stack} ${why} yet: deploy it first (pulumi up -s ${stack}), then deploy ${pulumi.getStack()} again`,
  );
}
