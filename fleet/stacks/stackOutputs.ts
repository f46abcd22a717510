import { FLEET_TOKEN, tokenHeaders } from "../../model/access/serviceTokens";
import { ExitCode, UserError } from "../../model/errors";
import type { SharedSecretArns } from "../../model/secrets";
import type { EdgeOutputs, FoundationOutputs, RegionOutputs } from "../../stacks/outputs";
import type { Project } from "./project";
import type { Session } from "./session";

/** Outputs of all deployed stacks. */
export interface StackOutputs {
  readonly foundation: FoundationOutputs;
  /** ARNs of the shared secrets in the region that created them, not of their replicas. */
  readonly secrets: SharedSecretArns;
  readonly edge: EdgeOutputs;
  /** Outputs by region. */
  readonly regions: ReadonlyMap<string, RegionOutputs>;
}

/** @throws UserError exit 6 if a stack is not deployed */
export async function stackOutputs(session: Session, { stacks }: Project): Promise<StackOutputs> {
  const missing = [...stacks.keys()].filter((stack) => !session.has(stack));
  if (missing.length > 0)
    throw new UserError(`not deployed: ${missing.join(", ")}. Deploy with \`up\``, ExitCode.StackMissing);
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

/**
 * Returns the region whose flow bucket contains the drill lock. Every checkout must choose the same one, and replicas
 * of the bucket are not used.
 */
export function lockRegion({ foundation }: StackOutputs): string {
  return Object.keys(foundation.regions).sort()[0] ?? "";
}

/**
 * Returns the headers of the fleet's service token, or none if Cloudflare Access is disabled. This is the only output
 * read in plain text, and it is only used in requests.
 */
export async function accessHeaders(session: Session, { edge }: StackOutputs): Promise<Record<string, string>> {
  if (!edge.serviceTokens) return {};
  const said = await session.run("edge", ["stack", "output", "serviceTokens", "--json", "--show-secrets"]);
  const token = (JSON.parse(said) as EdgeOutputs["serviceTokens"])?.[FLEET_TOKEN];
  if (!token) throw new Error("the edge has no service token of the fleet: run `up edge`");
  return tokenHeaders(token);
}
