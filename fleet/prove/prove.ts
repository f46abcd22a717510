import { setMaxListeners } from "node:events";
import { ExitCode } from "../../model/errors";
import type { Examination } from "../examination/examination";
import { broken, ok } from "../examination/finding";
import { inWaves } from "../stacks/schedule";
import type { Assumption, Deployment, FleetAssumption, RegionAssumption } from "./assumption";
import { CLUSTER } from "./assumptions/cluster";
import { DATA } from "./assumptions/data";
import { EDGE } from "./assumptions/edge";
import { ENTRANCE } from "./assumptions/entrance";
import { FLOWS } from "./assumptions/flows";
import { IMAGES } from "./assumptions/images";

/** Everything that is taken for granted, in the order in which it is told. */
export const ASSUMPTIONS: readonly (RegionAssumption | FleetAssumption)[] = [
  ...CLUSTER,
  ...IMAGES,
  ...DATA,
  ...ENTRANCE,
  ...FLOWS,
  ...EDGE,
];

/** Looks at once: each may be a process of the AWS CLI, which is no light thing. */
const WIDTH = 6;

export interface Chosen {
  /** Regions to look at. What the whole fleet holds is looked at where all are chosen. */
  readonly regions: readonly string[];
  /** Also what takes pods away. */
  readonly disturb: boolean;
  /** Names of checks that need not be done again. */
  readonly known: ReadonlySet<string>;
}

/** One assumption, of the fleet or of one region. */
interface Check {
  readonly name: string;
  readonly assumption: Assumption;
  look(): ReturnType<FleetAssumption["look"]>;
}

/**
 * Looks at everything that is chosen; resolved once all is known to the examination.
 *
 * @returns the names of all checks, those known already too, in the order in which they are told
 */
export async function prove(examination: Examination, deployment: Deployment, chosen: Chosen): Promise<string[]> {
  // Each look listens for the end.
  setMaxListeners(0, deployment.signal);
  const all = checksOf(deployment, chosen);
  const checks = all.filter(({ name }) => !chosen.known.has(name));
  const byName = new Map(checks.map((check) => [check.name, check]));
  const disturbing = checks.filter(({ assumption }) => assumption.disturbs).map(({ name }) => name);
  // The engine shows its own progress, and what takes pods away must not be seen by anybody else's look.
  const last = checks.filter(({ name }) => name === "drift").map(({ name }) => name);
  const alone = [...last, ...disturbing].map((name) => [name]);
  const order = [[...byName.keys()].filter((name) => !alone.flat().includes(name)), ...alone];
  await inWaves(order, (name) => checked(examination, byName.get(name), deployment.signal), { width: WIDTH });
  return all.map(({ name }) => name);
}

async function checked(examination: Examination, check: Check | undefined, signal: AbortSignal): Promise<void> {
  if (!check || signal.aborted) return;
  await examination.check(check.name, [], async () => {
    const { found, amiss } = await check.look();
    return amiss.length === 0 ? ok(found) : broken(amiss.join("\n"), check.assumption.fix, ExitCode.Disproved);
  }).verdict;
}

function checksOf(deployment: Deployment, { regions, disturb }: Chosen): Check[] {
  const stacks = deployment.regions.filter(({ region }) => regions.includes(region.name));
  const whole = stacks.length === deployment.regions.length;
  return ASSUMPTIONS.filter(({ disturbs }) => disturb || !disturbs).flatMap((assumption): Check[] => {
    if (assumption.of === "fleet")
      return whole ? [{ name: assumption.name, assumption, look: () => assumption.look(deployment) }] : [];
    return stacks.map((stack) => ({
      name: `${stack.region.name}: ${assumption.name}`,
      assumption,
      look: () => assumption.look(deployment, stack),
    }));
  });
}
