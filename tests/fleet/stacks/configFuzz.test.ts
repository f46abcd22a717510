import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Document, isCollection, isMap, parse, parseDocument } from "yaml";
import { z } from "zod";
import { homesOf } from "../../../config/pulumiFiles";
import { schemas } from "../../../config/schema";
import { isUserError } from "../../../fleet/engine/failure";
import { type Project, readProject } from "../../../fleet/stacks/project";
import { ExitCode } from "../../../model/errors";

const ROOT = join(__dirname, "../../..");
/** The nightly run has more. To run more by hand: `CONFIG_RUNS=10000 npx jest tests/fleet/stacks/configFuzz`. */
const RUNS = Number(process.env.CONFIG_RUNS ?? 40);

type Path = readonly (string | number)[];

const FILES = {
  "Pulumi.yaml": "fleet",
  "Pulumi.foundation.yaml": "foundation",
  "Pulumi.us-east.yaml": "region",
  "Pulumi.edge.yaml": "edge",
} as const;
type File = keyof typeof FILES;

/** YAML values that some parser misreads or rejects. */
const WORDS =
  "010 0o17 0x1F 0b11 1_000 1e3 1.0 +5 -0 .5 .inf .nan 1:30 12:30:45 99999999999999999999 1e400 " +
  "yes no on off y n Yes TRUE True null ~ Null 2024-01-01 2024-01-01T00:00:00Z << *nothing &a !!binary @x `x` % 'unclosed " +
  "\"unclosed : - ? | '' [] {} [[]] [null] --- 'true' '5' '[1]' '\"quoted\"' ｌａｎｇｆｌｏｗ é 🙂 arn:aws:iam::1:role/x";
const TRAPS = WORDS.split(" ").concat(
  ["", '" "', "' 5 '", '"\\u0000"', '"\\ud800"', "e\u0301", "\u202eabc", "\ta: b", "a\tb", "a: b: c", "# nothing"],
  ["!!str 5", "!foo bar", "!!set {}", "!!int '5'", "[1, {a: }}", "[1, [2, [3]]]", "{ a: { b: c } }", "{ a: 1, a: 2 }"],
  ["{ <<: { a: 1 } }", "{ [a]: b }", "{ 1: 2 }", "{ ? : }", "'{\"min\": 2}'", "{ secure: v1:abc }", "{ secure: 5 }"],
  ["{ value: 1 }", "{ __proto__: 1 }", "{ constructor: 1 }", "&a [*a]", "&a [&b [*b, *b], &c [*b, *b]]"],
  ["x".repeat(5_000), `${"[".repeat(3_000)}${"]".repeat(3_000)}`],
);

/** Generates JSON values that a schema accepts, and values close to them. */
function near(schema: z.ZodType): fc.Arbitrary<unknown> {
  const { def } = schema as unknown as { def: { type: string; innerType?: z.ZodType; in?: z.ZodType } };
  if (def.innerType) return near(def.innerType);
  if (def.type === "pipe" && def.in) return near(def.in);
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options, `${schema.options[0]}x`);
  if (schema instanceof z.ZodBoolean) return fc.oneof(fc.boolean(), fc.constantFrom("true", "yes", 0));
  if (schema instanceof z.ZodNumber) {
    const bounds = [schema.minValue, schema.maxValue].filter((bound) => bound !== null);
    return fc.oneof(
      fc.constantFrom(...bounds.flatMap((bound) => [bound - 1, bound, bound + 1, bound + 0.5, String(bound)])),
      fc.integer({ min: -10, max: 5_000 }),
      fc.double(),
    );
  }
  if (schema instanceof z.ZodObject)
    return fc.record(
      Object.fromEntries(Object.entries(schema.shape).map(([key, part]) => [key, near(part as z.ZodType)])),
      { requiredKeys: [] },
    );
  if (schema instanceof z.ZodArray) return fc.array(near(schema.element as z.ZodType), { maxLength: 3 });
  if (schema instanceof z.ZodRecord)
    return fc.dictionary(
      fc.oneof(fc.constantFrom("us-east", "A_KEY"), fc.string()),
      near(schema.valueType as z.ZodType),
      {
        maxKeys: 3,
      },
    );
  return fc.oneof(
    fc.string(),
    fc.constantFrom("example.com", "us-east", "us-west-2", "10.48.0.0/16", "1", "2Gi", "A_KEY"),
  );
}

