import { described } from "../../config/capacity";
import { type Capacity, shortages } from "../../model/capacity";
import { type CheckResult, ok, warning } from "../checks/checkResult";

/** Checks a region's capacity. The config's validation has already rejected impossible values. */
export function capacityVerdict(capacity: Capacity): CheckResult {
  const short = shortages(capacity).map((shortage) => described(shortage, capacity));
  const finding = [...short.map((each) => each.finding), ...figures(capacity)].join("\n");
  return short.length > 0 ? warning(finding, short.map(({ fix }) => fix).join("\n")) : ok(finding);
}

function figures({ connections, replicas, podsAfterLoss, instanceClass, cores, memoryGib }: Capacity): string[] {
  const { atRest, atMost, rolling, afterLoss } = connections.needs;
  const most = connections.available ?? "an unknown number";
  return [
    `database connections: ${atRest} at rest, ${atMost} at most, ${rolling} while pods roll, ${afterLoss} after another region's loss; ${instanceClass} allows ${most}`,
    `pods after another region's loss: ${podsAfterLoss}, maximum ${replicas.max}`,
    `nodes while pods roll: ${Math.ceil(cores.needs.rolling)} cores of ${cores.available}, ${Math.ceil(memoryGib.needs.rolling)} GiB of ${memoryGib.available}`,
  ];
}
