import { z } from "zod";
import type { StackConfig } from "../../config/parse";
import { ExitCode } from "../../model/errors";
import { broken, type Check, type CheckResult, ok } from "../checks/checkResult";
import type { StackOutputs } from "../stacks/stackOutputs";
import type { Clouds } from "./clouds";

export type RegionStack = Extract<StackConfig, { kind: "region" }>;
type EdgeStack = Extract<StackConfig, { kind: "edge" }>;

/** The fleet under test: its config, and clients of its clouds. */
export interface Deployment {
  readonly clouds: Clouds;
  /** In order of preference. */
  readonly regions: readonly RegionStack[];
  readonly edge: EdgeStack;
  readonly outputs: StackOutputs;
  /** Names of the resources that a refreshing preview would change, by stack. */
  drifted(): Promise<readonly string[]>;
  /** How long each slow check waits. */
  readonly waits: Waits;
  /** Aborted when the user interrupts the command. */
  readonly signal: AbortSignal;
}

/** Timeouts, in milliseconds. */
export interface Waits {
  /** Until a new object exists in every other region: S3 replication time control promises 15 minutes. */
  readonly copyMs: number;
  /** Until a newly saved flow exists in every region. */
  readonly settleMs: number;
  /** How long the drain check sends requests after its pod has stopped. */
  readonly drainedMs: number;
}

export const WAITS: Waits = { copyMs: 16 * 60_000, settleMs: 30_000, drainedMs: 10_000 };

/** What a check of the deployed fleet observed. */
export interface Observation {
  /** One line, for a fleet without problems. */
  readonly summary: string;
  /** Every difference from the intended fleet, one line each. */
  readonly problems: readonly string[];
}

/** Returns the observation of a single problem that leaves nothing else to check. */
export const onlyProblem = (problem: string): Observation => ({ summary: "", problems: [problem] });

/** Converts an observation into a check's result. */
export const resultOf = ({ summary, problems }: Observation): CheckResult =>
  problems.length === 0 ? ok(summary) : broken(problems.join("\n"), undefined, ExitCode.Disproved);

/** A fact that the fleet depends on and that only its clouds can confirm. */
export interface Assumption extends Check {
  /** Whether the check disrupts the fleet, for instance by deleting a pod; it then needs `--disturb`. */
  readonly disturbs?: boolean;
}

/** An assumption about the whole fleet. */
export interface FleetAssumption extends Assumption {
  readonly of: "fleet";
  look(deployment: Deployment): Promise<Observation>;
}

/** An assumption about each region. */
export interface RegionAssumption extends Assumption {
  readonly of: "region";
  look(deployment: Deployment, stack: RegionStack): Promise<Observation>;
}

export { NotCheckable } from "../checks/checkResult";

/**
 * Returns the differences between the actual and the intended values, one line each: `status is DEGRADED, not ACTIVE`.
 */
export function differences(
  what: string,
  values: Readonly<Record<string, readonly [actual: unknown, meant: unknown]>>,
): string[] {
  return Object.entries(values).flatMap(([key, pair]) => {
    const [actual, meant] = pair.map((value) => JSON.stringify(value));
    return actual === meant ? [] : [`${what}: ${key} is ${actual ?? "missing"}, not ${meant}`];
  });
}

/**
 * Parses a cloud's answer.
 *
 * @throws Error that names the first field without the expected shape
 */
export function answered<T>(shape: z.ZodType<T>, what: string, answer: unknown): T {
  const parsed = shape.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${what} has an unexpected format: ${issue?.path.join(".")}: ${issue?.message}`);
}

const secretShape = z.object({ SecretString: z.string() });

/** Reads a secret from Secrets Manager, in the region of its ARN. The caller must not output it. */
export async function secretValue(clouds: Clouds, arn: string): Promise<string> {
  const answer = await clouds.aws(arn.split(":")[3] ?? "", "secretsmanager", "get-secret-value", { SecretId: arn });
  return answered(secretShape, "the secret", answer).SecretString;
}

/** Returns the foundation stack's outputs for a region. */
export function foundationOf({ outputs }: Deployment, { region }: RegionStack) {
  const own = outputs.foundation.regions[region.name];
  if (!own) throw new Error(`the foundation has no region ${region.name}: run \`up foundation\``);
  return own;
}

/** Returns the outputs of a region's stack. */
export function outputsOf({ outputs }: Deployment, { region }: RegionStack) {
  const own = outputs.regions.get(region.name);
  if (!own) throw new Error(`the stack ${region.name} has no outputs: run \`up ${region.name}\``);
  return own;
}
