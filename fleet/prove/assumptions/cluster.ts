import { z } from "zod";
import { NAMESPACE } from "../../../model/langflow";
import { READERS_GROUP } from "../../../model/readableKinds";
import {
  answered,
  type Deployment,
  differences,
  foundationOf,
  onlyProblem,
  outputsOf,
  type RegionAssumption,
  type RegionStack,
} from "../assumption";

/** Environment variable that EKS pod identity adds to a container. */
const CREDENTIALS = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const ADDONS = ["aws-efs-csi-driver", "aws-secrets-store-csi-driver-provider", "metrics-server"];
/** Audience of the service account tokens with which the secrets add-on fetches a pod's secrets. */
const AUDIENCE = "pods.eks.amazonaws.com";

const health = z.object({ issues: z.array(z.object({ code: z.string(), message: z.string() })).default([]) });
const enabled = z.object({ enabled: z.boolean() });
const clusterShape = z.object({
  cluster: z.object({
    status: z.string(),
    computeConfig: enabled,
    kubernetesNetworkConfig: z.object({ elasticLoadBalancing: enabled }),
    storageConfig: z.object({ blockStorage: enabled }),
    accessConfig: z.object({ authenticationMode: z.string() }),
    encryptionConfig: z.array(z.object({ provider: z.object({ keyArn: z.string() }), resources: z.array(z.string()) })),
    deletionProtection: z.boolean().default(false),
    health: health.default({ issues: [] }),
  }),
});

const cluster: RegionAssumption = {
  name: "cluster",
  of: "region",
  why: "EKS decides the Auto Mode settings, secrets encryption and access modes; only its API shows them",
  fix: "compare with `aws eks describe-cluster`; run `drift` to list manual changes, and `up` to revert them",
  async look(deployment, stack) {
    const { cluster: is } = answered(clusterShape, "the cluster", await eks(deployment, stack, "describe-cluster"));
    const secrets = is.encryptionConfig.find(({ resources }) => resources.includes("secrets"));
    const problems = differences("cluster", {
      status: [is.status, "ACTIVE"],
      "Auto Mode's nodes": [is.computeConfig.enabled, true],
      "Auto Mode's load balancing": [is.kubernetesNetworkConfig.elasticLoadBalancing.enabled, true],
      "Auto Mode's block storage": [is.storageConfig.blockStorage.enabled, true],
      "authentication mode": [is.accessConfig.authenticationMode, "API"],
      "key for secrets": [secrets?.provider.keyArn, foundationOf(deployment, stack).keyArn],
      "deletion protection": [is.deletionProtection, stack.own.deletionProtection],
    });
    return {
      summary: "active, in Auto Mode, secrets encrypted with the region's key",
      problems: [...problems, ...said(is.health)],
    };
  },
};

const addonShape = z.object({ addon: z.object({ status: z.string(), health: health.default({ issues: [] }) }) });

const addons: RegionAssumption = {
  name: "add-ons",
  of: "region",
  why: "the secrets add-on must become active before the first node exists; EKS' documentation does not promise it",
  fix: "run `aws eks describe-addon` to see what is missing; if the add-on's pods do not start, check them in kube-system",
  async look(deployment, stack) {
    const listed = await eks(deployment, stack, "list-addons");
    const { addons: names } = answered(z.object({ addons: z.array(z.string()) }), "the list of add-ons", listed);
    const missing = ADDONS.filter((name) => !names.includes(name)).map((name) => `${name} is not installed`);
    const problems = await Promise.all(
      ADDONS.filter((name) => names.includes(name)).map(async (addonName) => {
        const answer = await eks(deployment, stack, "describe-addon", { addonName });
        const { addon } = answered(addonShape, addonName, answer);
        return [...differences(addonName, { status: [addon.status, "ACTIVE"] }), ...said(addon.health)];
      }),
    );
    return { summary: `${ADDONS.length} active`, problems: [...missing, ...problems.flat()] };
  },
};

const driverShape = z.object({ tokenRequests: z.array(z.object({ audience: z.string() })).default([]) });

