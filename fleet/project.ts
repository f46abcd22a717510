import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, YAMLParseError } from "yaml";
import { parseConfig, type StackConfig } from "../config/parse";
import { ExitCode, UserError } from "../model/errors";
import { PROJECT } from "../model/names";

/** The project as its files say, checked: what the CLI knows before any engine starts. */
export interface Project {
  /** Folder of Pulumi.yaml and the stack files. */
  readonly directory: string;
  /** Config a stack, in the order of deployment: foundation, the regions in order of preference, edge. */
  readonly stacks: ReadonlyMap<string, StackConfig>;
}

/** What begins a stand-in for a value that only the stack's own secrets provider can decrypt. */
const ENCRYPTED = "[encrypted]";

/** Two values that differ have two stand-ins: no two workspaces may have the same key. */
const standIn = (ciphertext: unknown): string =>
  `${ENCRYPTED}${createHash("sha256").update(String(ciphertext)).digest("hex").slice(0, 12)}`;

const isStandIn = (value: unknown): boolean => typeof value === "string" && value.startsWith(ENCRYPTED);

/**
 * Reads Pulumi.yaml and the file of every stack.
 *
 * @throws UserError (exit 2) with every fault of every file in one message
 */
export function readProject(directory: string): Project {
  const project = readYaml(directory, "Pulumi.yaml");
  const shared = values(project.config);
  const names = ["foundation", ...regionNames(shared.regions), "edge"];
  const stacks = new Map<string, StackConfig>();
  const faultsByFile = new Map<string, Set<string>>();
  const report = (file: string, fault: string) =>
    faultsByFile.set(file, (faultsByFile.get(file) ?? new Set<string>()).add(fault));

  for (const name of names) {
    const file = `Pulumi.${name}.yaml`;
    if (!existsSync(join(directory, file))) {
      report(file, `is missing: every stack has its own file, see Pulumi.us-east.yaml`);
      continue;
    }
    const own = values(readYaml(directory, file).config);
    const parsed = parseConfig(name, { ...shared, ...own });
    if ("config" in parsed) stacks.set(name, parsed.config);
    else
      for (const fault of parsed.faults)
        report(
          Object.keys(own).some((key) => isAbout(fault, key)) || !isShared(fault, shared) ? file : "Pulumi.yaml",
          fault,
        );
  }
  if (faultsByFile.size > 0) {
    const lines = [...faultsByFile].flatMap(([file, faults]) => [file, ...[...faults].map((fault) => `  ${fault}`)]);
    throw new UserError(`The config does not hold; nothing was touched.\n${lines.join("\n")}`, ExitCode.BadInput);
  }
  return { directory, stacks };
}

const isAbout = (fault: string, key: string) => new RegExp(`^${PROJECT}:${key}\\b`).test(fault);
const isShared = (fault: string, shared: Record<string, unknown>) =>
  Object.keys(shared).some((key) => isAbout(fault, key)) || / is missing: /.test(fault);

function readYaml(directory: string, file: string): { config?: Record<string, unknown> } {
  const path = join(directory, file);
  try {
    return parse(readFileSync(path, "utf8")) ?? {};
  } catch (error) {
    if (error instanceof YAMLParseError) throw new UserError(`${path}: ${error.message}`, ExitCode.BadInput);
    throw new UserError(
      `${path} can't be read: run in the project's folder or name it by --project`,
      ExitCode.BadInput,
    );
  }
}

/** Our part of a `config` block, by key without namespace; encrypted values are stood in for. */
function values(config: Record<string, unknown> = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key.startsWith(`${PROJECT}:`))
      .map(([key, raw]) => [key.slice(PROJECT.length + 1), opened(raw)])
      .filter(([, value]) => !isStandIn(value)),
  );
}

/** Unwraps `{ value: … }` (project level) and `{ secure: … }` (a secret, at any depth). */
function opened(raw: unknown): unknown {
  if (Array.isArray(raw)) return raw.map(opened);
  if (typeof raw !== "object" || raw === null) return raw;
  const entries = Object.entries(raw);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === "secure") return standIn(first[1]);
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
