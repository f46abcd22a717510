import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { AGENT_PATHS } from "./agent";
import { type AgentPodArgs, agentContainer, type Container, podToEnd } from "./agentPod";
import { DATABASE_URL } from "./databaseLogins";
import { MOVE_IN_VARIABLES, migrationsCommand, moveInName, SOURCE_SECRET_KEY } from "./moveIn";
import { type ContainerResources, RESTRICTED_CONTAINER, SECRETS_MOUNT } from "./podSecurity";

/** Resources of the agent's containers: they hold one segment of a package in memory, compressed and uncompressed. */
const AGENT_RESOURCES: ContainerResources = {
  requests: { cpu: "250m", memory: "512Mi", "ephemeral-storage": "64Mi" },
  limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1Gi" },
};

/** Resources of LangFlow's migrations, which import most of LangFlow's code. */
const MIGRATION_RESOURCES: ContainerResources = {
  requests: { cpu: "250m", memory: "1Gi", "ephemeral-storage": "64Mi" },
  limits: { cpu: "1", memory: "2Gi", "ephemeral-storage": "1Gi" },
};

export interface MoveInPodArgs extends AgentPodArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The region's LangFlow image: registry, repository and digest. A change takes effect at the next run. */
  langFlowImage: pulumi.Input<string>;
}

/**
 * Returns the pod template of an import of a packaged LangFlow. The containers run one after another and are never
 * retried. LangFlow's image works only on a scratch database next to the region's; only the last container writes to
 * the region.
 */
export function moveInPod(args: MoveInPodArgs): types.input.core.v1.PodTemplateSpec {
  const secretEnvironment = pulumi
    .output(args.secretEnvironment)
    .apply((variables) => [...variables, sourceKey(args, MOVE_IN_VARIABLES.secretKey)]);
  const agent = { ...args, secretEnvironment };
  const migrations = (name: string, to: "source" | "heads") => migrationsContainer(args, name, migrationsCommand(to));
  const volumes = [{ name: "temporary", emptyDir: { sizeLimit: "1Gi" } }];
  return podToEnd(agent, { container: stage("carry"), volumes }, [
    agentContainer(agent, stage("begin")),
    migrations("migrate-source", "source"),
    agentContainer(agent, stage("load")),
    migrations("migrate-newest", "heads"),
  ]);
}

/** The last log lines become the termination message, which the CLI shows if the run fails. */
const TELLS = { terminationMessagePolicy: "FallbackToLogsOnError" };

function stage(name: string): Container {
  return { ...TELLS, name, command: ["agent", "move-in", name], resources: AGENT_RESOURCES, volumeMounts: [] };
}

/**
 * Returns the variable with the source's secret key. A run that an operator created manually has no such Secret, and
 * its first container reports this; without `optional`, the pod would wait for the Secret until its deadline.
 */
function sourceKey({ region }: MoveInPodArgs, name: string): types.input.core.v1.EnvVar {
  return {
    name,
    valueFrom: { secretKeyRef: { name: moveInName(region), key: SOURCE_SECRET_KEY, optional: true } },
  };
}

function migrationsContainer(args: MoveInPodArgs, name: string, command: string[]): types.input.core.v1.Container {
  const { temporary } = AGENT_PATHS;
  const settings = Object.entries({
    HOME: temporary,
    LANGFLOW_CONFIG_DIR: temporary,
    LANGFLOW_LOG_LEVEL: "error",
    DO_NOT_TRACK: "true",
  }).map(([variable, value]) => ({ name: variable, value }));
  return {
    ...TELLS,
    name,
    image: args.langFlowImage,
    imagePullPolicy: "IfNotPresent",
    command,
    env: pulumi
      .output(args.secretEnvironment)
      .apply((variables) => [
        ...settings,
        ...variables.filter((variable) => variable.name === DATABASE_URL),
        sourceKey(args, "LANGFLOW_SECRET_KEY"),
      ]),
    resources: MIGRATION_RESOURCES,
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [{ name: "temporary", mountPath: temporary }, SECRETS_MOUNT],
  };
}
