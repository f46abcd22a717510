import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { isUnknown, list, record, text } from "../../resources/values";
import type { Problem } from "../../schema/schema";
import type { Behaviour, Situation } from "../shared/behaviour";
import { CloudError } from "../shared/errors";
import { atPace } from "../shared/pace";
import { writeLogs } from "./cloudwatch";
import { arn, checkKeyRegion, hashOf, hex, neighbour, now, refusal } from "./identifiers";

export const CLUSTER = "aws:eks/cluster:Cluster";
export const ACCESS_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation";
export const POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation";
const ENTRY = "aws:eks/accessEntry:AccessEntry";
const SUBNET = "aws:ec2/subnet:Subnet";
const NEWEST = "1.35";
/** Minimum creation time: an add-on becomes active once its pods or its registration are. */
const ADDON_SECONDS = 10;

/** Whether a cluster setting is on. Undefined if its value is not yet known. */
function isOn(value: unknown): boolean | undefined {
  return isUnknown(value) ? undefined : value === true;
}

/** Checks EKS Auto Mode's three settings, which must be equal (EKS API reference, CreateCluster). */
function* autoModeFaults({ inputs }: Situation): Iterable<Problem> {
  const compute = record(inputs.computeConfig);
  const switches = [
    isOn(compute.enabled),
    isOn(record(record(inputs.kubernetesNetworkConfig).elasticLoadBalancing).enabled),
    isOn(record(record(inputs.storageConfig).blockStorage).enabled),
  ];
  if (switches.includes(undefined)) return;
  if (new Set(switches).size > 1)
    yield {
      property: "computeConfig.enabled",
      reason:
        "compute_config.enabled, kubernetes_networking_config.elastic_load_balancing.enabled, and storage_config.block_storage.enabled must all be set to either true or false",
    };
  const autoMode = switches[0] === true;
  if (autoMode && inputs.bootstrapSelfManagedAddons !== false)
    yield {
      property: "bootstrapSelfManagedAddons",
      reason: "bootstrapSelfManagedAddons must be false when EKS Auto Mode is enabled",
    };
  if (autoMode && list(compute.nodePools).length > 0 && compute.nodeRoleArn === undefined)
    yield { property: "computeConfig.nodeRoleArn", reason: "nodeRoleArn must be given with nodePools" };
}

function verifyCluster(situation: Situation): void {
  const { inputs, scope, old, cloud } = situation;
  const fail = (error: string) => refusal(`creating EKS Cluster (${inputs.name})`, "EKS: CreateCluster", 400, error);
  const subnets = list(record(inputs.vpcConfig).subnetIds).map((id) => {
    const subnet = neighbour(situation, SUBNET, id);
    if (!subnet) throw fail(`InvalidParameterException: The subnet ID '${id}' does not exist`);
    return subnet;
  });
  if (new Set(subnets.map(({ properties }) => properties.availabilityZone)).size < 2)
    throw fail("InvalidParameterException: Subnets specified must be in at least two different AZs");
  const role = text(inputs.roleArn)?.split("/").at(-1);
  if (!cloud.find("aws:iam/role:Role", ({ id }) => id === role))
    throw fail(`InvalidParameterException: The role with name ${role} cannot be found.`);
  for (const encryption of [record(inputs.encryptionConfig)])
    checkKeyRegion("creating EKS Cluster", record(encryption.provider).keyArn, scope.region);
  const [was, is] = [old?.inputs.version, inputs.version].map((version) => Number(text(version)?.split(".")[1]));
  if (was !== undefined && is !== undefined && is < was)
    throw fail(`InvalidParameterException: unsupported Kubernetes version update from 1.${was} to 1.${is}`);
  if (was !== undefined && is !== undefined && is > was + 1)
    throw fail(`InvalidParameterException: Unsupported Kubernetes minor version update from 1.${was} to 1.${is}`);
}

/** Returns a placeholder for a certificate authority: base64 of a PEM block whose content is not a certificate. */
function certificateAuthority(name: string, region: string): string {
  const body = Buffer.from(hashOf(64, name, region)).toString("base64");
  return Buffer.from(`-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`).toString("base64");
}

/**
 * Returns the endpoint of a real cluster, for tests that give the Kubernetes provider one. The file in
 * LANGFLOW_DR_LOCAL_CLUSTERS contains these clusters by name.
 */
function reached(name: string): { endpoint: string; certificateAuthority: string } | undefined {
  const file = process.env.LANGFLOW_DR_LOCAL_CLUSTERS;
  return file ? JSON.parse(readFileSync(file, "utf8"))[name] : undefined;
}

function requireCluster(situation: Situation): void {
  const name = situation.inputs.clusterName;
  if (neighbour(situation, CLUSTER, name)) return;
  throw refusal(
    `creating ${situation.type}`,
    "EKS",
    404,
    `ResourceNotFoundException: No cluster found for name: ${name}.`,
  );
}

/** Throws if a resource that a cluster may have only once already exists. */
function requireSingle(situation: Situation, properties: readonly string[]): void {
  const { inputs, cloud, type, scope, old } = situation;
  if (old) return;
  const taken = cloud.find(
    type,
    (other) =>
      other.properties.region === scope.region &&
      properties.every((property) => other.inputs[property] === inputs[property]),
  );
  if (taken)
    throw refusal(
      `creating ${type}`,
      "EKS",
      409,
      "ResourceInUseException: The specified resource is already in use on this cluster.",
    );
}

function* jsonProblems(property: string, value: unknown): Iterable<Problem> {
  const source = text(value);
  if (source === undefined) return;
  try {
    JSON.parse(source);
  } catch {
    yield { property, reason: `"${property}" contains an invalid JSON` };
  }
}

