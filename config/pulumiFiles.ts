import { z } from "zod";
import { PROJECT } from "../model/names";
import { allowed, shortKey } from "./problems";
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
      error: "must be nodejs, or have only name and options",
    })
    .optional(),
  main: text,
  description: text,
  author: text,
  website: text,
  license: text,
  config: anything,
  stackConfigDir: z
    .custom((value) => value === undefined, "must be absent: the stack files are next to Pulumi.yaml")
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
      return issue.keys.map((key) => `${String(place)}.${shortKey(key)} is unknown to Pulumi: remove it`);
    return issue.keys.map((key) => besideConfig(kind, key, Object.keys(schema.shape)));
  });
}

/** The key of ours that was probably meant; undefined where none was. */
function ourKey(bare: string): string | undefined {
  return ALL_KEYS.includes(bare) ? bare : meant(bare, ALL_KEYS);
}

/**
 * What is wrong with a whole key of `config`, such as a file has it, that is to be one of ours and would be passed over in silence;
 * undefined of ours and of other programs' keys.
 *
 * @param project as Pulumi.yaml names it: Pulumi's own namespace for a key that has none
 */
export function strayKey(whole: string, project: string): string | undefined {
  const [namespace = "", ...rest] = whole.split(":");
  const key = shortKey(whole);
  if (rest.length === 0) {
    const ours = ourKey(whole);
    if (ours === whole) return `${key} has no namespace: write ${PROJECT}:${whole}`;
    return `${key} has no namespace, and no program reads it: ${ours === undefined ? "remove it" : `did you mean ${PROJECT}:${ours}?`}`;
  }
  if (namespace === PROJECT || (namespace !== project && meant(namespace, [PROJECT]) === undefined)) return undefined;
  return `${key} is unknown: did you mean ${PROJECT}:${shortKey(rest.join(":"))}?`;
}

/** What is said of a key at the top of a file that Pulumi does not know. */
function besideConfig(kind: FileKind, key: string, known: readonly string[]): string {
  const shown = shortKey(key);
  const other = kind === "fleet" ? stackFile : projectFile;
  if (Object.hasOwn(other.shape, key))
    return `${key} has no effect here: move it to ${kind === "fleet" ? "the stack files" : "Pulumi.yaml"}`;
  const [, bare = key] = new RegExp(`^${PROJECT}:(.+)$`).exec(key) ?? [];
  const ours = ourKey(bare);
  const pulumis = bare === key && ours !== bare ? meant(key, known) : undefined;
  if (pulumis !== undefined) return `${shown} is unknown to Pulumi: did you mean ${pulumis}?`;
  if (ours === undefined)
    return `${shown} is unknown to Pulumi: remove it, or move it below config: if a program reads it`;
  const homes = homesOf(ours);
  const file = homes.includes(kind) ? "" : ` of ${belongsInto(ours)}`;
  const form = `${PROJECT}:${ours}${homes.includes("fleet") ? ", with its value below value:" : ""}`;
  return `${shown} has no effect outside config: move it below config:${file} as ${form}`;
}
