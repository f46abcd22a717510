import { z } from "zod";
import type { StackConfig } from "../../config/parse";
import type { StackOutputs } from "../stacks/stackOutputs";
import type { Clouds } from "./clouds";

export type RegionStack = Extract<StackConfig, { kind: "region" }>;
type EdgeStack = Extract<StackConfig, { kind: "edge" }>;

/** What is examined: the fleet as it is meant, and the clouds it stands on. */
export interface Deployment {
  readonly clouds: Clouds;
  /** In order of preference. */
  readonly regions: readonly RegionStack[];
  readonly edge: EdgeStack;
  readonly outputs: StackOutputs;
  /** Names of the resources that a refreshing preview would change, by stack. */
  drifted(): Promise<readonly string[]>;
  /** How long what takes time is waited for. */
  readonly waits: Waits;
  /** Aborted when the user asks for the end. */
  readonly signal: AbortSignal;
}

/** All in milliseconds. */
export interface Waits {
  /** Until an object has its copy elsewhere: S3 replication time control promises fifteen minutes. */
  readonly copyMs: number;
  /** Until a flow that was saved just now is in each region. */
  readonly settleMs: number;
  /** For which requests go on after a pod is gone. */
  readonly drainedMs: number;
}

export const WAITS: Waits = { copyMs: 16 * 60_000, settleMs: 30_000, drainedMs: 10_000 };

/** What was seen. */
export interface Seen {
  /** In a line, where nothing is amiss. */
  readonly found: string;
  /** What is not as it is meant, a line each. */
  readonly amiss: readonly string[];
}

/** Something that is taken for granted and that only the clouds can show. */
export interface Assumption {
  /** Unique; for people, and the key of a report that is gone on with. */
  readonly name: string;
  /** Why it is looked at: what could not be known before. */
  readonly why: string;
  /** What to do where it does not hold. */
  readonly fix: string;
  /** Whether it takes pods away or the like: looked at only when asked for. */
  readonly disturbs?: boolean;
}

/** Held once for the whole fleet. */
export interface FleetAssumption extends Assumption {
  readonly of: "fleet";
  look(deployment: Deployment): Promise<Seen>;
}

/** Held by each region. */
export interface RegionAssumption extends Assumption {
  readonly of: "region";
  look(deployment: Deployment, stack: RegionStack): Promise<Seen>;
}

export { NotCheckable } from "../examination/finding";

/** The differences between what is and what is meant, a line each: `status is DEGRADED, not ACTIVE`. */
export function differences(
  what: string,
  actual: Readonly<Record<string, unknown>>,
  meant: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(meant).flatMap(([key, value]) =>
    JSON.stringify(actual[key]) === JSON.stringify(value)
      ? []
      : [`${what}: ${key} is ${JSON.stringify(actual[key]) ?? "not there"}, not ${JSON.stringify(value)}`],
  );
}

/**
 * An answer in its known form.
 *
 * @throws Error that says where it is another: then nothing is known, least of all that all is well
 */
export function answered<T>(shape: z.ZodType<T>, what: string, answer: unknown): T {
  const parsed = shape.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${what} has another form than is known: ${issue?.path.join(".")}: ${issue?.message}`);
}

const secretShape = z.object({ SecretString: z.string() });

/** The value of a secret, where its ARN says: whoever asks must not let it out. */
export async function secretValue(clouds: Clouds, arn: string): Promise<string> {
  const answer = await clouds.aws(arn.split(":")[3] ?? "", "secretsmanager", "get-secret-value", { SecretId: arn });
  return answered(secretShape, "the secret", answer).SecretString;
}

/** Foundation's outputs of a region. */
export function foundationOf({ outputs }: Deployment, { region }: RegionStack) {
  const own = outputs.foundation.regions[region.name];
  if (!own) throw new Error(`the foundation knows no ${region.name}: deploy it`);
  return own;
}

/** A region's own outputs. */
export function outputsOf({ outputs }: Deployment, { region }: RegionStack) {
  const own = outputs.regions.get(region.name);
  if (!own) throw new Error(`${region.name} has no outputs: deploy it`);
  return own;
}
