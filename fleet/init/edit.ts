import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  stringify,
  visit,
  YAMLMap,
} from "yaml";
import { ExitCode, UserError } from "../../model/errors";
import { PROJECT } from "../../model/names";

/** A changed value in a file. */
export interface Change {
  readonly file: string;
  /** Key for people, for example `langflow-dr:zone`. */
  readonly key: string;
  /** Undefined if the key had no value. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Editor for a YAML file that preserves comments and the order of keys. */
export class EditedFile {
  readonly changes: Change[] = [];
  private readonly document: Document;

  /** @throws UserError exit 2 if the text is not valid YAML */
  constructor(
    readonly name: string,
    text: string,
  ) {
    this.document = parseDocument(text);
    const [problem] = this.document.errors;
    if (problem) throw new UserError(`${name}: ${problem.message}`, ExitCode.BadInput);
    keepGap(this.document, text);
  }

  get(path: readonly string[]): unknown {
    const found = this.document.getIn(path, true);
    if (isCollection(found)) return found.toJSON();
    return isScalar(found) ? found.value : undefined;
  }

  /** @param key name of the change */
  set(path: readonly string[], value: unknown, key: string): void {
    const before = this.get(path);
    if (JSON.stringify(before) === JSON.stringify(value)) return;
    this.makeMaps(path);
    this.changes.push({ file: this.name, key, before, after: value });
    if (value === undefined) this.commentOut(path);
    else if (typeof value !== "object") this.document.setIn(path, value);
    else this.setCollection(path, value as object);
    const written = this.document.getIn(path, true);
    if (isNode(written)) quoteDoubtful(written);
  }

  /** Adds a top-level key above `config`, replacing the commented-out example of the key. */
  setBeforeConfig(name: string, value: object): void {
    if (this.document.has(name)) {
      for (const [key, part] of Object.entries(value)) this.set([name, key], part, `${name}.${key}`);
      return;
    }
    for (const [key, part] of Object.entries(value))
      this.changes.push({ file: this.name, key: `${name}.${key}`, before: undefined, after: part });
    const { items } = this.document.contents as YAMLMap;
    const at = items.findIndex(({ key }) => isScalar(key) && key.value === "config");
    const next = items[at]?.key as { commentBefore?: string | null; spaceBefore?: boolean } | undefined;
    const pair = this.document.createPair(this.document.createNode(name), value) as Pair;
    if (next) {
      const example = new RegExp(`^ (${name}:|  (${Object.keys(value).join("|")}):)`);
      const lines = next.commentBefore?.split("\n").filter((line) => !example.test(line));
      Object.assign(pair.key as object, { commentBefore: lines?.join("\n").trimEnd(), spaceBefore: true });
      Object.assign(next, { commentBefore: undefined, spaceBefore: true });
    }
    items.splice(at === -1 ? items.length : at, 0, pair);
  }

  /** Deletes keys together with their comments. */
  drop(...paths: readonly (readonly string[])[]): void {
    for (const path of paths) this.document.deleteIn(path);
  }

  toString(): string {
    return this.document.toString({ lineWidth: 0, flowCollectionPadding: false });
  }

  /** Replaces empty values above a path with maps. @throws UserError exit 2 if a different value is in the way */
  private makeMaps(path: readonly string[]): void {
    for (const [index] of path.entries()) {
      const above = path.slice(0, index);
      const found = this.document.getIn(above, true);
      if (found === undefined || found === null || isMap(found)) continue;
      if (!isScalar(found) || found.value !== null) {
        const place = above.length === 0 ? "" : `: ${above.join(".")}`;
        throw new UserError(
          `${this.name}${place} must be a YAML mapping (keys with values): correct it, then run this again`,
          ExitCode.BadInput,
        );
      }
      const { comment, commentBefore } = found;
      this.document.setIn(above, Object.assign(new YAMLMap(), { comment, commentBefore }));
    }
  }

  private setCollection(path: readonly string[], value: object): void {
    const before = this.document.getIn(path, true);
    const made = this.document.createNode(value);
    if (isCollection(made) && isCollection(before) && Array.isArray(value)) {
      // Keeps a list on one line if it was on one line, unless it contains objects.
      const plain = value.every((item) => typeof item !== "object");
      Object.assign(made, { flow: plain && (before.flow ?? false), comment: before.comment });
    }
    this.document.setIn(path, made);
  }

  /** Deletes a key. Moves its comments, and the key itself as an example, above the next key. */
  private commentOut(path: readonly string[]): void {
    const [section = "", key = ""] = path;
    const map = this.document.get(section);
    if (!isMap(map)) return;
    const at = map.items.findIndex((item) => isScalar(item.key) && item.key.value === key);
    const gone = map.items[at]?.key;
    const next = map.items[at + 1]?.key;
    if (isScalar(gone) && isScalar(next)) {
      const said = [gone.commentBefore, ` ${key}:`, "   value: …"].filter((line) => line);
      next.commentBefore = `${said.join("\n")}\n\n${next.commentBefore ?? ""}`;
    }
    map.delete(key);
  }
}

/** Quotes every text that the engine's YAML 1.1 parser would read as a number, a date or a boolean. */
function quoteDoubtful(node: Node): void {
  const quote = (scalar: Scalar) => {
    const { value } = scalar;
    if (typeof value === "string" && stringify(value) !== stringify(value, { version: "1.1" }))
      scalar.type = Scalar.QUOTE_DOUBLE;
  };
  if (isScalar(node)) quote(node);
  else visit(node, { Scalar: (_, scalar) => quote(scalar) });
}

/** Restores the empty line above the last comment, which the parser drops. */
function keepGap(document: Document, text: string): void {
  const config = document.get("config");
  if (!isMap(config) || !config.comment) return;
  const [first = ""] = config.comment.split("\n");
  if (text.includes(`\n\n  #${first}\n`)) config.comment = `\n${config.comment}`;
}

/** Returns the path of a value in the project's or a stack's config file. */
export const projectPath = (key: string, ...rest: readonly string[]) => [
  "config",
  `${PROJECT}:${key}`,
  "value",
  ...rest,
];
export const stackPath = (key: string, ...rest: readonly string[]) => ["config", `${PROJECT}:${key}`, ...rest];
