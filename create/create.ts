import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { init } from "../fleet/verbs/init/handler";
import { ExitCode, UserError } from "../model/errors";

/** Files of a new repository. `pulumi new` reads the same folder. */
const TEMPLATE = join(__dirname, "../template");

const DESCRIPTION = "Multi-region LangFlow on AWS with automatic failover";

/** Pulumi's rule for project names, and npm's for packages: both accept these. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/;

export interface CreateOptions {
  /** File with the answers of `init`. */
  readonly answers?: string;
  /** Whether to ask for the answers if there is no file. */
  readonly ask: boolean;
}

/**
 * Writes a fleet's repository into a new folder, then its settings like `fleet init`.
 *
 * @throws UserError exit 2 if the folder is not empty or its name cannot be a project's name
 */
export async function create(folder: string, { answers, ask }: CreateOptions): Promise<ExitCode> {
  const target = resolve(folder);
  const name = basename(target);
  if (!NAME.test(name))
    throw new UserError(
      `${name} cannot be a project's name: use lower-case letters, digits and . _ -, for example my-fleet`,
      ExitCode.BadInput,
    );
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new UserError(`${target} is not empty: choose a new folder`, ExitCode.BadInput);
  writeRepository(target, name);
  process.stderr.write(`${target}: ${filesOf(target).length} files\n`);
  if (answers === undefined && !ask) {
    process.stdout.write(
      `next:\n  cd ${folder}\n  npm install\n  npx fleet up --local\n  npx fleet init        # before you deploy\n`,
    );
    return ExitCode.Success;
  }
  const { signal } = new AbortController();
  return init({ json: false, yes: true, answers, overwrite: false, project: target, signal });
}

function writeRepository(target: string, name: string): void {
  mkdirSync(target, { recursive: true });
  cpSync(TEMPLATE, target, { recursive: true });
  // npm never packs a .gitignore.
  if (existsSync(join(target, "gitignore"))) renameSync(join(target, "gitignore"), join(target, ".gitignore"));
  for (const file of filesOf(target)) {
    const text = readFileSync(join(target, file), "utf8");
    writeFileSync(
      join(target, file),
      text.replaceAll(/\$\{PROJECT\}/g, name).replaceAll(/\$\{DESCRIPTION\}/g, DESCRIPTION),
    );
  }
  const project = parseDocument(readFileSync(join(target, "Pulumi.yaml"), "utf8"));
  project.delete("template");
  writeFileSync(join(target, "Pulumi.yaml"), project.toString({ lineWidth: 0, flowCollectionPadding: false }));
  const manifest = JSON.parse(readFileSync(join(target, "package.json"), "utf8"));
  writeFileSync(join(target, "package.json"), `${JSON.stringify({ ...manifest, name }, null, 2)}\n`);
}

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