const secretsDriver: RegionAssumption = {
  name: "secrets driver",
  of: "region",
  why: "pods get their secrets by pod identity only if the secrets add-on configures `tokenRequests` in its driver",
  fix: "compare the add-on's version with its release notes, and its configuration with `aws eks describe-addon-configuration`",
  async look({ clouds }, { region }) {
    const drivers = await clouds.objects(region.name, "csidrivers.storage.k8s.io");
    const driver = drivers.find(({ metadata }) => metadata.name === "secrets-store.csi.k8s.io");
    if (!driver) return onlyProblem("the cluster has no CSI driver secrets-store.csi.k8s.io");
    const { tokenRequests } = answered(driverShape, "the secrets driver", driver.spec);
    const audiences = tokenRequests.map(({ audience }) => audience);
    const problems = audiences.includes(AUDIENCE)
      ? []
      : [`the CSI driver requests no tokens for ${AUDIENCE}, only for: ${audiences.join(", ") || "none"}`];
    return { summary: `requests tokens for ${AUDIENCE}`, problems };
  },
};

const associationsShape = z.object({
  associations: z.array(z.object({ namespace: z.string(), serviceAccount: z.string() })),
});
const podSpecShape = z.object({ serviceAccountName: z.string() });
const deploymentShape = z.object({ template: z.object({ spec: podSpecShape }) });
const cronJobShape = z.object({ jobTemplate: z.object({ spec: deploymentShape }) });

/** Returns the ServiceAccounts that need a role: the EFS driver's, and that of each workload. */
async function identitiesMeant({ clouds }: Deployment, { region }: RegionStack): Promise<string[]> {
  const of = (kind: "deployments.apps" | "cronjobs.batch") =>
    clouds.objects(region.name, kind).then((found) => found.filter((each) => each.metadata.namespace === NAMESPACE));
  const deployments = (await of("deployments.apps")).map(({ spec }) => answered(deploymentShape, "a Deployment", spec));
  const cronJobs = (await of("cronjobs.batch")).map(({ spec }) => answered(cronJobShape, "a CronJob", spec));
  const templates = [...deployments, ...cronJobs.map(({ jobTemplate }) => jobTemplate.spec)];
  const accounts = templates.map(({ template }) => `${NAMESPACE}/${template.spec.serviceAccountName}`);
  return [...new Set(["kube-system/efs-csi-node-sa", ...accounts])].sort();
}

const podIdentities: RegionAssumption = {
  name: "pod identities",
  of: "region",
  why: "pods get AWS credentials from pod identity associations, which EKS stores outside of the cluster",
  fix: "run `up` to create a missing association; then restart the pods that started before it",
  async look(deployment, stack) {
    const answer = await eks(deployment, stack, "list-pod-identity-associations");
    const { associations } = answered(associationsShape, "the list of associations", answer);
    const associated = new Set<string>(associations.map((each) => `${each.namespace}/${each.serviceAccount}`));
    const meant = await identitiesMeant(deployment, stack);
    const problems = meant.filter((each) => !associated.has(each)).map((each) => `${each} has no role`);
    return { summary: `${meant.length} ServiceAccounts have a role`, problems };
  },
};

const podShape = z.object({
  nodeName: z.string().optional(),
  containers: z.array(z.object({ env: z.array(z.object({ name: z.string() })).default([]) })),
});

const podCredentials: RegionAssumption = {
  name: "credentials in pods",
  of: "region",
  why: "EKS adds credentials only when it admits a pod; if the association came seconds later, the pod has none",
  fix: "restart the named pods (`kubectl rollout restart`); the admission policy should have rejected them",
  async look(deployment, stack) {
    const pods = (await deployment.clouds.objects(stack.region.name, "pods")).filter(
      ({ metadata: { namespace, name } }) =>
        namespace === NAMESPACE || (namespace === "kube-system" && name.startsWith("efs-csi-node-")),
    );
    if (pods.length === 0) return onlyProblem("the cluster has no LangFlow pods");
    const problems = pods
      .filter(({ spec }) => {
        const { containers } = answered(podShape, "a pod", spec);
        return !containers.some(({ env }) => env.some(({ name }) => name === CREDENTIALS));
      })
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name} has no AWS credentials`);
    const role = `langflow-dr-${stack.region.name}-langflow`;
    const caller = await deployment.clouds.inLangFlow(stack.region.name, WHO_AM_I);
    if (!caller.includes(`:assumed-role/${role}/`))
      problems.push(`LangFlow's pod has the identity ${caller.trim()}, not ${role}`);
    return { summary: `${pods.length} pods have credentials; LangFlow's role is ${role}`, problems };
  },
};

