import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, YAMLParseError } from "yaml";
import { parseConfig, type StackConfig } from "../../config/parse";
import { ignoredKey, shortened, strayKey } from "../../config/problems";
import { schemas } from "../../config/schema";
import { plainTexts, SECRET_KEYS } from "../../config/secrets";
import { ExitCode, UserError } from "../../model/errors";
import { unknownSettings } from "../../model/langflow";
import { PROJECT } from "../../model/names";
import { capacityWarnings, fleetCapacity } from "./capacity";

/** The project as its files say, checked: what the CLI knows before any engine starts. */
export interface Project {
  /** Folder of Pulumi.yaml and the stack files. */
  readonly directory: string;
  /** As Pulumi.yaml names it: the engine keeps the state under it. */
  readonly name: string;
  /** Config a stack, in the order of deployment: foundation, the regions in order of preference, edge. */
  readonly stacks: ReadonlyMap<string, StackConfig>;
  /** What holds, and a person should know of. */
  readonly warnings: readonly string[];
}

const PROJECT_FILE = "Pulumi.yaml";
/** Pulumi's own limits of a project's name (sdk/go/common/tokens, `ValidateProjectName`). */
const PROJECT_NAME = /^[\w.-]{1,100}$/;

/** Stands in for a value that only the stack's own secrets provider can decrypt. */
const ENCRYPTED = "[encrypted]";

/**
 * Reads Pulumi.yaml and the file of every stack.
 *
 * @throws UserError (exit 2) with every problem of every file in one message
 */
export function readProject(directory: string): Project {
  const project = readYaml(directory, PROJECT_FILE);
  if (project === undefined) throw new UserError(`${join(directory, PROJECT_FILE)} is empty`, ExitCode.BadInput);
  const shared = values(project.config);
  const names = ["foundation", ...regionNames(shared.regions), "edge"];
  const stacks = new Map<string, StackConfig>();
  const warnings: string[] = [];
  const problemsByFile = new Map<string, Set<string>>();
  const report = (file: string, problem: string) =>
    problemsByFile.set(file, (problemsByFile.get(file) ?? new Set<string>()).add(problem));
  const title = String(project.name ?? "");
  const reportStray = (file: string, config: RawConfig) => {
    const stray = Object.keys(config ?? {}).flatMap((key) => strayKey(key, title) ?? []);
    for (const problem of stray) report(file, problem);
  };
  if (!PROJECT_NAME.test(title))
    report(
      PROJECT_FILE,
      `name is ${project.name === undefined ? "missing" : shortened(project.name)}; must be 1 to 100 letters, digits or . _ -, such as ${PROJECT}`,
    );
  reportStray(PROJECT_FILE, project.config);

  for (const name of names) {
    const file = `Pulumi.${name}.yaml`;
    if (!existsSync(join(directory, file))) {
      report(file, "is missing: every stack has its own file, see Pulumi.us-east.yaml");
      continue;
    }
    const content = readYaml(directory, file);
    if (content === undefined) {
      report(file, "is empty: it needs `config:` at least, see Pulumi.us-east.yaml");
      continue;
    }
    reportStray(file, content.config);
    const own = values(content.config);
    for (const key of Object.keys(own)) {
      const ignored = ignoredKey(key);
      if (ignored !== undefined) warnings.push(`${file}: ${ignored}`);
    }
    const parsed = parseConfig(name, { ...shared, ...own });
    if ("config" in parsed) stacks.set(name, parsed.config);
    const problems = "problems" in parsed ? parsed.problems : [];
    for (const problem of [...problems, ...plainSecrets(name, content.config)])
      report(isShared(problem, shared, own) ? PROJECT_FILE : file, problem);
  }
  if (problemsByFile.size > 0) {
    const lines = [...problemsByFile].flatMap(([file, problems]) => [
      file,
      ...[...problems].map((problem) => `  ${problem}`),
    ]);
    throw new UserError(`The config does not hold; nothing was touched.\n${lines.join("\n")}`, ExitCode.BadInput);
  }
  const [first] = stacks.values();
  const warning = first && unknownSettings(first.fleet.image.version);
  if (warning) warnings.push(`${PROJECT}:image ${warning}`);
  warnings.push(...capacityWarnings(fleetCapacity(stacks)));
  return { directory, name: title, stacks, warnings };
}

