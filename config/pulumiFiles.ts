import { z } from "zod";
import { PROJECT } from "../model/names";
import { allowed, shortKey } from "./problems";
import { schemas } from "./schema";
import { meant } from "./suggestion";

/** Kind of a project file: Pulumi.yaml, or the file of one kind of stack. */
export type FileKind = keyof typeof schemas;

/** File name for each kind of config keys, as shown to users. */
const FILES: Readonly<Record<FileKind, string>> = {
  fleet: "Pulumi.yaml",
  foundation: "Pulumi.foundation.yaml",
  region: "Pulumi.<region>.yaml",
  edge: "Pulumi.edge.yaml",
};

/** Returns the kinds of files that may contain one of our keys; empty for an unknown key. */
export function homesOf(key: string): FileKind[] {
  return (Object.keys(FILES) as FileKind[]).filter((kind) => Object.hasOwn(schemas[kind].shape, key));
}

/** All of our keys, from any file. */
export const ALL_KEYS = [...new Set(Object.values(schemas).flatMap(({ shape }) => Object.keys(shape)))];

/**
 * Returns the names of the files that may contain a key. The text is the same in every stack, so that a key in
 * Pulumi.yaml is reported once.
 */
export function belongsInto(key: string): string {
  return homesOf(key)
    .map((kind) => FILES[kind])
    .join(" or ");
}

const text = z.string().nullish();
const anything = z.unknown().optional();

/**
 * Keys that Pulumi reads from Pulumi.yaml (sdk v3.274.1, go/common/workspace: `Project` and project.json). Pulumi
 * silently ignores other top-level keys.
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

/**
 * Keys that Pulumi reads from a stack's file (the same package, `ProjectStack`). Pulumi silently ignores other keys.
 */
const stackFile = z.strictObject({
  secretsprovider: text,
  encryptedkey: text,
  encryptionsalt: text,
  config: anything,
  environment: anything,
});

/** Returns the problems of a file outside of its `config`, one line each, without any values. */
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

/** Returns our key that was probably meant; undefined if there is none. */
function ourKey(bare: string): string | undefined {
  return ALL_KEYS.includes(bare) ? bare : meant(bare, ALL_KEYS);
}

/**
 * Returns the problem of a complete `config` key that was probably meant as one of ours but that Pulumi would silently
 * ignore. Returns undefined for our keys and for other programs' keys.
 *
 * @param project name in Pulumi.yaml, which Pulumi uses as the namespace of keys without one
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

/** Returns the message for an unknown top-level key. */
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
    return `${shown} is unknown to Pulumi: remove it, or, if a program reads it, move it below config:`;
  const homes = homesOf(ours);
  const file = homes.includes(kind) ? "" : ` of ${belongsInto(ours)}`;
  const form = `${PROJECT}:${ours}${homes.includes("fleet") ? " (a mapping with the single key value)" : ""}`;
  return `${shown} has no effect outside config: move it below config:${file} as ${form}`;
}