/** Prints the pod's AWS identity. LangFlow's image contains botocore for files in S3. */
const WHO_AM_I =
  "import botocore.session as b; print(b.get_session().create_client('sts').get_caller_identity()['Arn'])";

const POLICIES = [`${NAMESPACE}-images`, `${NAMESPACE}-identities`];
const policyShape = z.object({ failurePolicy: z.string() });
const bindingShape = z.object({ policyName: z.string(), validationActions: z.array(z.string()) });

const admissionRules: RegionAssumption = {
  name: "admission rules",
  of: "region",
  why: "a policy without a binding, or with a binding that only warns, rejects nothing",
  fix: "run `up` to restore policies and bindings; the cluster's audit log shows who removed them",
  async look({ clouds }, { region }) {
    const suffix = "admissionregistration.k8s.io" as const;
    const policies = await clouds.objects(region.name, `validatingadmissionpolicies.${suffix}`);
    const bindings = (await clouds.objects(region.name, `validatingadmissionpolicybindings.${suffix}`)).map(
      ({ spec }) => answered(bindingShape, "a binding", spec),
    );
    const problems = POLICIES.flatMap((name) => {
      const policy = policies.find(({ metadata }) => metadata.name === name);
      if (!policy) return [`the policy ${name} does not exist`];
      const denies = bindings.some((each) => each.policyName === name && each.validationActions.includes("Deny"));
      const { failurePolicy } = answered(policyShape, name, policy.spec);
      return [
        ...differences(name, { failurePolicy: [failurePolicy, "Fail"] }),
        ...(denies ? [] : [`the policy ${name} has no binding with the action Deny`]),
      ];
    });
    return { summary: `${POLICIES.join(" and ")} deny violations`, problems };
  },
};

const admission: RegionAssumption = {
  name: "admission in force",
  of: "region",
  why: "this cluster's Kubernetes version must accept the policies' expressions, as the tested version does",
  fix: "run `kubectl get validatingadmissionpolicy -o yaml`: the status shows expression errors",
  async look({ clouds }, { region }) {
    const refused = await clouds.refusal(region.name, strangersPod());
    const problems =
      refused === undefined
        ? ["the cluster would admit a pod whose image is from a foreign registry and has no digest"]
        : [];
    return { summary: `the cluster rejects a pod with a foreign image: ${refused?.split("\n")[0]}`, problems };
  },
};

/** Returns a pod with a foreign image. It satisfies every other admission rule of the namespace. */
function strangersPod(): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "prove", namespace: NAMESPACE },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "prove",
          image: "registry.k8s.io/pause:3.10",
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        },
      ],
    },
  };
}

const readers: RegionAssumption = {
  name: "readers",
  of: "region",
  why: "EKS access groups and Kubernetes roles together decide what the preview and drift roles may read",
  fix: "compare the ClusterRoles that bind the group with components/cluster/ClusterReaders.ts; remove the others",
  async look({ clouds }, { region }) {
    const may = (verb: string, kind: "deployments.apps" | "secrets") =>
      clouds.mayDo(region.name, READERS_GROUP, verb, kind);
    const problems = [
      ...((await may("get", "deployments.apps")) ? [] : ["they may not read Deployments, so `drift` fails"]),
      ...((await may("get", "secrets")) ? ["they may read Secrets"] : []),
      ...((await may("patch", "deployments.apps")) ? ["they may change Deployments"] : []),
    ];
    return { summary: "may read Deployments; may not read Secrets or change Deployments", problems };
  },
};

const spreadShape = z.object({
  template: z.object({
    spec: z.object({
      topologySpreadConstraints: z
        .array(z.object({ topologyKey: z.string(), whenUnsatisfiable: z.string(), minDomains: z.number().optional() }))
        .default([]),
    }),
  }),
});
const ZONE = "topology.kubernetes.io/zone";
const ZONES = 2;

