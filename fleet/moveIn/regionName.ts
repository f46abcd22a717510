import { ExitCode, UserError } from "../../model/errors";
import type { Project } from "../stacks/project";

/** @throws UserError (BadInput) if the region does not exist */
export function requireRegion(region: string, { stacks }: Project): void {
  const regions = [...stacks].flatMap(([name, { kind }]) => (kind === "region" ? [name] : []));
  if (!regions.includes(region))
    throw new UserError(`unknown region ${region}; the regions are ${regions.join(", ")}`, ExitCode.BadInput);
}
