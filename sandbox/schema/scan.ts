import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** Packages that the local cloud emulates, by module name. */
export const PACKAGES = ["aws", "cloudflare", "kubernetes", "random"] as const;
export type PackageName = (typeof PACKAGES)[number];

/** A resource or function that a program uses, for example `s3.Bucket` of aws. */
export interface Use {
  readonly package: PackageName;
  /** Module path and name, for example ["s3", "Bucket"]. */
  readonly path: readonly string[];
  readonly kind: "resource" | "function";
}

/** Imported names of a source file, with the package or module that each refers to. */
type Imported = Map<string, { package: PackageName; path: readonly string[] }>;

const MODULE = new RegExp(`^@pulumi/(${PACKAGES.join("|")})(?:/(.+))?$`);

function importsOf(source: ts.SourceFile): Imported {
  const imported: Imported = new Map();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
    const match = MODULE.exec(statement.moduleSpecifier.text);
    const bindings = statement.importClause?.namedBindings;
    if (!match || !bindings) continue;
    const origin = { package: match[1] as PackageName, path: match[2]?.split("/") ?? [] };
    if (ts.isNamespaceImport(bindings)) imported.set(bindings.name.text, origin);
    else
      for (const element of bindings.elements) {
        const name = (element.propertyName ?? element.name).text;
        imported.set(element.name.text, { ...origin, path: [...origin.path, name] });
      }
  }
  return imported;
}

/**
 * Resolves an expression such as `aws.s3.Bucket` to package and path. Returns undefined if its first name was not
 * imported from one of the packages.
 */
function resolve(expression: ts.Expression, imported: Imported): Omit<Use, "kind"> | undefined {
  const names: string[] = [];
  let current = expression;
  while (ts.isPropertyAccessExpression(current)) {
    names.unshift(current.name.text);
    current = current.expression;
  }
  const origin = ts.isIdentifier(current) ? imported.get(current.text) : undefined;
  return origin && { package: origin.package, path: [...origin.path, ...names] };
}

function usesIn(source: ts.SourceFile): Use[] {
  const imported = importsOf(source);
  const uses: Use[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node)) {
      const found = resolve(node.expression, imported);
      if (found) uses.push({ ...found, kind: "resource" });
    } else if (ts.isCallExpression(node)) {
      const found = resolve(node.expression, imported);
      const last = found?.path.at(-1) ?? "";
      if (found && /^get[A-Z]/.test(last))
        uses.push({ ...found, path: [...found.path.slice(0, -1), last.replace(/Output$/, "")], kind: "function" });
      else if (found && last === "get" && /^[A-Z]/.test(found.path.at(-2) ?? ""))
        uses.push({ ...found, path: found.path.slice(0, -1), kind: "resource" });
    }
    ts.forEachChild(node, visit);
  };
  if (imported.size > 0) visit(source);
  return uses;
}

function sourcesUnder(path: string): string[] {
  if (!statSync(path).isDirectory()) return path.endsWith(".ts") && !path.endsWith(".d.ts") ? [path] : [];
  return readdirSync(path)
    .sort()
    .flatMap((entry) => sourcesUnder(join(path, entry)));
}

/**
 * Returns all resources and functions of the packages that the TypeScript files in some paths use, sorted and without
 * duplicates. Explicit providers are left out, because their configuration is not a resource of a cloud.
 */
export function scan(paths: readonly string[]): Use[] {
  const uses = paths.flatMap(sourcesUnder).flatMap((path) => {
    const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, false);
    return usesIn(source);
  });
  const unique = new Map(uses.map((use) => [`${use.package} ${use.path.join(".")}`, use]));
  return [...unique]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, use]) => use)
    .filter(({ path }) => path.at(-1) !== "Provider");
}
