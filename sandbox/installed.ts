import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { ExitCode, UserError } from "../model/errors";
import { version } from "../package.json";

/** Package of the local fleet's daemons (docs/decisions/0044-npm.md). Only a checkout has them without it. */
const LOCAL_PACKAGE = "@langflow-dr/local";

/** Whether this code is compiled, as in the npm packages. A checkout runs its TypeScript. */
const IS_INSTALLED = __filename.endsWith(".js");

/**
 * Returns Node's arguments that run a daemon of the local fleet.
 *
 * @param daemon path of its program below this folder, without extension
 * @throws UserError exit 2 if the package of the local fleet is absent, or of a different version
 */
export function daemonCommand(daemon: string): string[] {
  if (!IS_INSTALLED) return ["--require", join(__dirname, "../typescript.cjs"), join(__dirname, `${daemon}.ts`)];
  return [join(localFolder(), "sandbox", `${daemon}.js`)];
}

/** Returns the folder with the images' files: this checkout, or the installed package `langflow-dr`. */
export function imagesFolder(): string {
  if (!IS_INSTALLED || existsSync(join(__dirname, "../images"))) return resolve(__dirname, "../images");
  return join(dirname(createRequire(__filename).resolve("langflow-dr/package.json")), "images");
}

/** Returns Node's arguments that run the agent's program. */
export function agentCommand(): string[] {
  if (IS_INSTALLED) return [join(imagesFolder(), "agent/dist/agent.js")];
  return ["--require", resolve(__dirname, "../typescript.cjs"), resolve(__dirname, "../agent/main.ts")];
}

function localFolder(): string {
  const manifest = manifestOf(LOCAL_PACKAGE);
  const install = `npm install --save-dev ${LOCAL_PACKAGE}@${version}`;
  if (manifest === undefined)
    throw new UserError(
      `the local fleet needs the package ${LOCAL_PACKAGE}, which is not installed: run \`${install}\``,
      ExitCode.BadInput,
    );
  const installed = JSON.parse(readFileSync(manifest, "utf8")).version;
  if (installed !== version)
    throw new UserError(
      `${LOCAL_PACKAGE} ${installed} does not match langflow-dr ${version}: run \`${install}\``,
      ExitCode.BadInput,
    );
  return dirname(manifest);
}

/** Searches the folders of this package and of the user's project, because package managers may link only the latter. */
function manifestOf(name: string): string | undefined {
  for (const from of [__filename, join(process.cwd(), "package.json")])
    try {
      return createRequire(from).resolve(`${name}/package.json`);
    } catch {
      // Not installed there.
    }
  return undefined;
}
