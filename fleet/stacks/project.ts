import { existsSync } from "node:fs";
import { join } from "node:path";
import { newerThanKnown, problemsAcross } from "../../config/acrossStacks";
import { parseConfig, type StackConfig } from "../../config/parse";
import { ignoredKey, shortened } from "../../config/problems";
import { type FileKind, fileProblems, homesOf, strayKey } from "../../config/pulumiFiles";
import { schemas } from "../../config/schema";
import {
  encryptedPaths,
  isEncrypted,
  isSecretPath,
  PROVIDER_SECRETS,
  plainTexts,
  SECRET_KEYS,
} from "../../config/secrets";
import { ExitCode, UserError } from "../../model/errors";
import { unknownSettings } from "../../model/langflow";
import { PROJECT } from "../../model/names";
import { capacityWarnings, fleetCapacity } from "./capacity";
import { isMap, type ProjectFile, type RawConfig, readProjectFile } from "./projectFile";

/** The project's validated config files, available before any engine starts. */
export interface Project {
  /** Folder of Pulumi.yaml and the stack files. */
  readonly directory: string;
  /** Name in Pulumi.yaml, under which the engine stores the state. */
  readonly name: string;
  /** Config by stack, in deployment order: foundation, the regions in order of preference, edge. */
  readonly stacks: ReadonlyMap<string, StackConfig>;
  /** Warnings that do not prevent a deployment. */
  readonly warnings: readonly string[];
}

const PROJECT_FILE = "Pulumi.yaml";
const FOUNDATION = "foundation";
/** Pulumi's own rule for project names (sdk/go/common/tokens, `ValidateProjectName`). */
const PROJECT_NAME = /^[\w.-]{1,100}$/;

/** Placeholder for a value that only the stack's secrets provider can decrypt. */
const ENCRYPTED = "[encrypted]";

/**
 * Reads Pulumi.yaml and every stack's file.
 *
 * @throws UserError (exit 2) that lists every problem in every file
 */
export function readProject(directory: string): Project {
  const project = readProjectFile(directory, PROJECT_FILE);
  if (project === undefined) throw new UserError(`${join(directory, PROJECT_FILE)} is empty`, ExitCode.BadInput);
  const shared = Object.fromEntries(ours(unwrapped(project.config)));
  const names = ["foundation", ...regionNames(shared.regions), "edge"];
  const stacks = new Map<string, StackConfig>();
  const warnings: string[] = [];
  const problemsByFile = new Map<string, Map<string, string>>();
  /** Reports only the first problem of each key, because it often causes the following ones. */
  const report = (file: string, problem: string) => {
    const problems = problemsByFile.get(file) ?? new Map<string, string>();
    const [place = ""] = problem.split(" ");
    if (!problems.has(place)) problems.set(place, problem);
    problemsByFile.set(file, problems);
  };
  const title = typeof project.name === "string" ? project.name : "";
  const check = (file: string, kind: FileKind, stack: string, content: ProjectFile) => {
    const config = kind === "fleet" ? unwrapped(content.config) : content.config;
    const stray = Object.keys(config ?? {}).flatMap((key) => strayKey(key, title) ?? []);
    for (const problem of [...fileProblems(kind, content), ...stray, ...secretProblems(stack, config)])
      report(file, problem);
  };
  if (!PROJECT_NAME.test(title))
    report(
      PROJECT_FILE,
      `name is ${project.name === undefined ? "missing" : shortened(project.name)}: use 1 to 100 letters, digits or . _ -, such as ${PROJECT}`,
    );
  check(PROJECT_FILE, "fleet", "<stack>", project);
  for (const key of badlyWrapped(project.config))
    report(PROJECT_FILE, `${PROJECT}:${key} must be a mapping with the single key value`);

  for (const name of names) {
    const file = `Pulumi.${name}.yaml`;
    const isThere = existsSync(join(directory, file));
    if (!isThere && name !== FOUNDATION) {
      report(file, "does not exist: every stack needs its own file, see Pulumi.us-east.yaml");
      continue;
    }
    // `pulumi stack init foundation` creates the foundation's file, in which every setting has a default.
    const content = isThere ? readProjectFile(directory, file) : {};
    if (content === undefined) {
      report(file, "is empty: it needs `config:` at least, see Pulumi.us-east.yaml");
      continue;
    }
    check(file, kindOf(name), name, content);
    const own = ownValues(content.config);
    for (const key of Object.keys(own).filter((each) => homesOf(each).includes("fleet"))) {
      report(file, `${PROJECT}:${key} applies to the whole fleet: remove it here and set it in ${PROJECT_FILE}`);
      delete own[key];
    }
    for (const key of Object.keys(own)) {
      const ignored = ignoredKey(key);
      if (ignored !== undefined) warnings.push(`${file}: ${ignored}`);
    }
    const parsed = parseConfig(name, { ...shared, ...own });
    if ("config" in parsed) stacks.set(name, parsed.config);
    const problems = "problems" in parsed ? parsed.problems : [];
    for (const problem of problems) report(isShared(problem, shared, own) ? PROJECT_FILE : file, problem);
  }
  for (const [stack, problem] of problemsAcross(stacks)) report(`Pulumi.${stack}.yaml`, problem);
  if (problemsByFile.size > 0) {
    const lines = [...problemsByFile].flatMap(([file, problems]) => [
      file,
      ...[...problems.values()].map((problem) => `  ${problem}`),
    ]);
    throw new UserError(`The config is invalid; nothing was changed.\n${lines.join("\n")}`, ExitCode.BadInput);
  }
  const [first] = stacks.values();
  const warning = first && unknownSettings(first.fleet.image.version);
  if (warning) warnings.push(`${PROJECT}:image ${warning}`);
  warnings.push(...newerThanKnown(stacks), ...capacityWarnings(fleetCapacity(stacks)));
  return { directory, name: title, stacks, warnings };
}

