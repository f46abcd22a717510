import { FLEET_TOKEN, tokenHeaders } from "../../model/access/serviceTokens";
import { ExitCode, UserError } from "../../model/errors";
import type { SharedSecretArns } from "../../model/secrets";
import type { EdgeOutputs, FoundationOutputs, RegionOutputs } from "../../stacks/outputs";
import type { Project } from "./project";
import type { Session } from "./session";

/** What the deployed stacks say of themselves. */
export interface StackOutputs {
  readonly foundation: FoundationOutputs;
  /** The shared secrets where they are made. */
  readonly secrets: SharedSecretArns;
  readonly edge: EdgeOutputs;
  /** By region. */
  readonly regions: ReadonlyMap<string, RegionOutputs>;
}

/** @throws UserError exit 6 where a stack is not deployed */
export async function stackOutputs(session: Session, { stacks }: Project): Promise<StackOutputs> {
  const missing = [...stacks.keys()].filter((stack) => !session.has(stack));
  if (missing.length > 0)
    throw new UserError(`not deployed: ${missing.join(", ")}; \`up\` deploys them`, ExitCode.StackMissing);
  const of = async (stack: string) => JSON.parse(await session.run(stack, ["stack", "output", "--json"]));
  const foundation: FoundationOutputs = await of("foundation");
  const buildRegion = [...stacks.values()][0]?.fleet.buildRegion ?? "";
  const secrets = foundation.regions[buildRegion]?.secretArns;
  if (!secrets) throw new Error(`the foundation has no secrets in ${buildRegion}`);
  const regions = [...stacks].filter(([, { kind }]) => kind === "region").map(([name]) => name);
  return {
    foundation,
    secrets,
    edge: await of("edge"),
    regions: new Map(await Promise.all(regions.map(async (name) => [name, await of(name)] as const))),
  };
}

/** Whose flow bucket holds the lock of drills: every checkout must name the same one. Replicas of it are not asked. */
export function lockRegion({ foundation }: StackOutputs): string {
  return Object.keys(foundation.regions).sort()[0] ?? "";
}

/**
 * Headers of the fleet's own service token; none where the edge has no Cloudflare Access. The one output that is asked for in clear:
 * it goes into requests, and nowhere else.
 */
export async function accessHeaders(session: Session, { edge }: StackOutputs): Promise<Record<string, string>> {
  if (!edge.serviceTokens) return {};
  const said = await session.run("edge", ["stack", "output", "serviceTokens", "--json", "--show-secrets"]);
  const token = (JSON.parse(said) as EdgeOutputs["serviceTokens"])?.[FLEET_TOKEN];
  if (!token) throw new Error("the edge has no service token of the fleet's own");
  return tokenHeaders(token);
}