/** Yields every path that a schema allows in a file, even if the file has no value at that path. */
function* places(schema: unknown, path: Path = []): Generator<{ path: Path; schema: z.ZodType }> {
  if (path.length > 0) yield { path, schema: schema as z.ZodType };
  let inner = schema as { def: { innerType?: unknown } };
  while (inner.def.innerType) inner = inner.def.innerType as typeof inner;
  if (inner instanceof z.ZodObject)
    for (const [key, part] of Object.entries(inner.shape)) yield* places(part, [...path, key]);
  if (inner instanceof z.ZodArray) yield* places(inner.element, [...path, 0]);
}

type Change =
  | { readonly how: "value"; readonly value: unknown }
  | { readonly how: "text"; readonly text: string }
  | { readonly how: "remove" | "double" }
  | { readonly how: "rename"; readonly key: string };
interface Mutation {
  readonly file: File;
  readonly path: Path;
  readonly change: Change;
}

const SITES = (Object.entries(FILES) as [File, (typeof FILES)[File]][]).flatMap(([file, kind]) =>
  [...places(schemas[kind])].map((place) => ({ file, ...place })),
);
const mutation: fc.Arbitrary<Mutation> = fc.constantFrom(...SITES).chain(({ file, path, schema }) =>
  fc
    .oneof(
      { weight: 4, arbitrary: near(schema).map((value): Change => ({ how: "value", value })) },
      { weight: 5, arbitrary: fc.constantFrom(...TRAPS).map((text): Change => ({ how: "text", text })) },
      { weight: 1, arbitrary: fc.constantFrom<Change>({ how: "remove" }, { how: "double" }) },
      {
        weight: 1,
        arbitrary: fc
          .constantFrom(`${path.at(-1)}s`, "toString", "__proto__", "🙂", "langflow-dr:zone", "x".repeat(300))
          .map((key): Change => ({ how: "rename", key })),
      },
    )
    .map((change) => ({ file, path, change })),
);

/** Returns a shipped file's content with all its commented examples enabled. */
function whole(file: string): Record<string, unknown> {
  const text = readFileSync(join(ROOT, file), "utf8").replaceAll(
    /^( *)# (langflow-dr:\w+:.*(?:\n\1# {3}.*)*)/gm,
    (lines) => lines.replaceAll(/^( *)# /gm, "$1"),
  );
  const content = parse(text);
  const observability = content.config["langflow-dr:observability"]?.value;
  for (const name of Object.keys(observability?.images ?? {}))
    observability.images[name] = `${name.toLowerCase()}:1.0.0@sha256:${"c".repeat(64)}`;
  return content;
}
const BASE = Object.fromEntries(
  readdirSync(ROOT)
    .filter((file) => /^Pulumi(\.[\w-]+)?\.yaml$/.test(file))
    .map((file) => [file, whole(file)]),
);

/** Placeholder for a raw text. The rest of the file is written first, and the raw text is inserted afterwards. */
const STAND_IN = "stands-for-a-text-";
/** Returns the path in a file for a path in the schema. */
const inFile = (file: File, [key, ...rest]: Path): Path => [
  "config",
  `langflow-dr:${key}`,
  ...(file === "Pulumi.yaml" ? ["value"] : []),
  ...rest,
];

/** Returns the text of all files with these mutations. */
function written(mutations: readonly Mutation[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(BASE).map(([file, content]) => {
      const document = new Document(structuredClone(content), { aliasDuplicateObjects: false });
      const texts: string[] = [];
      for (const { path, change, ...at } of mutations.filter((each) => each.file === file)) {
        const [key, ...above] = [...inFile(at.file, path)].reverse();
        const parents = above.reverse();
        const parent = document.getIn(parents);
        if (!isCollection(parent)) continue;
        const pair = isMap(parent) ? parent.items.find((item) => String(item.key) === String(key)) : undefined;
        if (change.how === "value") document.setIn([...parents, key], document.createNode(change.value));
        else if (change.how === "text") {
          texts.push(change.text);
          document.setIn([...parents, key], `${STAND_IN}${texts.length - 1}-`);
        } else if (change.how === "remove") document.deleteIn([...parents, key]);
        else if (isMap(parent) && pair)
          parent.items.push(document.createPair(change.how === "rename" ? change.key : key, pair.value));
      }
      const text = document.toString({ lineWidth: 0 });
      return [file, texts.reduce((so, each, index) => so.replace(`${STAND_IN}${index}-`, () => each), text)];
    }),
  );
}

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "config-fuzz-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function read(files: Record<string, string>): Project | string {
  for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
  try {
    return readProject(directory);
  } catch (error) {
    if (!isUserError(error)) throw error;
    expect(error.exitCode).toBe(ExitCode.BadInput);
    return error.message;
  }
}

