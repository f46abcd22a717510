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

/** What of a CronJob is read, as the API server gives it. */
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

/** LangFlow's image by which the run migrates: registry, repository and digest. */
export function migratingImage({ spec }: CronJob): string | undefined {
  const { initContainers = [] } = spec.jobTemplate.spec.template.spec;
  return initContainers.find(({ name }) => name === "migrate-newest")?.image;
}

/**
 * A run of the CronJob, for one package, by the CronJob's own name: so there is one at a time. Suspended, until it has its Secret.
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

/** The last container alone, which is the agent's and reaches the region's database, at another stage. */
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

/** The secret key of the source, for a run alone: it goes with it. @param uid of the Job */
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
