import { described } from "../../config/capacity";
import { type Capacity, shortages } from "../../model/capacity";
import type { Change } from "../engine/changes";
import type { StackRun } from "../stacks/stackRun";

/** Properties that determine the capacity, by resource type. */
const DECIDING: ReadonlyMap<string, RegExp> = new Map([
  ["kubernetes:autoscaling/v2:HorizontalPodAutoscaler", /^spec\.(min|max)Replicas$/],
  ["kubernetes:apps/v1:Deployment", /\.resources(\.requests)?(\.(cpu|memory))?$/],
  ["kubernetes:core/v1:ConfigMap", /LANGFLOW_(DB_CONNECTION_SETTINGS|KNOWLEDGE_BASE_STORAGE_POOL_SIZE)/],
  ["aws:rds/instance:Instance", /^instanceClass$/],
  ["cloudflare:index/loadBalancer:LoadBalancer", /^steeringPolicy$/],
]);

/** Creating or deleting this resource adds or removes a region, which changes the capacity of every other region. */
const OF_A_REGION = "aws:rds/instance:Instance";

/**
 * Renders each region's capacity as a Markdown chapter. Empty if no change affects the capacity and nothing is short.
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
  "| region | database | connections at rest | maximum | while pods roll | after a region's loss | available | pods after a region's loss | cores | memory |",
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