const spread: RegionAssumption = {
  name: "spread over zones",
  of: "region",
  why: "without the constraint the scheduler may place both pods in one zone, and a zone outage becomes a region outage",
  fix: "run `up` to restore the constraint, which recreates the pods",
  async look({ clouds }, { region, own }) {
    const name = `langflow-${region.name}`;
    const found = (await clouds.objects(region.name, "deployments.apps")).find(
      ({ metadata }) => metadata.name === name,
    );
    if (!found) return onlyProblem(`the cluster has no Deployment ${name}`);
    const { topologySpreadConstraints } = answered(spreadShape, name, found.spec).template.spec;
    const byZone = topologySpreadConstraints.find(({ topologyKey }) => topologyKey === ZONE);
    const unspread = own.replicas.spread === "none";
    if (unspread && !byZone)
      return { summary: `${name} may run in one zone, because replicas.spread is none`, problems: [] };
    const problems = differences("spread over zones", {
      whenUnsatisfiable: [byZone?.whenUnsatisfiable, unspread ? undefined : "DoNotSchedule"],
      minDomains: [byZone?.minDomains, unspread ? undefined : ZONES],
    });
    return { summary: `${name} requires ${ZONES} zones`, problems };
  },
};

const zones: RegionAssumption = {
  name: "zones of pods",
  of: "region",
  why: "the scheduler and Auto Mode decide in which zones the pods run",
  fix: "check the pods' events; if a zone has no capacity, add an instance type to the NodePool",
  async look({ clouds }, { region, own }) {
    const named = (await clouds.objects(region.name, "nodes")).map(({ metadata }) => [
      metadata.name,
      answered(z.object({ labels: z.record(z.string(), z.string()) }), "a node", metadata).labels[ZONE],
    ]);
    const nodes = new Map(named as [string, string | undefined][]);
    const pods = (await clouds.objects(region.name, "pods")).filter(({ metadata }) =>
      metadata.name.startsWith(`langflow-${region.name}-`),
    );
    const found = new Set(pods.map(({ spec }) => nodes.get(answered(podShape, "a pod", spec).nodeName ?? "")));
    found.delete(undefined);
    const least = own.replicas.spread === "none" ? 1 : ZONES;
    const problems =
      found.size >= least ? [] : [`${pods.length} pods run in ${found.size} zone only: ${[...found].join(", ")}`];
    return { summary: `${pods.length} pods in ${[...found].sort().join(", ")}`, problems };
  },
};

/** Tries to connect to the node's metadata service and to port 80 of an internet host; prints what it reached. */
const REACHES = `
import socket
for host, port in (("169.254.169.254", 80), ("1.1.1.1", 80)):
    s = socket.socket(); s.settimeout(3)
    try:
        s.connect((host, port)); print(f"{host}:{port}")
    except OSError:
        pass
    finally:
        s.close()
`;

const isolation: RegionAssumption = {
  name: "network isolation",
  of: "region",
  why: "network policies work only if Auto Mode's agent on each node enforces them",
  fix: "check the output of `kubectl get networkpolicy -n langflow`, and the ConfigMap in kube-system that enables the controller",
  async look({ clouds }, { region }) {
    const reached = (await clouds.inLangFlow(region.name, REACHES)).trim().split("\n").filter(Boolean);
    const problems = reached.map((each) => `LangFlow's pod can connect to ${each}`);
    return {
      summary: "LangFlow's pod cannot connect to the node's metadata service or to port 80 on the internet",
      problems,
    };
  },
};

/** Assumptions about the cluster, its permissions and its policies. */
export const CLUSTER: readonly RegionAssumption[] = [
  cluster,
  addons,
  secretsDriver,
  podIdentities,
  podCredentials,
  admissionRules,
  admission,
  readers,
  spread,
  zones,
  isolation,
];

function eks(deployment: Deployment, stack: RegionStack, operation: string, more: object = {}): Promise<unknown> {
  const { clusterName } = outputsOf(deployment, stack);
  const parameter = operation === "describe-cluster" ? { name: clusterName } : { clusterName };
  return deployment.clouds.aws(stack.region.awsRegion, "eks", operation, { ...parameter, ...more });
}

function said({ issues }: z.infer<typeof health>): string[] {
  return issues.map(({ code, message }) => `${code}: ${message}`);
}
