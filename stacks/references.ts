import * as pulumi from "@pulumi/pulumi";
import type { FoundationOutputs, FoundationRegion, FoundationWitness, RegionOutputs } from "./outputs";

/** What one region is told of another: the bucket that its accounts are published to as well. */
export type FoundationPeer = Pick<FoundationRegion, "bucketName" | "bucketArn" | "keyArn">;

/** What one region needs of the foundation: its own part, the key of the region that keeps its backups, what all share. */
export type FoundationFor = FoundationRegion & {
  readonly backupKeyArn: string;
  /** By our name of each other region that the foundation has. */
  readonly peers: Readonly<Record<string, FoundationPeer>>;
  /** Absent from the state of a foundation that was deployed before there was one. */
  readonly boundaryArn?: string;
} & Omit<FoundationOutputs, "regions" | "boundaryArn">;

/** Stacks known not to be deployed. The engine refuses a reference to a stack that does not exist. */
export type Undeployed = ReadonlySet<string>;

/** What the edge cannot do without. No key may join that an older state of a dead region has not: the edge must deploy. */
const REGION_KEYS = ["originHostname", "clusterName", "databaseIdentifier", "image"] as const;
/** What it reads where it is there. */
const OPTIONAL_REGION_KEYS = ["webhookHostname"] as const;

/** What the edge needs of one region. */
export type RegionForEdge = Pick<RegionOutputs, (typeof REGION_KEYS)[number] | (typeof OPTIONAL_REGION_KEYS)[number]>;

/**
 * The foundation's outputs for a region, from its stack's state: no cloud is asked, so a dead region is no obstacle.
 *
 * In a preview what is not there yet is unknown, so that a fresh fleet and a new region preview to the end; in an
 * update it is an error that says what to deploy first.
 *
 * @param region our name of the region
 * @param backupRegion the region that keeps its backups
 * @param undeployed as the caller knows; under the official CLI empty, and the engine reports a missing stack itself
 * @throws pulumi.RunError at once, or through the output
 */
export function foundationOutputs(
  region: string,
  backupRegion: string,
  undeployed: Undeployed = new Set(),
): pulumi.Output<FoundationFor> {
  const missing = () =>
    absent<FoundationFor>("foundation", `has nothing for ${region} or its backup in ${backupRegion}`);
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
 * A region's outputs, from its stack's state; as {@link foundationOutputs} in what is missing.
 *
 * @param region our name of the region, which is its stack's name
 * @throws pulumi.RunError at once, or through the output
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
 * Where a region's webhooks come in; as {@link foundationOutputs} in what is missing.
 *
 * @param region our name of the region, whose config has a webhook
 * @throws pulumi.RunError through the output
 */
export function webhookOrigin(region: string, outputs: pulumi.Output<RegionForEdge>): pulumi.Output<string> {
  return outputs.apply(({ webhookHostname }): string => webhookHostname ?? absent(region, "has no webhook"));
}

/**
 * The permissions boundary of every role; as {@link foundationOutputs} in what is missing.
 *
 * @throws pulumi.RunError through the output
 */
export function foundationBoundary(foundation: pulumi.Output<FoundationFor>): pulumi.Output<string> {
  return foundation.apply(
    ({ boundaryArn }): string => boundaryArn ?? absent("foundation", "has no permissions boundary"),
  );
}

/**
 * A certificate that the config asked for after the foundation was first deployed; as {@link foundationOutputs} in what is missing.
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
 * The witness of the schedules; as {@link foundationOutputs} in what is missing.
 *
 * @param foundation of a fleet whose config has a witness
 * @throws pulumi.RunError through the output
 */
export function foundationWitness(foundation: pulumi.Output<FoundationFor>): pulumi.Output<FoundationWitness> {
  return foundation.apply(({ witness }): FoundationWitness => witness ?? absent("foundation", "has no witness"));
}

/**
 * The secret that alerts are sent by; as {@link foundationOutputs} in what is missing.
 *
 * @param needed names that must be in it
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

/** The unknown value in a preview; in an update the error. */
function absent<T>(stack: string, why: string): T {
  if (pulumi.runtime.isDryRun()) return pulumi.unknown as T;
  throw new pulumi.RunError(
    `the stack ${stack} ${why} yet: deploy it first (pulumi up -s ${stack}), then ${pulumi.getStack()} again`,
  );
}
