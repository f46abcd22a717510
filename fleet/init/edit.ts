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

/** One value that a file will hold instead of another. */
export interface Change {
  readonly file: string;
  /** As a person looks for it, for example `langflow-dr:zone`. */
  readonly key: string;
  /** Undefined where there was none. */
  readonly before: unknown;
  readonly after: unknown;
}

/** A YAML file under edit: values move, comments and the order of keys stay. */
export class EditedFile {
  readonly changes: Change[] = [];
  private readonly document: Document;

  /** @throws UserError exit 2 where the text is no YAML */
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

  /** @param key what the change is called */
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

  /** A new top-level key above `config`, in the place of the commented example of it. */
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

  /** Takes keys out along with what is said of them. */
  drop(...paths: readonly (readonly string[])[]): void {
    for (const path of paths) this.document.deleteIn(path);
  }

  toString(): string {
    return this.document.toString({ lineWidth: 0, flowCollectionPadding: false });
  }

  /** Makes a map of each empty value above a path. @throws UserError exit 2 where there is another value */
  private makeMaps(path: readonly string[]): void {
    for (const [index] of path.entries()) {
      const above = path.slice(0, index);
      const found = this.document.getIn(above, true);
      if (found === undefined || found === null || isMap(found)) continue;
      if (!isScalar(found) || found.value !== null) {
        const place = above.length === 0 ? "" : `: ${above.join(".")}`;
        throw new UserError(`${this.name}${place} must contain keys with values: correct it first`, ExitCode.BadInput);
      }
      const { comment, commentBefore } = found;
      this.document.setIn(above, Object.assign(new YAMLMap(), { comment, commentBefore }));
    }
  }

  private setCollection(path: readonly string[], value: object): void {
    const before = this.document.getIn(path, true);
    const made = this.document.createNode(value);
    if (isCollection(made) && isCollection(before) && Array.isArray(value)) {
      // One line stays one line, but for a list of objects.
      const plain = value.every((item) => typeof item !== "object");
      Object.assign(made, { flow: plain && (before.flow ?? false), comment: before.comment });
    }
    this.document.setIn(path, made);
  }

  /** Leaves what was said of a key, and the key itself as an example, above the key that follows. */
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

/** Quotes for each text that the engine's reader of YAML, of an older release, would take for a number, a day or a truth value. */
function quoteDoubtful(node: Node): void {
  const quote = (scalar: Scalar) => {
    const { value } = scalar;
    if (typeof value === "string" && stringify(value) !== stringify(value, { version: "1.1" }))
      scalar.type = Scalar.QUOTE_DOUBLE;
  };
  if (isScalar(node)) quote(node);
  else visit(node, { Scalar: (_, scalar) => quote(scalar) });
}

/** The empty line above the last comment, which the parser forgets. */
function keepGap(document: Document, text: string): void {
  const config = document.get("config");
  if (!isMap(config) || !config.comment) return;
  const [first = ""] = config.comment.split("\n");
  if (text.includes(`\n\n  #${first}\n`)) config.comment = `\n${config.comment}`;
}

/** Where a value of the project's or a stack's config is. */
export const projectPath = (key: string, ...rest: readonly string[]) => [
  "config",
  `${PROJECT}:${key}`,
  "value",
  ...rest,
];
export const stackPath = (key: string, ...rest: readonly string[]) => ["config", `${PROJECT}:${key}`, ...rest];
