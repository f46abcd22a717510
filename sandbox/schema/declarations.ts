import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { PropertySchema } from "./schema";

/** Reads the type declarations of one installed package and collects the nested types that its resources use. */
export class Declarations {
  /** Nested types so far, by their name below `inputs`. */
  readonly types = new Map<string, Record<string, PropertySchema>>();
  private readonly interfaces: Map<string, ts.InterfaceDeclaration>;
  private readonly outputInterfaces: Map<string, ts.InterfaceDeclaration>;

  constructor(
    readonly folder: string,
    /** `snake` if the vendor's values are snake_case but the documentation shows them in camelCase. */
    private readonly values: "snake" | "both",
    /** Whether the nested output types show which properties the cloud always sets. */
    nestedComputed: boolean,
  ) {
    const declared = (file: string) => (existsSync(file) ? interfacesOf(parse(file)) : new Map());
    this.interfaces = declared(join(folder, "types", "input.d.ts"));
    this.outputInterfaces = nestedComputed ? declared(join(folder, "types", "output.d.ts")) : new Map();
  }

  /** Returns the properties of an interface in a file, for example `BucketArgs` of `s3/bucket.d.ts`. */
  properties(file: string, name: string): Record<string, PropertySchema> {
    const declaration = interfacesOf(parse(file)).get(name);
    if (!declaration) throw new Error(`${file} does not declare ${name}`);
    return this.members(declaration);
  }

  /** Returns the outputs of a resource class by name, and whether each is always present. */
  outputs(file: string, name: string): Record<string, { always: boolean }> {
    const found = parse(file).statements.find(
      (statement): statement is ts.ClassDeclaration =>
        ts.isClassDeclaration(statement) && statement.name?.text === name,
    );
    if (!found) throw new Error(`${file} does not declare the class ${name}`);
    const fields = found.members.filter(ts.isPropertyDeclaration).filter(({ type }) => type && isOutput(type));
    return Object.fromEntries(fields.map(({ name: field, type }) => [nameOf(field), { always: !mayBeAbsent(type) }]));
  }