/** Returns the config of a region's stack. @throws Error if the stack is not a region */
export function regionStack({ stacks }: Pick<Project, "stacks">, region: string): StackConfig & { kind: "region" } {
  const config = stacks.get(region);
  if (config?.kind !== "region") throw new Error(`internal error: ${region} is not a region`);
  return config;
}

/**
 * Returns whether a problem belongs to Pulumi.yaml: its key is set or allowed there, and is not set in the stack's own
 * file.
 */
function isShared(problem: string, shared: Record<string, unknown>, own: Record<string, unknown>): boolean {
  const [, key = ""] = new RegExp(`^${PROJECT}:([^\\s.[]+)`).exec(problem) ?? [];
  return !Object.hasOwn(own, key) && (Object.hasOwn(shared, key) || Object.hasOwn(schemas.fleet.shape, key));
}

/**
 * Returns one line for each secret in plain text, which would end up in Git and in the state, and for each encrypted
 * value that is not a secret, which only the engine could read.
 */
function secretProblems(stack: string, config: RawConfig): string[] {
  const secretKeys = [...SECRET_KEYS.map((key) => `${PROJECT}:${key}`), ...PROVIDER_SECRETS];
  const plain = Object.entries(config ?? {}).flatMap(([key, raw]) =>
    plainTexts(key, raw).filter((path) => secretKeys.includes(key) || isSecretPath(path)),
  );
  const encrypted = ours(config)
    .filter(([key]) => homesOf(key).length > 0 && !SECRET_KEYS.includes(key))
    .flatMap(([key, raw]) => encryptedPaths(key, raw))
    .filter((path) => !isSecretPath(path));
  return [
    ...plain.map((path) => {
      const set = `pulumi config set -s ${stack} --secret ${path.includes(".") ? "--path " : ""}'${path}'`;
      return `${path} is in plain text: remove it and run \`${set}\`; if it is in Git already, revoke it`;
    }),
    ...encrypted.map(
      (path) => `${PROJECT}:${path} is encrypted but not a secret: write it in plain text, so that it can be validated`,
    ),
  ];
}

function kindOf(stack: string): FileKind {
  return stack === "foundation" || stack === "edge" ? stack : "region";
}

/** Returns the entries of a `config` block that belong to this program, with keys without a namespace. */
function ours(config: RawConfig): [key: string, raw: unknown][] {
  return Object.entries(config ?? {})
    .filter(([key]) => key.startsWith(`${PROJECT}:`))
    .map(([key, raw]) => [key.slice(PROJECT.length + 1), raw]);
}

/**
 * Converts the `config` of Pulumi.yaml to the format of a stack's file. In Pulumi.yaml, a value is either nested below
 * `value`, or a plain string, number or list.
 */
function unwrapped(config: RawConfig): RawConfig {
  const entries = Object.entries(config ?? {});
  return Object.fromEntries(
    entries.map(([key, raw]) => [key, isMap(raw) && Object.hasOwn(raw, "value") ? raw.value : raw]),
  );
}

/** Returns the keys of Pulumi.yaml whose value Pulumi would reject or misinterpret. */
function badlyWrapped(config: RawConfig): string[] {
  return ours(config)
    .filter(([, raw]) => isMap(raw) && Object.keys(raw).join() !== "value")
    .map(([key]) => key);
}

/**
 * Returns the values in a stack's file. Encrypted values are undefined; encrypted parts of a value are replaced with a
 * placeholder.
 */
function ownValues(config: RawConfig): Record<string, unknown> {
  return Object.fromEntries(
    ours(config)
      .map(([key, raw]) => [key, opened(raw)])
      .map(([key, value]) => [key, value === ENCRYPTED ? undefined : value]),
  );
}

/** Replaces secrets (`{ secure: … }`) with a placeholder at any depth. */
function opened(raw: unknown): unknown {
  if (Array.isArray(raw)) return raw.map(opened);
  if (!isMap(raw)) return raw;
  if (isEncrypted(raw)) return ENCRYPTED;
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, opened(value)]));
}

/** Returns the valid region names. The config validation reports the invalid ones. */
function regionNames(regions: unknown): string[] {
  if (!Array.isArray(regions)) return [];
  const { name } = schemas.fleet.shape.regions.element.shape;
  return [
    ...new Set(regions.flatMap((region) => name.safeParse((region as { name?: unknown } | null)?.name).data ?? [])),
  ];
}
