import { MOVE_IN_VARIABLES, SOURCE_SECRET_KEY } from "../../../model/moveIn";
import type { MoveInRun, Question } from "./importSource";

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string }[];
}

interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

/** Fields of a CronJob from the API server that this module reads. */
export interface CronJob {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly jobTemplate: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec: {
        readonly template: {
          readonly metadata?: object;
          readonly spec: PodSpec;
        };
      };
    };
  };
}

/** Returns the LangFlow image that runs the migration: registry, repository and digest. */
export function migratingImage({ spec }: CronJob): string | undefined {
  const { initContainers = [] } = spec.jobTemplate.spec.template.spec;
  return initContainers.find(({ name }) => name === "migrate-newest")?.image;
}

/**
 * Builds a Job from the CronJob for one package. The Job has the CronJob's name, so only one can exist at a time. It is
 * suspended until its Secret exists.
 */
export function moveInJob({ metadata, spec }: CronJob, { packageName, sha256, question }: MoveInRun): object {
  const { template, ...job } = spec.jobTemplate.spec;
  const told = [
    { name: MOVE_IN_VARIABLES.packageName, value: packageName },
    { name: MOVE_IN_VARIABLES.sha256, value: sha256 },
    ...(question ? [variableOf(question)] : []),
  ];
  const withTold = (container: Container) => ({ ...container, env: [...(container.env ?? []), ...told] });
  const { initContainers, containers } = question ? asking(template.spec, question) : template.spec;
  const pod = {
    ...template.spec,
    initContainers: initContainers?.map(withTold),
    containers: containers.map(withTold),
  };
  const { name, namespace } = metadata;
  const labels = spec.jobTemplate.metadata?.labels;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace, labels },
    spec: { ...job, suspend: true, template: { ...template, spec: pod } },
  };
}

/**
 * Keeps only the last container, which is the agent's and can reach the region's database, and makes it answer the
 * question.
 */
function asking({ containers }: PodSpec, { stage }: Question): Pick<PodSpec, "initContainers" | "containers"> {
  return {
    initContainers: [],
    containers: containers.map((container) => ({
      ...container,
      name: stage,
      command: ["agent", "move-in", stage],
    })),
  };
}

export const variableOf = (question: Question): { readonly name: string; readonly value: string } =>
  question.stage === "since"
    ? { name: MOVE_IN_VARIABLES.flows, value: `${question.withFlows}` }
    : { name: MOVE_IN_VARIABLES.asked, value: JSON.stringify(question.asked) };

/**
 * Builds the Secret with the source's secret key. The Job owns the Secret, so Kubernetes deletes both together. @param
 * uid uid of the Job
 */
export function moveInSecret({ metadata }: CronJob, uid: string, { secretKey }: MoveInRun): object {
  const { name, namespace } = metadata;
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid }] },
    immutable: true,
    stringData: { [SOURCE_SECRET_KEY]: secretKey },
  };
}
