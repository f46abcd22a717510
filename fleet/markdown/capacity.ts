import { described } from "../../config/capacity";
import { type Capacity, shortages } from "../../model/capacity";
import type { Change } from "../engine/changes";
import { code, markdownTable } from "../report/markdown";
import { amount, chapter, sentences } from "../report/report";
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

const tableOf = (capacity: readonly Capacity[]): string =>
  markdownTable(
    chapter("Capacity", capacity, {
      region: ({ region }) => sentences(code(region)),
      database: ({ instanceClass }) => sentences(code(instanceClass)),
      "connections at rest": ({ connections }) => connections.needs.atRest,
      maximum: ({ connections }) => connections.needs.atMost,
      "while pods roll": ({ connections }) => connections.needs.rolling,
      "after a region's loss": ({ connections }) => connections.needs.afterLoss,
      available: ({ connections }) => connections.available ?? "unknown",
      "pods after a region's loss": ({ podsAfterLoss, replicas }) => amount(`${podsAfterLoss} of ${replicas.max}`),
      cores: ({ cores }) => amount(`${Math.ceil(cores.needs.rolling)} of ${cores.available}`),
      memory: ({ memoryGib: { needs, available } }) => amount(`${Math.ceil(needs.rolling)} of ${available} GiB`),
    }),
  );
