import { longestGapSeconds } from "../model/backupGap";
import { kubernetesSupport, NEWEST_KUBERNETES } from "../model/kubernetesVersions";
import { PROJECT } from "../model/names";
import { neededSecrets } from "../observability/alertmanager";
import { writeSecrets } from "../observability/remoteWrite";
import type { StackConfig } from "./parse";
import type { FleetConfig } from "./schema";

const SECONDS_PER_DAY = 86_400;

/** Yields each inconsistency between several stacks' files, as a pair of a stack and a message. */
export function* problemsAcross(stacks: ReadonlyMap<string, StackConfig>): Generator<[stack: string, problem: string]> {
  const foundation = stacks.get("foundation");
  if (foundation?.kind !== "foundation") return;
  const { backupRetentionDays, alertingSecrets } = foundation.own;
  const missing = [...alertingSecretsOf(foundation.fleet.observability)].filter((name) => !(name in alertingSecrets));
  if (missing.length > 0)
    yield [
      "foundation",
      `${PROJECT}:alertingSecrets lacks ${missing.join(", ")}, which observability in Pulumi.yaml uses: run pulumi config set -s foundation --secret --path '${PROJECT}:alertingSecrets.${missing[0]}'`,
    ];
  for (const [stack, config] of stacks) {
    const schedule = config.kind === "region" ? config.own.backup.schedule : undefined;
    const days = schedule === undefined ? 1 : Math.ceil(longestGapSeconds(schedule) / SECONDS_PER_DAY);
    if (days > backupRetentionDays)
      yield [
        stack,
        `${PROJECT}:backup.schedule is ${JSON.stringify(schedule)}; must run at least every ${backupRetentionDays} days, because backups are deleted after backupRetentionDays of Pulumi.foundation.yaml; this schedule has up to ${days} days between two backups`,
      ];
  }
}

/** Returns the names of all secrets that alerts and remote write use, without duplicates. */
function alertingSecretsOf(observability: FleetConfig["observability"]): Set<string> {
  if (!observability) return new Set();
  const { receivers, deadMansSwitch, remoteWrite } = observability;
  const called = Object.values(deadMansSwitch?.secrets ?? {});
  return new Set([...neededSecrets({ receivers }), ...called, ...writeSecrets(remoteWrite)]);
}

/** Returns a message for each value that is newer than this release knows and therefore cannot be validated. */
export function newerThanKnown(stacks: ReadonlyMap<string, StackConfig>): string[] {
  return [...stacks].flatMap(([stack, config]) => {
    if (config.kind !== "region" || kubernetesSupport(config.own.cluster.version) !== "newer") return [];
    return `Pulumi.${stack}.yaml: ${PROJECT}:cluster.version is ${config.own.cluster.version}, newer than ${NEWEST_KUBERNETES}, the newest version this release knows; check that EKS has it in this AWS region (\`aws eks describe-cluster-versions\`)`;
  });
}
