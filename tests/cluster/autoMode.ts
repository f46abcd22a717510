/**
 * Objects that EKS Auto Mode and our add-ons put into a new cluster before our own, as far as objects can represent
 * them.
 */
import { parse } from "yaml";
import type { Manifest } from "../langflow";
import { findDefinitions } from "./tools";

const text = { type: "string" };
const texts = { type: "object", additionalProperties: text };
const listOf = (items: object) => ({ type: "array", items });
const struct = (properties: Record<string, object>) => ({ type: "object", properties });
const selected = listOf(struct({ id: text, name: text, tags: texts }));

/**
 * Fields of a NodeClass according to the EKS user guide, "Create a Node Class for Amazon EKS", because AWS does not
 * publish the definition. The API server refuses any other field.
 */
const NODE_CLASS: Manifest = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "nodeclasses.eks.amazonaws.com" },
  spec: {
    group: "eks.amazonaws.com",
    scope: "Cluster",
    names: { kind: "NodeClass", listKind: "NodeClassList", plural: "nodeclasses", singular: "nodeclass" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: struct({
            spec: struct({
              role: text,
              instanceProfile: text,
              subnetSelectorTerms: selected,
              securityGroupSelectorTerms: selected,
              podSubnetSelectorTerms: selected,
              podSecurityGroupSelectorTerms: selected,
              capacityReservationSelectorTerms: selected,
              snatPolicy: { ...text, enum: ["Random", "Disabled"] },
              networkPolicy: { ...text, enum: ["DefaultAllow", "DefaultDeny"] },
              networkPolicyEventLogs: { ...text, enum: ["Enabled", "Disabled"] },
              ephemeralStorage: struct({
                size: text,
                iops: { type: "integer" },
                throughput: { type: "integer" },
                kmsKeyID: text,
              }),
              tags: texts,
            }),
          }),
        },
      },
    ],
  },
};

/** Returns the definitions of the kinds that our manifests use and that are not part of Kubernetes. */
export async function customKinds(): Promise<Manifest[]> {
  return [...(await findDefinitions()).map((yaml) => parse(yaml) as Manifest), NODE_CLASS];
}

/** CSI drivers of the add-ons. Neither needs to attach a volume to a node. */
const DRIVERS: Manifest[] = ["efs.csi.aws.com", "secrets-store.csi.k8s.io"].map((name) => ({
  apiVersion: "storage.k8s.io/v1",
  kind: "CSIDriver",
  metadata: { name },
  spec: {
    attachRequired: false,
    podInfoOnMount: true,
    volumeLifecycleModes: [name.startsWith("efs") ? "Persistent" : "Ephemeral"],
  },
}));

/**
 * Capacity of a node: a common instance size, and the disk size that the program requests
 * (components/cluster/ClusterNodes.ts) minus the system's share.
 */
const ROOM = { cpu: "8", memory: "30Gi", pods: "58", "ephemeral-storage": "75Gi" };

/** Returns one node per zone, with the labels that our pods select. */
const nodes = (awsRegion: string): Manifest[] =>
  ["a", "b", "c"].map((zone) => {
    const name = `node-${zone}`;
    return {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name,
        labels: {
          "kubernetes.io/os": "linux",
          "kubernetes.io/arch": "amd64",
          "kubernetes.io/hostname": name,
          "topology.kubernetes.io/region": awsRegion,
          "topology.kubernetes.io/zone": `${awsRegion}${zone}`,
          "karpenter.sh/nodepool": "general",
        },
      },
      status: { capacity: ROOM, allocatable: ROOM },
    };
  });

const CREDENTIALS = [
  ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"],
  [
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
  ],
];

/** Returns a CEL expression that adds the environment variables of EKS Pod Identity to each container of a list. */
const given = (field: "containers" | "initContainers") => {
  const type = `Object.spec.${field}`;
  const env = CREDENTIALS.map(([name, value]) => `${type}.env{name: "${name}", value: "${value}"}`);
  return `${field}: object.spec.?${field}.orValue([]).map(c, ${type}{name: c.name, env: [${env.join(", ")}]})`;
};

const IDENTITY = { name: "pod-identity" };

/**
 * Returns a policy that emulates the webhook of EKS Pod Identity: it adds credentials to pods of these ServiceAccounts
 * at
 * admission.
 */
const identities = (namespace: string): Manifest[] => [
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingAdmissionPolicy",
    metadata: IDENTITY,
    spec: {
      failurePolicy: "Fail",
      reinvocationPolicy: "Never",
      matchConstraints: {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        resourceRules: [
          { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"], scope: "Namespaced" },
        ],
      },
      mutations: [
        {
          patchType: "ApplyConfiguration",
          applyConfiguration: {
            expression: `Object{spec: Object.spec{${given("containers")}, ${given("initContainers")}}}`,
          },
        },
      ],
    },
  },
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingAdmissionPolicyBinding",
    metadata: IDENTITY,
    spec: { policyName: IDENTITY.name },
  },
];

/** Returns a pod with the credentials of EKS Pod Identity, for tests without that policy. */
export function withIdentity(pod: Manifest): Manifest {
  const credentials = CREDENTIALS.map(([name, value]) => ({ name, value }));
  const giving = (containers: { env?: object[] }[] = []) =>
    containers.map((each) => ({ ...each, env: [...(each.env ?? []), ...credentials] }));
  const { containers, initContainers, ...spec } = pod.spec;
  return {
    ...pod,
    spec: {
      ...spec,
      containers: giving(containers),
      ...(initContainers && { initContainers: giving(initContainers) }),
    },
  };
}

/** Returns all these objects except the custom kinds, in the order in which they are created. */
export const surroundings = (awsRegion: string, namespace: string): Manifest[] => [
  ...DRIVERS,
  ...nodes(awsRegion),
  ...identities(namespace),
];
