import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import { defineFleet, type FleetProgram } from "../../stacks/defineFleet";

/** File that holds a fleet's program if the project's package.json has no `main`. */
const DEFAULT_MAIN = "index.ts";

/**
 * Loads the program of a project: `main` of its package.json, which exports the result of `defineFleet`. A folder that
 * holds only configuration has no program; its fleet is the standard one.
 *
 * @param directory folder of Pulumi.yaml
 * @throws UserError exit 2 if the file does not export a program
 */
export function programOf(directory: string): FleetProgram {
  const folder = resolve(directory);
  const manifest = join(folder, "package.json");
  const main = existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).main : undefined;
  const file = join(folder, typeof main === "string" ? main : DEFAULT_MAIN);
  if (!existsSync(file)) return defineFleet();
  const loaded: unknown = createRequire(file)(file);
  const program = isModule(loaded) ? loaded.default : loaded;
  if (typeof program === "function") return program as FleetProgram;
  throw new UserError(`${file} must export a fleet's program: \`export = defineFleet();\``, ExitCode.BadInput);
}

const isModule = (loaded: unknown): loaded is { readonly default: unknown } =>
  typeof loaded === "object" && loaded !== null && "default" in loaded;
