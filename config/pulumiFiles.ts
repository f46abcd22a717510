import { z } from "zod";
import { PROJECT } from "../model/names";
import { allowed } from "./problems";
import { schemas } from "./schema";
import { meant } from "./suggestion";

/** A file of the project: Pulumi.yaml, or that of a stack of one kind. */
export type FileKind = keyof typeof schemas;

/** The file that holds a kind's keys, as a person looks for it. */
const FILES: Readonly<Record<FileKind, string>> = {
  fleet: "Pulumi.yaml",
  foundation: "Pulumi.foundation.yaml",
  region: "Pulumi.<region>.yaml",
  edge: "Pulumi.edge.yaml",
};

/** The kinds of files that one of our keys is allowed in; none for a key that is not ours. */
export function homesOf(key: string): FileKind[] {
  return (Object.keys(FILES) as FileKind[]).filter((kind) => Object.hasOwn(schemas[kind].shape, key));
}

/** Every key of ours, of whichever file. */
export const ALL_KEYS = [...new Set(Object.values(schemas).flatMap(({ shape }) => Object.keys(shape)))];

/** Where a key belongs that is none of this file, in words: the same in every stack, so that one in Pulumi.yaml is told once. */
export function belongsInto(key: string): string {
  return homesOf(key)
    .map((kind) => FILES[kind])
    .join(" or ");
}

const text = z.string().nullish();
const anything = z.unknown().optional();

/**
 * What Pulumi reads of Pulumi.yaml (sdk v3.274.1, go/common/workspace: `Project` and project.json). It passes over other keys in
 * silence, at the top.
 */
const projectFile = z.strictObject({
  name: anything,
  runtime: z
    .union([z.string(), z.strictObject({ name: z.string(), options: z.record(z.string(), z.unknown()).optional() })], {
      error: "must be nodejs, or name and options alone",
    })
    .optional(),
  main: text,
  description: text,
  author: text,
  website: text,
  license: text,
  config: anything,
  stackConfigDir: z
    .custom((value) => value === undefined, "must not be there: the stacks' files are beside Pulumi.yaml")
    .optional(),
  template: anything,
  backend: z.strictObject({ url: z.string().optional() }).nullish(),
  options: z.strictObject({ refresh: z.literal("always").optional() }).nullish(),
  packages: anything,
  plugins: anything,
  requiredPulumiVersion: text,
});

/** What Pulumi reads of a stack's file (the same package, `ProjectStack`); it passes over all else in silence. */
const stackFile = z.strictObject({
  secretsprovider: text,
  encryptedkey: text,
  encryptionsalt: text,
  config: anything,
  environment: anything,
});

/** What is wrong with a file around its `config`, one line each, without any value. */
export function fileProblems(kind: FileKind, content: Record<string, unknown>): string[] {
  const schema = kind === "fleet" ? projectFile : stackFile;
  return (schema.safeParse(content).error?.issues ?? []).flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") return [`${issue.path.join(".")} ${allowed(issue)}`];
    const [place] = issue.path;
    if (place !== undefined)
      return issue.keys.map((key) => `${String(place)}.${key} is unknown to Pulumi: take it out`);
    return issue.keys.map((key) => besideConfig(kind, key, Object.keys(schema.shape)));
  });
}

/** What is said of a key at the top of a file that Pulumi does not know. */
function besideConfig(kind: FileKind, key: string, known: readonly string[]): string {
  const [, bare = key] = new RegExp(`^${PROJECT}:(.+)$`).exec(key) ?? [];
  const ours = ALL_KEYS.includes(bare) ? bare : meant(bare, ALL_KEYS);
  const pulumis = bare === key ? meant(key, known) : undefined;
  if (ours === undefined || (pulumis !== undefined && ours !== bare))
    return `${key} is unknown to Pulumi: ${pulumis === undefined ? "take it out, or move it below config: if it is a program's" : `did you mean ${pulumis}?`}`;
  const homes = homesOf(ours);
  const file = homes.includes(kind) ? "" : ` of ${belongsInto(ours)}`;
  const form = homes.includes("fleet") ? `${PROJECT}:${ours}, with its value below value:` : `${PROJECT}:${ours}`;
  return `${key} has no effect beside config: move it below config:${file} as ${form}`;
}
