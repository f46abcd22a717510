import { longestGapSeconds } from "../model/backupGap";
import { kubernetesSupport, NEWEST_KUBERNETES } from "../model/kubernetesVersions";
import { PROJECT } from "../model/names";
import type { StackConfig } from "./parse";

const SECONDS_PER_DAY = 86_400;

/** What does not hold between the files of several stacks, as pairs of a stack and a line for its file. */
export function* problemsAcross(stacks: ReadonlyMap<string, StackConfig>): Generator<[stack: string, problem: string]> {
  const foundation = stacks.get("foundation");
  if (foundation?.kind !== "foundation") return;
  const { backupRetentionDays } = foundation.own;
  for (const [stack, config] of stacks) {
    const schedule = config.kind === "region" ? config.own.backup.schedule : undefined;
    const days = schedule === undefined ? 1 : Math.ceil(longestGapSeconds(schedule) / SECONDS_PER_DAY);
    if (days > backupRetentionDays)
      yield [
        stack,
        `${PROJECT}:backup.schedule is ${JSON.stringify(schedule)}; must come at least every ${backupRetentionDays} days, after which the foundation's backupRetentionDays deletes a backup: up to ${days} days pass between two`,
      ];
  }
}

/** What is newer than what is known here, one line each: it may be right, and nobody has looked. */
export function newerThanKnown(stacks: ReadonlyMap<string, StackConfig>): string[] {
  return [...stacks].flatMap(([stack, config]) => {
    if (config.kind !== "region" || kubernetesSupport(config.own.cluster.version) !== "newer") return [];
    return `Pulumi.${stack}.yaml: ${PROJECT}:cluster.version is ${config.own.cluster.version}, newer than ${NEWEST_KUBERNETES}, the newest that is known here; see that EKS has it in this AWS region (\`aws eks describe-cluster-versions\`)`;
  });
}
