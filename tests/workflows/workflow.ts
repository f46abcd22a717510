import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

export const ROOT = join(__dirname, "../..");
export const FOLDER = join(ROOT, ".github/workflows");
export const FILES: readonly string[] = readdirSync(FOLDER).filter((file) => file.endsWith(".yml"));

export interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
}

export interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly "runs-on": string;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: unknown;
  readonly concurrency?: { readonly "cancel-in-progress": boolean };
  readonly jobs: Readonly<Record<string, Job>>;
}

export function workflow(file: string): Workflow {
  return parse(readFileSync(join(FOLDER, file), "utf8"));
}

/** Returns every step that runs a script, by `file/job/name`. */
export function scripts(): Map<string, Step & { run: string }> {
  const found = new Map<string, Step & { run: string }>();
  for (const file of FILES)
    for (const [job, { steps }] of Object.entries(workflow(file).jobs))
      for (const step of steps)
        if (step.run !== undefined) found.set(`${file}/${job}/${step.name}`, { ...step, run: step.run });
  return found;
}
