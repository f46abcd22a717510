import { described } from "../../config/capacity";
import { type Capacity, shortages } from "../../model/capacity";
import type { Change } from "../engine/changes";
import type { StackRun } from "../stacks/stackRun";

/** By type of resource the properties that the figures follow from. */
const DECIDING: ReadonlyMap<string, RegExp> = new Map([
  ["kubernetes:autoscaling/v2:HorizontalPodAutoscaler", /^spec\.(min|max)Replicas$/],
  ["kubernetes:apps/v1:Deployment", /\.resources(\.requests)?(\.(cpu|memory))?$/],
  ["kubernetes:core/v1:ConfigMap", /LANGFLOW_(DB_CONNECTION_SETTINGS|KNOWLEDGE_BASE_STORAGE_POOL_SIZE)/],
  ["aws:rds/instance:Instance", /^instanceClass$/],
  ["cloudflare:index/loadBalancer:LoadBalancer", /^steeringPolicy$/],
]);

/** Whose coming or going changes the figures: with a region the users of all others go elsewhere. */
const OF_A_REGION = "aws:rds/instance:Instance";

/**
 * How much each region can carry, as a Markdown chapter: where a change is to one of the figures, or where something is
 * short. Empty otherwise.
 */
export function capacityChapter(capacity: readonly Capacity[], runs: readonly StackRun[]): string[] {
  const short = capacity.flatMap((each) =>
    shortages(each).map((shortage) => ({ region: each.region, ...described(shortage, each) })),
  );
  if (short.length === 0 && !runs.some(({ changes }) => changes.some(decides))) return [];
  const lines = short.map(({ region, finding, fix }) => `> - \`${region}\`: ${finding}; ${fix}`);
  return [
    ["### Capacity", ...(lines.length > 0 ? [["> [!WARNING]", ...lines].join("\n")] : []), tableOf(capacity)].join(
      "\n\n",
    ),
  ];
}

function decides({ type, operation, properties }: Change): boolean {
  if (type === OF_A_REGION && (operation === "create" || operation === "delete")) return true;
  return properties.some(({ path }) => DECIDING.get(type)?.test(path));
}

const HEAD = [
  "| region | database | connections at rest | at most | while pods roll | after a loss | available | pods after a loss | cores | memory |",
  "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
];

function tableOf(capacity: readonly Capacity[]): string {
  return [...HEAD, ...capacity.map(row)].join("\n");
}

function row({ region, instanceClass, connections, replicas, podsAfterLoss, cores, memoryGib }: Capacity): string {
  const { atRest, atMost, rolling, afterLoss } = connections.needs;
  const cells = [
    `\`${region}\``,
    `\`${instanceClass}\``,
    atRest,
    atMost,
    rolling,
    afterLoss,
    connections.available ?? "unknown",
    `${podsAfterLoss} of ${replicas.max}`,
    `${Math.ceil(cores.needs.rolling)} of ${cores.available}`,
    `${Math.ceil(memoryGib.needs.rolling)} of ${memoryGib.available} GiB`,
  ];
  return `| ${cells.join(" | ")} |`;
}
