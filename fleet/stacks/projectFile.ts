import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Document, isScalar, parseDocument, visit } from "yaml";
import { ExitCode, UserError } from "../../model/errors";

/** Parsed content of Pulumi.yaml or a stack's file. */
export type ProjectFile = Readonly<Record<string, unknown>> & { readonly config?: RawConfig };

export type RawConfig = Readonly<Record<string, unknown>> | null | undefined;

/**
 * Reads a file of the project exactly like the engine does.
 *
 * @returns undefined if the file is empty
 * @throws UserError exit 2, with a message that contains no values
 */
export function readProjectFile(directory: string, file: string): ProjectFile | undefined {
  const path = join(directory, file);
  const content = parsedYaml(path, readText(path)) ?? undefined;
  if (content === undefined) return undefined;
  if (!isMap(content)) throw new UserError(`${path} must be a YAML mapping (keys with values)`, ExitCode.BadInput);
  const { config } = content;
  if (config !== undefined && config !== null && !isMap(config))
    throw new UserError(`${path}: config must be a YAML mapping (keys with values)`, ExitCode.BadInput);
  return content as ProjectFile;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `${path} cannot be read (${code}): run this in the project folder, or pass it with --project`,
      ExitCode.BadInput,
    );
  }
}

/** Parses YAML. Error messages omit the quoted lines of the file, because they may contain secrets. */
function parsedYaml(path: string, text: string): unknown {
  try {
    const document = parseDocument(text);
    const [error] = document.errors;
    if (error?.code === "MULTIPLE_DOCS")
      throw new UserError(`${path} contains more than one YAML document: keep one`, ExitCode.BadInput);
    if (error) throw error;
    expectPlain(path, document);
    const content: unknown = document.toJS();
    const doubtful = differing(content, parseDocument(text, { version: "1.1" }).toJS());
    if (doubtful !== undefined)
      throw new UserError(
        `${path}: the value of ${doubtful.join(".")} is ambiguous: YAML 1.1 and 1.2 read it differently. Put text in quotes, write numbers in decimal digits and booleans as true or false`,
        ExitCode.BadInput,
      );
    return content;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const [said = ""] = (error as Error).message.split("\n");
    throw new UserError(`${path} is not valid YAML: ${said.replace(/:$/, "")}`, ExitCode.BadInput);
  }
}

/** Rejects tags and non-scalar keys, which YAML readers interpret differently. */
function expectPlain(path: string, document: Document): void {
  const refuse = (what: string) => new UserError(`${path} contains ${what}`, ExitCode.BadInput);
  visit(document, {
    Node: (_, { tag }: { tag?: string }) => {
      if (tag !== undefined) throw refuse(`the YAML tag ${tag}: remove it, and put text in quotes`);
    },
    Pair: (_, { key }) => {
      if (!isScalar(key)) throw refuse("a key that is a list, a map or an alias: write a plain key");
    },
  });
}

/** Returns the path to the first value that differs between YAML 1.1 and 1.2, or undefined if none differs. */
function differing(one: unknown, other: unknown): string[] | undefined {
  if (Object.is(one, other)) return undefined;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return [];
  const entries = Object.entries(one);
  if (entries.length !== Object.keys(other).length) return [];
  for (const [key, value] of entries) {
    const path = differing(value, (other as Record<string, unknown>)[key]);
    if (path !== undefined) return [key, ...path];
  }
  return undefined;
}
