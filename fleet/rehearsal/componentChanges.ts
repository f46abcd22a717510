import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Json } from "../../formats/flows/canonicalJson";
import { ExitCode, UserError } from "../../model/errors";
import type { ComponentChange } from "./comparison";
import { guardedEnvironment, interrupted } from "./rehearsedLangFlow";

const PROGRAM = join(__dirname, "python/compatibility.py");
const OUTPUT_BYTES_MAX = 64 * 1024 ** 2;
const SAID_MAX = 200;

/** Name of a component in a bundle: `ext:tavily:TavilySearchComponent@official`. */
const BUNDLED = /^ext:([^:]+):/;

const told = z.record(
  z.string(),
  z
    .array(
      z.object({
        node: z.string(),
        component: z.string(),
        status: z.enum(["outdated_safe", "outdated_breaking", "blocked"]),
        target: z.string().nullable(),
      }),
    )
    .nullable(),
);

type Told = NonNullable<z.infer<typeof told>[string]>[number];

/**
 * Returns the outdated components of each graph, by the rule of LangFlow's `lfx upgrade` (`lfx/upgrade/checker.py`) and
 * its table of moved components (`lfx/extension/migration`).
 *
 * @param graphs graphs by flow id
 * @param folder folder for temporary files
 * @returns undefined for a graph that the rule cannot read
 * @throws UserError (ResourceFailed) if the rule does not run, (Cancelled)
 */
export async function componentChanges(
  pythonBin: string,
  folder: string,
  graphs: ReadonlyMap<string, Json>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly ComponentChange[] | undefined>> {
  const [given, result] = [join(folder, "graphs.json"), join(folder, "changes.json")];
  writeFileSync(given, JSON.stringify(Object.fromEntries(graphs)), { mode: 0o600 });
  await program(join(pythonBin, "python"), [PROGRAM, given, result], guardedEnvironment(folder), signal);
  const found = told.parse(JSON.parse(readFileSync(result, "utf8")));
  return new Map(Object.entries(found).map(([id, nodes]) => [id, nodes?.map(changeOf)]));
}

function changeOf({ node, component, status, target }: Told): ComponentChange {
  if (status === "outdated_safe") return { node, component, change: "safe" };
  if (status === "outdated_breaking") return { node, component, change: "breaking" };
  const bundle = target === null ? undefined : BUNDLED.exec(target)?.[1];
  if (bundle === undefined) return { node, component, change: "gone" };
  return { node, component: `${component} (${bundle})`, change: "bundle" };
}

function program(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, signal, maxBuffer: OUTPUT_BYTES_MAX }, (error, _, stderr) => {
      if (!error) return resolve();
      if (signal.aborted) return reject(interrupted());
      const last = stderr.trim().split("\n").at(-1)?.slice(0, SAID_MAX);
      reject(
        new UserError(`LangFlow's check for components of earlier releases failed: ${last}`, ExitCode.ResourceFailed),
      );
    });
  });
}
