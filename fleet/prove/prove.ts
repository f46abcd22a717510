import { setMaxListeners } from "node:events";
import type { CheckRun } from "../checks/checkRun";
import { inWaves } from "../stacks/schedule";
import { type Assumption, type Deployment, type FleetAssumption, type RegionAssumption, resultOf } from "./assumption";
import { CLUSTER } from "./assumptions/cluster";
import { DATA } from "./assumptions/data";
import { EDGE } from "./assumptions/edge";
import { ENTRANCE } from "./assumptions/entrance";
import { FLOWS } from "./assumptions/flows";
import { IMAGES } from "./assumptions/images";

/** Every assumption, in the order of the report. */
export const ASSUMPTIONS: readonly (RegionAssumption | FleetAssumption)[] = [
  ...CLUSTER,
  ...IMAGES,
  ...DATA,
  ...ENTRANCE,
  ...FLOWS,
  ...EDGE,
];

/** Concurrent checks; each may start the AWS CLI, which is a large process. */
const WIDTH = 6;

export interface Chosen {
  /** Regions to check. Checks of the whole fleet run only if all regions are chosen. */
  readonly regions: readonly string[];
  /** Also run the checks that delete pods. */
  readonly disturb: boolean;
  /** Names of checks to skip. */
  readonly known: ReadonlySet<string>;
}

/** One assumption about the fleet or about one region. */
interface PlannedCheck {
  readonly name: string;
  readonly assumption: Assumption;
  look(): ReturnType<FleetAssumption["look"]>;
}

/**
 * Runs the chosen checks.
 *
 * @returns the names of all checks in the order of the report, including skipped ones
 */
export async function prove(run: CheckRun, deployment: Deployment, chosen: Chosen): Promise<string[]> {
  // Each check adds a listener.
  setMaxListeners(0, deployment.signal);
  const all = checksOf(deployment, chosen);
  const checks = all.filter(({ name }) => !chosen.known.has(name));
  const byName = new Map(checks.map((check) => [check.name, check]));
  const disturbing = checks.filter(({ assumption }) => assumption.disturbs).map(({ name }) => name);
  // These run alone: the engine shows its own progress, and a deleted pod would fail other checks.
  const last = checks.filter(({ name }) => name === "drift").map(({ name }) => name);
  const alone = [...last, ...disturbing].map((name) => [name]);
  const order = [[...byName.keys()].filter((name) => !alone.flat().includes(name)), ...alone];
  await inWaves(order, (name) => checked(run, byName.get(name), deployment.signal), { width: WIDTH });
  return all.map(({ name }) => name);
}

async function checked(run: CheckRun, check: PlannedCheck | undefined, signal: AbortSignal): Promise<void> {
  if (!check || signal.aborted) return;
  await run.check({ name: check.name, fix: check.assumption.fix }, [], async () => resultOf(await check.look())).value;
}

function checksOf(deployment: Deployment, { regions, disturb }: Chosen): PlannedCheck[] {
  const stacks = deployment.regions.filter(({ region }) => regions.includes(region.name));
  const whole = stacks.length === deployment.regions.length;
  return ASSUMPTIONS.filter(({ disturbs }) => disturb || !disturbs).flatMap((assumption): PlannedCheck[] => {
    if (assumption.of === "fleet")
      return whole ? [{ name: assumption.name, assumption, look: () => assumption.look(deployment) }] : [];
    return stacks.map((stack) => ({
      name: `${stack.region.name}: ${assumption.name}`,
      assumption,
      look: () => assumption.look(deployment, stack),
    }));
  });
}
