import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { isSecret, UNKNOWN } from "../../../invariants/resource";
import { ExitCode, UserError } from "../../../model/errors";
import { type SeenResource, shortType } from "../../engine/changes";
import { afterwords, asJson, exitCodeOf } from "../../stacks/report";
import type { StackRun } from "../../stacks/stackRun";
import { withSession } from "../../stacks/withSession";
import { print } from "../../terminal/messages";
import { table } from "../../terminal/table";
import { runPreview } from "../preview/handler";
import type { RenderOptions } from "./verb";

/** File that marks a folder as written by `render`, so that it may be replaced. */
const MARK = ".rendered-by-fleet";

/** Writes the resources that each stack would apply as files for scanners and reviewers, with secrets as `[secret]`. */
export async function render(options: RenderOptions): Promise<ExitCode> {
  const existing = existsSync(options.dir) ? readdirSync(options.dir) : [];
  if (existing.length > 0 && !existing.includes(MARK))
    throw new UserError(
      `${options.dir} contains other files: choose an empty folder, or one that \`render\` wrote`,
      ExitCode.Refused,
    );
  return withSession(options, { localCloud: "start", changes: false }, async (opened) => {
    const runs = await runPreview(opened);
    const exitCode = exitCodeOf(runs);
    if (exitCode !== ExitCode.Success) {
      print(...(options.json ? [asJson("render", options.local, runs, exitCode)] : afterwords(runs)));
      return exitCode;
    }
    rmSync(options.dir, { recursive: true, force: true });
    const written = runs.map((run) => ({ stack: run.stack, files: writeStack(options.dir, run) }));
    writeFileSync(join(options.dir, MARK), "Written by `fleet render`; the next run replaces the whole folder.\n");
    if (options.json)
      print(JSON.stringify({ verb: "render", local: options.local, dir: options.dir, stacks: written }, null, 2));
    else
      print(
        table(
          ["stack", "Kubernetes", "AWS", "Cloudflare"],
          written.map(({ stack, files }) => [
            stack,
            ...["kubernetes", "aws", "cloudflare"].map((provider) =>
              String(files.filter((file) => file.startsWith(`${stack}/${provider}/`)).length),
            ),
          ]),
        ),
      );
    return exitCode;
  });
}

function writeStack(directory: string, { stack, resources }: StackRun): string[] {
  const written = resources.filter(({ custom, type }) => custom && /^(kubernetes|aws|cloudflare):/.test(type));
  const names = fileNames(written);
  return written.map((resource) => {
    const provider = resource.type.split(":")[0] ?? "";
    const isManifest = provider === "kubernetes";
    const file = `${stack}/${provider}/${names.get(resource.urn)}.${isManifest ? "yaml" : "json"}`;
    mkdirSync(join(directory, stack, provider), { recursive: true });
    const { type, name, urn } = resource;
    const inputs = legible(resource.inputs);
    const text = isManifest ? stringify(inputs) : `${JSON.stringify({ type, name, urn, inputs }, null, 2)}\n`;
    writeFileSync(join(directory, file), text);
    return file;
  });
}

/** Returns file names by URN: the type and name, plus the parent components if the type and name are not unique. */
function fileNames(resources: readonly SeenResource[]): Map<string, string> {
  const plain = ({ type, name }: SeenResource) =>
    `${shortType(type).split(".").slice(1).join(".")}-${name}`.replace(/[^\w.-]+/g, "-");
  const all = resources.map(plain);
  return new Map(
    resources.map((resource) => {
      const name = plain(resource);
      const isShared = all.indexOf(name) !== all.lastIndexOf(name);
      return [resource.urn, isShared ? [name, ...componentsOf(resource.urn)].join(".") : name];
    }),
  );
}

function componentsOf(urn: string): string[] {
  const types = urn.split("::")[2]?.split("$") ?? [];
  return types.slice(0, -1).map((type) => type.split(":").at(-1) ?? "");
}

/** Returns the inputs without the engine's internal markers. */
function legible(value: unknown): unknown {
  // For deployed resources, the engine shows a secret as its marker object with `[secret]` inside.
  if (isSecret(value)) return "[secret]";
  if (value === UNKNOWN) return "(known after the deployment)";
  if (typeof value === "string") return value.replaceAll(UNKNOWN, "(known after the deployment)");
  if (Array.isArray(value)) return value.map(legible);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "__defaults")
      .map(([key, part]) => [key, legible(part)]),
  );
}