/** Matches wording that a user cannot act on. */
const UNCLEAR =
  /undefined|\[object|Invalid input|nonoptional|must be one of $|must be a (never|custom|unknown)|\n {4}at /m;

/** Expects one sentence per problem, with its key, or with its file if that file is not valid YAML. */
function expectClear(message: string, mutations: readonly Mutation[]): void {
  expect(message).not.toMatch(UNCLEAR);
  const lines = message.split("\n");
  if (!message.startsWith("The config is invalid")) {
    expect(lines).toHaveLength(1);
    expect(message).toMatch(/Pulumi(\.[\w-]+)?\.yaml/);
    return;
  }
  let file = "";
  const places: string[] = [];
  for (const line of lines.slice(1)) {
    if (!line.startsWith("  ")) file = line;
    else {
      expect(line.length).toBeLessThan(700);
      expect(line).toMatch(/^ {2}(does not exist: every stack|stack |langflow-dr:|.* (has no namespace|is unknown))/);
      places.push(`${file} ${line.split(" ", 3)[2]}`);
    }
  }
  expect(places).toEqual([...new Set(places)]);
  // A single mutation must be reported by its own key. With several, a problem may be reported by a related key.
  if (mutations.length === 1) {
    const [{ path, change }] = mutations as [Mutation];
    const named = [...path.map(String), ...(change.how === "rename" ? [change.key.slice(0, 50)] : [])];
    expect(named.some((name) => message.includes(name))).toBe(true);
  }
}

/** Expects an accepted config to have the file's values at every path that the file sets. */
function expectUnchanged(project: Project, files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    const config: Record<string, unknown> = parseDocument(text).toJS().config;
    const stack = file.slice("Pulumi.".length, -".yaml".length);
    for (const [whole, raw] of Object.entries(config)) {
      const key = whole.replace(/^langflow-dr:/, "");
      const [home] = homesOf(key);
      if (home === undefined || key === "workspaces") continue;
      const stacks = home === "fleet" ? [...project.stacks.values()] : [project.stacks.get(stack)];
      const value = home === "fleet" && typeof raw === "object" && raw !== null && "value" in raw ? raw.value : raw;
      for (const parsed of stacks) {
        const part = (home === "fleet" ? parsed?.fleet : parsed?.own) as Record<string, unknown> | undefined;
        if (!JSON.stringify(value).includes('"secure"')) expect([key, part?.[key]]).toEqual([key, holding(value)]);
      }
    }
  }
}

/** Returns a matcher for a parsed value: the value in the file, plus defaults for what the file omits. */
function holding(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(holding);
  if (typeof value === "object" && value !== null)
    return expect.objectContaining(
      Object.fromEntries(Object.entries(value).map(([key, part]) => [key, holding(part)])),
    );
  if (typeof value !== "string") return value;
  // Images are parsed into parts, tags are normalized, mailboxes are lowercased, and the engine passes numbers as text.
  if (/@sha256:/.test(value)) return expect.objectContaining({ digest: expect.any(String) });
  const same = [value, value.normalize("NFC"), value.toLowerCase()];
  try {
    const decoded: unknown = JSON.parse(value);
    if (typeof decoded !== "string")
      return {
        asymmetricMatch: (got: unknown) =>
          same.includes(got as string) || JSON.stringify(got) === JSON.stringify(decoded),
      };
  } catch {
    // The value is plain text.
  }
  return { asymmetricMatch: (got: unknown) => same.includes(got as string) };
}

describe("any config", () => {
  it("is accepted if it has the form of the shipped files with all their examples enabled", () => {
    const files = written([]);
    const project = read(files);
    if (typeof project === "string") throw new Error(project);
    expectUnchanged(project, files);
  });

  it("is either accepted without changing values, or rejected with clear sentences that name the keys", () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 2 }), (mutations) => {
        const files = written(mutations);
        const project = read(files);
        if (typeof project === "string") expectClear(project, mutations);
        else {
          accepted += 1;
          expectUnchanged(project, files);
        }
      }),
      { numRuns: RUNS },
    );
    expect(accepted).toBeGreaterThan(0);
  });
});