export const eks: Record<string, Behaviour> = {
  [CLUSTER]: {
    naming: {
      property: "name",
      max: 100,
      pattern: /^[0-9A-Za-z][0-9A-Za-z_-]*$/,
      unique: "region",
      taken: (name) =>
        refusal(
          `creating EKS Cluster (${name})`,
          "EKS: CreateCluster",
          409,
          `ResourceInUseException: Cluster already exists with name: ${name}`,
        ).message,
    },
    replaces: [
      "roleArn",
      "outpostConfig",
      "bootstrapSelfManagedAddons",
      "accessConfig.bootstrapClusterCreatorAdminPermissions",
      "encryptionConfig.provider.keyArn",
    ],
    defaults: { bootstrapSelfManagedAddons: true, deletionProtection: false },
    check: autoModeFaults,
    verify: verifyCluster,
    remove({ inputs, id }) {
      if (inputs.deletionProtection === true)
        throw refusal(
          `deleting EKS Cluster (${id})`,
          "EKS: DeleteCluster",
          400,
          `InvalidRequestException: Cluster ${id} has deletion protection enabled`,
        );
    },
    follows: async (situation) => {
      if (list(situation.inputs.enabledClusterLogTypes).length > 0)
        await writeLogs(situation, `/aws/eks/${situation.id}/cluster`);
    },
    id: ({ inputs }) => text(inputs.name) ?? "",
    attributes(situation) {
      const { id, inputs, scope, old, cloud } = situation;
      const hash = hashOf(32, scope.account, scope.region, id).toUpperCase();
      const real = reached(id);
      const [first] = list(record(inputs.vpcConfig).subnetIds);
      const group = record(old?.properties.vpcConfig).clusterSecurityGroupId ?? `sg-0${hex(16)}`;
      return {
        arn: arn(scope, "eks", `cluster/${id}`),
        endpoint: real?.endpoint ?? `https://${hash}.gr7.${scope.region}.eks.amazonaws.com`,
        certificateAuthority: { data: real?.certificateAuthority ?? certificateAuthority(id, scope.region) },
        createdAt: old?.properties.createdAt ?? now(),
        identities: [{ oidcs: [{ issuer: `https://oidc.eks.${scope.region}.amazonaws.com/id/${hash}` }] }],
        platformVersion: "eks.1",
        status: "ACTIVE",
        version: inputs.version ?? NEWEST,
        kubernetesNetworkConfig: {
          ipFamily: "ipv4",
          serviceIpv4Cidr: "172.20.0.0/16",
          ...record(inputs.kubernetesNetworkConfig),
        },
        vpcConfig: {
          endpointPrivateAccess: false,
          endpointPublicAccess: true,
          publicAccessCidrs: ["0.0.0.0/0"],
          ...record(inputs.vpcConfig),
          clusterSecurityGroupId: group,
          vpcId: cloud.find(SUBNET, (subnet) => subnet.id === first)?.inputs.vpcId ?? "",
        },
      };
    },
  },
  "aws:eks/addon:Addon": {
    replaces: ["clusterName", "addonName"],
    check: ({ inputs }) => jsonProblems("configurationValues", inputs.configurationValues),
    verify(situation) {
      requireCluster(situation);
      requireSingle(situation, ["clusterName", "addonName"]);
    },
    awaits: () => wait(atPace(ADDON_SECONDS)),
    id: ({ inputs }) => `${inputs.clusterName}:${inputs.addonName}`,
    attributes: ({ inputs, scope, id, old }) => ({
      arn: arn(scope, "eks", `addon/${inputs.clusterName}/${inputs.addonName}/${hashOf(32, id)}`),
      addonVersion: inputs.addonVersion ?? "v1.0.0-eksbuild.1",
      createdAt: old?.properties.createdAt ?? now(),
      modifiedAt: now(),
    }),
  },
  [ENTRY]: {
    replaces: ["clusterName", "principalArn", "type"],
    defaults: { type: "STANDARD", kubernetesGroups: [] },
    verify(situation) {
      requireCluster(situation);
      requireSingle(situation, ["clusterName", "principalArn"]);
    },
    id: ({ inputs }) => `${inputs.clusterName}:${inputs.principalArn}`,
    attributes: ({ inputs, scope, id, old }) => ({
      accessEntryArn: arn(scope, "eks", `access-entry/${inputs.clusterName}/${hashOf(32, id)}`),
      createdAt: old?.properties.createdAt ?? now(),
      modifiedAt: now(),
      userName: inputs.userName ?? inputs.principalArn,
    }),
  },
  [ACCESS_POLICY]: {
    replaces: ["accessScope", "clusterName", "policyArn", "principalArn"],
    verify(situation) {
      requireCluster(situation);
      const { clusterName, principalArn } = situation.inputs;
      if (!neighbour(situation, ENTRY, `${clusterName}:${principalArn}`))
        throw new CloudError(
          `creating EKS Access Policy Association: ResourceNotFoundException: The specified principalArn could not be found. You can view your available access entries with 'aws eks list-access-entries': ${principalArn}`,
        );
    },
    id: ({ inputs }) => `${inputs.clusterName}#${inputs.principalArn}#${inputs.policyArn}`,
    attributes: () => ({ associatedAt: now(), modifiedAt: now() }),
  },
  [POD_IDENTITY]: {
    replaces: ["clusterName", "namespace", "serviceAccount"],
    verify(situation) {
      requireCluster(situation);
      requireSingle(situation, ["clusterName", "namespace", "serviceAccount"]);
    },
    id: () => `a-${hex(17)}`,
    attributes: ({ inputs, scope, id }) => ({
      associationId: id,
      associationArn: arn(scope, "eks", `podidentityassociation/${inputs.clusterName}/${id}`),
      externalId: hashOf(32, id),
    }),
  },
};
