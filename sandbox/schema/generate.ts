/**
 * Writes `sandbox/schema/<package>.json`: the schemas of the resources and functions that the program uses, from the
 * type declarations of the installed packages.
 *
 *   node --require ./typescript.cjs sandbox/schema/generate.ts [--check] [path…]
 *
 * The paths are files or folders to scan for uses (default: components, stacks and fleet/recovery). `--check` writes
 * nothing and exits with 1 if a file is stale. The output is deterministic.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { Declarations } from "./declarations";
import { PACKAGES, type PackageName, scan, type Use } from "./scan";
import type { FunctionSchema, PackageSchema, ResourceSchema } from "./schema";

const ROOT = join(__dirname, "..", "..");

/** Types without a declaration: the definition of a Kubernetes custom resource is not part of a package. */
const UNTYPED = new Set(["kubernetes apiextensions.CustomResource"]);

/** Returns the path of a class's files without extension, for example for `s3.Bucket` of a package. */
function fileOf(folder: string, path: readonly string[]): string {
  const name = path.at(-1) ?? "";
  return join(folder, ...path.slice(0, -1), name.charAt(0).toLowerCase() + name.slice(1));
}

function script(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(`${file}.js`, "utf8"), ts.ScriptTarget.Latest, true);
}

function find<T>(node: ts.Node, match: (node: ts.Node) => T | undefined): T | undefined {
  return match(node) ?? ts.forEachChild(node, (child) => find(child, match));
}

/** Returns the type token of a resource class. */
function resourceToken(source: ts.SourceFile): string | undefined {
  return find(source, (node) =>
    ts.isPropertyDeclaration(node) &&
    node.name.getText() === "__pulumiType" &&
    node.initializer &&
    ts.isStringLiteral(node.initializer)
      ? node.initializer.text
      : undefined,
  );
}

/** Returns the token by which a function is invoked. */
function functionToken(source: ts.SourceFile): string | undefined {
  return find(source, (node) => {
    if (!ts.isCallExpression(node) || !node.expression.getText().startsWith("pulumi.runtime.invoke")) return undefined;
    const [token] = node.arguments;
    return token && ts.isStringLiteral(token) ? token.text : undefined;
  });
}

function additionalSecrets(source: ts.SourceFile): string[] {
  const found = find(source, (node) =>
    ts.isPropertyAssignment(node) &&
    node.name.getText() === "additionalSecretOutputs" &&
    ts.isArrayLiteralExpression(node.initializer)
      ? node.initializer.elements.filter(ts.isStringLiteral).map(({ text }) => text)
      : undefined,
  );
  return found?.sort() ?? [];
}

function describeResource(declarations: Declarations, path: readonly string[]): [string, ResourceSchema] {
  const name = path.at(-1) ?? "";
  const file = fileOf(declarations.folder, path);
  const source = script(file);
  const token = resourceToken(source);
  if (!token) throw new Error(`${file}.js has no type token`);
  const inputs = declarations.properties(`${file}.d.ts`, `${name}Args`);
  const outputs = Object.entries(declarations.outputs(`${file}.d.ts`, name));
  const secrets = additionalSecrets(source);
  return [
    token,
    {
      inputs,
      outputs: outputs
        .map(([output]) => output)
        .filter((output) => !inputs[output])
        .sort(),
      computed: outputs
        .filter(([output, { always }]) => always && !inputs[output]?.required)
        .map(([output]) => output)
        .sort(),
      ...(secrets.length > 0 ? { secrets } : {}),
    },
  ];
}

function describeFunction(declarations: Declarations, path: readonly string[]): [string, FunctionSchema] {
  const name = path.at(-1) ?? "";
  const file = fileOf(declarations.folder, path);
  const token = functionToken(script(file));
  if (!token) throw new Error(`${file}.js invokes no function`);
  const args = `${name.charAt(0).toUpperCase()}${name.slice(1)}Args`;
  const declared = readFileSync(`${file}.d.ts`, "utf8").includes(`interface ${args} `);
  return [token, { inputs: declared ? declarations.properties(`${file}.d.ts`, args) : {} }];
}

function describe(name: PackageName, uses: readonly Use[]): PackageSchema {
  const folder = join(ROOT, "node_modules", "@pulumi", name);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  const declarations = new Declarations(folder, name === "cloudflare" ? "snake" : "both", name !== "kubernetes");
  const typed = uses.filter((use) => use.package === name && !UNTYPED.has(`${name} ${use.path.join(".")}`));
  const resources = typed
    .filter(({ kind }) => kind === "resource")
    .map(({ path }) => describeResource(declarations, path));
  const functions = typed
    .filter(({ kind }) => kind === "function")
    .map(({ path }) => describeFunction(declarations, path));
  return {
    package: `@pulumi/${name}`,
    version: version.replace(/^v/, ""),
    resources: Object.fromEntries(resources),
    functions: Object.fromEntries(functions),
    types: Object.fromEntries([...declarations.types].sort(([left], [right]) => (left < right ? -1 : 1))),
  };
}

/**
 * Returns the expected content of the schema files, by path.
 *
 * @param paths files or folders to scan for uses
 */
export function generate(
  paths: readonly string[] = ["components", "stacks", "fleet/recovery"].map((folder) => join(ROOT, folder)),
): Map<string, string> {
  const uses = scan(paths);
  return new Map(
    PACKAGES.map((name) => [join(__dirname, `${name}.json`), `${JSON.stringify(describe(name, uses), null, 1)}\n`]),
  );
}

/** Returns the schema files that differ from their expected content. */
export function stale(files: ReadonlyMap<string, string>): string[] {
  return [...files]
    .filter(([path, text]) => !existsSync(path) || readFileSync(path, "utf8") !== text)
    .map(([path]) => path);
}

function main(args: readonly string[]): void {
  const paths = args.filter((argument) => argument !== "--check");
  const files = generate(paths.length > 0 ? paths : undefined);
  const outdated = stale(files);
  if (args.includes("--check")) {
    for (const path of outdated)
      console.error(`${path} is stale: run node --require ./typescript.cjs sandbox/schema/generate.ts`);
    process.exitCode = outdated.length > 0 ? 1 : 0;
    return;
  }
  for (const path of outdated) writeFileSync(path, files.get(path) ?? "");
  console.log(outdated.length > 0 ? `wrote ${outdated.join(", ")}` : `nothing to do in ${dirname(__filename)}`);
}

if (require.main === module) main(process.argv.slice(2));