  private members(declaration: ts.InterfaceDeclaration): Record<string, PropertySchema> {
    const properties = declaration.members.filter(ts.isPropertySignature).map((member): [string, PropertySchema] => {
      const text = documentation(member);
      const type = this.type(member.type);
      const allowed = literals(member.type) ?? (/^string(\[\])?$/.test(type) ? this.documentedValues(text) : undefined);
      return [
        nameOf(member.name),
        {
          type,
          ...(member.questionToken ? {} : { required: true }),
          ...(allowed ? { enum: allowed } : {}),
          ...(FORCES_NEW.test(text) ? { replaces: true } : {}),
        },
      ];
    });
    return Object.fromEntries(properties.sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  /** Returns a type in the notation of `sandbox/schema/schema.ts`. */
  private type(node: ts.TypeNode | undefined): string {
    if (!node) return "any";
    if (ts.isUnionTypeNode(node)) {
      const options = node.types.filter((option) => !isUndefined(option)).map((option) => this.type(option));
      return [...new Set(options)].sort().join("|");
    }
    if (ts.isParenthesizedTypeNode(node)) return this.type(node.type);
    if (ts.isArrayTypeNode(node)) {
      const element = this.type(node.elementType);
      return element.includes("|") ? `(${element})[]` : `${element}[]`;
    }
    if (ts.isTypeLiteralNode(node)) {
      const index = node.members.find(ts.isIndexSignatureDeclaration);
      return index ? `{${this.type(index.type)}}` : "any";
    }
    if (ts.isLiteralTypeNode(node)) return ts.isStringLiteral(node.literal) ? "string" : "any";
    if (ts.isTypeReferenceNode(node)) return this.reference(node);
    if (node.kind === ts.SyntaxKind.StringKeyword) return "string";
    if (node.kind === ts.SyntaxKind.NumberKeyword) return "number";
    if (node.kind === ts.SyntaxKind.BooleanKeyword) return "boolean";
    return "any";
  }

  private reference(node: ts.TypeReferenceNode): string {
    const name = entityName(node.typeName);
    if (/^pulumi\.(Input|Output)$/.test(name)) return this.type(node.typeArguments?.[0]);
    if (name.startsWith("pulumi.asset")) return "any";
    if (!name.startsWith("inputs.")) return "string"; // An enumeration, or a resource that is passed for its id.
    const local = name.slice("inputs.".length);
    const declaration = this.interfaces.get(local);
    if (!declaration) return "any";
    if (!this.types.has(local)) {
      this.types.set(local, {}); // Registered first, because types may refer to themselves.
      this.types.set(local, this.withComputed(local, this.members(declaration)));
    }
    return `#${local}`;
  }

  /** Marks properties that the outputs of a nested type always contain, although a program may omit them. */
  private withComputed(name: string, properties: Record<string, PropertySchema>): Record<string, PropertySchema> {
    const outputs = this.outputInterfaces.get(name)?.members.filter(ts.isPropertySignature) ?? [];
    const always = new Set(outputs.filter(({ questionToken }) => !questionToken).map((member) => nameOf(member.name)));
    return Object.fromEntries(
      Object.entries(properties).map(([property, schema]) => [
        property,
        always.has(property) && !schema.required ? { ...schema, computed: true } : schema,
      ]),
    );
  }

  /** Returns the values that a doc comment lists, but only if the list is clearly complete. */
  private documentedValues(text: string): string[] | undefined {
    const list = VALUES.exec(text)?.[1];
    if (!list) return undefined;
    const found = [...list.matchAll(/[`"]+([\w:./-]+)["`]+/g)].map(([, value = ""]) => value);
    const spelled = found.flatMap((value) => {
      const snake = value.replace(/(?<=[a-z])([A-Z])/g, (letter) => `_${letter.toLowerCase()}`);
      if (!/^[a-z]+([A-Z][a-z]+)+$/.test(value)) return [value];
      return this.values === "snake" ? [snake] : [value, snake];
    });
    return [...new Set(spelled)].sort();
  }
}

/**
 * Matches a sentence that lists all values in code quotes: `Valid values: …` in the AWS provider, `Available values: …`
 * in Cloudflare's.
 */
const VALUES =
  /(?:Valid|Allowed|Available|Possible) values(?: are| include)?:? ((?:[`"]+[\w:./-]+["`]+(?: \(default\))?(?:, (?:and |or )?| and | or )?){2,})(?:\.|$|\n)/;

/** Matches the documentation's wordings for a change that causes a replacement. */
const FORCES_NEW =
  /\b(?:Forces (?:a )?(?:new resource|replacement)|[Ff]orces? a new \w+ to be created|forces new resource)\b/i;

const parsed = new Map<string, ts.SourceFile>();

function parse(file: string): ts.SourceFile {
  const known = parsed.get(file);
  if (known) return known;
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  parsed.set(file, source);
  return source;
}

/** Returns the interfaces of a file by their qualified name, for example `s3.BucketVersioning`. */
function interfacesOf(source: ts.SourceFile): Map<string, ts.InterfaceDeclaration> {
  const found = new Map<string, ts.InterfaceDeclaration>();
  const visit = (statements: readonly ts.Statement[], prefix: string): void => {
    for (const statement of statements) {
      if (ts.isInterfaceDeclaration(statement)) found.set(prefix + statement.name.text, statement);
      if (ts.isModuleDeclaration(statement) && statement.body && ts.isModuleBlock(statement.body))
        visit(statement.body.statements, `${prefix}${statement.name.text}.`);
    }
  };
  visit(source.statements, "");
  return found;
}

function documentation(node: ts.Node): string {
  return ts
    .getJSDocCommentsAndTags(node)
    .map((comment) => ts.getTextOfJSDocComment(comment.comment) ?? "")
    .join("\n");
}

/** Returns the values of a type that is one or more string literals, ignoring `undefined`. */
function literals(node: ts.TypeNode | undefined): string[] | undefined {
  if (!node) return undefined;
  if (ts.isTypeReferenceNode(node)) return literals(node.typeArguments?.[0]);
  const options = ts.isUnionTypeNode(node) ? node.types.filter((option) => !isUndefined(option)) : [node];
  const values = options.flatMap((option) =>
    ts.isLiteralTypeNode(option) && ts.isStringLiteral(option.literal) ? [option.literal.text] : [],
  );
  return values.length > 0 && values.length === options.length ? values.sort() : undefined;
}

function isUndefined(node: ts.TypeNode): boolean {
  return node.kind === ts.SyntaxKind.UndefinedKeyword;
}

function isOutput(node: ts.TypeNode): boolean {
  return ts.isTypeReferenceNode(node) && entityName(node.typeName) === "pulumi.Output";
}

function mayBeAbsent(node: ts.TypeNode | undefined): boolean {
  const inner = node && ts.isTypeReferenceNode(node) ? node.typeArguments?.[0] : undefined;
  return inner !== undefined && ts.isUnionTypeNode(inner) && inner.types.some(isUndefined);
}

function entityName(name: ts.EntityName): string {
  return ts.isIdentifier(name) ? name.text : `${entityName(name.left)}.${name.right.text}`;
}

function nameOf(name: ts.PropertyName): string {
  return ts.isStringLiteral(name) || ts.isIdentifier(name) ? name.text : name.getText();
}