/** The config of a region's stack, where the caller knows that it is one. @throws Error where it is none */
export function regionStack({ stacks }: Pick<Project, "stacks">, region: string): StackConfig & { kind: "region" } {
  const config = stacks.get(region);
  if (config?.kind !== "region") throw new Error(`${region} is no region`);
  return config;
}

/** Whether a problem is in Pulumi.yaml: of a key that is set there and not in the stack's own file, or that belongs there. */
function isShared(problem: string, shared: Record<string, unknown>, own: Record<string, unknown>): boolean {
  const [, key = ""] = new RegExp(`^${PROJECT}:([^\\s.[]+)`).exec(problem) ?? [];
  return !Object.hasOwn(own, key) && (Object.hasOwn(shared, key) || Object.hasOwn(schemas.fleet.shape, key));
}

/** Secrets that the file holds as anyone can read them, one line each. From there they would go into Git and the state. */
function plainSecrets(stack: string, config: RawConfig): string[] {
  return SECRET_KEYS.flatMap((key) => plainTexts(key, config?.[`${PROJECT}:${key}`])).map((path) => {
    const set = `pulumi config set -s ${stack} --secret ${path.includes(".") ? "--path " : ""}'${PROJECT}:${path}'`;
    return `${PROJECT}:${path} is in plain text: take it out and say \`${set}\`; once in Git, let its issuer revoke it`;
  });
}

type RawConfig = Record<string, unknown> | null | undefined;

/** @returns undefined where nothing is in the file */
function readYaml(directory: string, file: string): { name?: unknown; config?: RawConfig } | undefined {
  const path = join(directory, file);
  const content = parsedYaml(path, readText(path)) ?? undefined;
  if (content === undefined) return undefined;
  if (!isMap(content)) throw new UserError(`${path} must hold keys with values`, ExitCode.BadInput);
  const { name, config } = content;
  if (config !== undefined && config !== null && !isMap(config))
    throw new UserError(`${path}: config must hold keys with values`, ExitCode.BadInput);
  return { name, config };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `${path} can't be read (${code}): run in the project's folder or name it by --project`,
      ExitCode.BadInput,
    );
  }
}

/** What the library says, without the lines of the file that it shows with it: a secret may stand in them. */
function parsedYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof YAMLParseError && error.code === "MULTIPLE_DOCS")
      throw new UserError(`${path} holds more than one YAML document: keep one`, ExitCode.BadInput);
    const [said = ""] = (error as Error).message.split("\n");
    throw new UserError(`${path} is no YAML that can be read: ${said.replace(/:$/, "")}`, ExitCode.BadInput);
  }
}

/** Our part of a `config` block, by key without namespace; an encrypted value is undefined, one inside another stood in for. */
function values(config: RawConfig): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config ?? {})
      .filter(([key]) => key.startsWith(`${PROJECT}:`))
      .map(([key, raw]) => [key.slice(PROJECT.length + 1), opened(raw)])
      .map(([key, value]) => [key, value === ENCRYPTED ? undefined : value]),
  );
}

/** Unwraps `{ value: … }` (project level) and `{ secure: … }` (a secret, at any depth). */
function opened(raw: unknown): unknown {
  if (Array.isArray(raw)) return raw.map(opened);
  if (typeof raw !== "object" || raw === null) return raw;
  const entries = Object.entries(raw);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === "secure") return ENCRYPTED;
  if (entries.length === 1 && first?.[0] === "value") return opened(first[1]);
  return Object.fromEntries(entries.map(([key, value]) => [key, opened(value)]));
}

function regionNames(regions: unknown): string[] {
  if (!Array.isArray(regions)) return [];
  const names = regions.map((region) => (region as { name?: unknown } | null)?.name);
  return [
    ...new Set(names.filter((name) => typeof name === "string" && name !== "foundation" && name !== "edge")),
  ] as string[];
}
