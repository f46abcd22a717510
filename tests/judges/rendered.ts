import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { CloudResource } from "../../sandbox/cloud/client";

/** A resource in the output of `render`. */
export interface Rendered {
  readonly stack: string;
  /** Pulumi type, for example aws:s3/bucket:Bucket, or the kind of a manifest. */
  readonly type: string;
  /** Name that is unique within its stack and type. */
  readonly name: string;
  /** URN, for AWS resources only. */
  readonly urn?: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any shape
  readonly inputs: Record<string, any>;
}

/** Identifiers that the local cloud assigned to a new resource. */
export interface Identity {
  readonly urn: string;
  readonly id: string;
  readonly arn?: string;
}

/** Returns the folder with the rendering from `render.ts`. */
export function renderedFolder(): string {
  const folder = process.env.RENDERED_FOLDER;
  if (folder === undefined) throw new Error("nothing is rendered: run the tests by npm run test:judges");
  return folder;
}

interface File {
  readonly stack: string;
  readonly path: string;
  /** File name without the leading type and the extension. */
  readonly label: string;
}

function files(provider: string): File[] {
  const folder = renderedFolder();
  const stacks = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return stacks.flatMap(({ name: stack }) => {
    const own = readdirSync(join(folder, stack));
    const names = own.includes(provider) ? readdirSync(join(folder, stack, provider)) : [];
    return names.sort().map((name) => ({
      stack,
      path: join(folder, stack, provider, name),
      label: name.replace(/^[^-]+-/, "").replace(/\.\w+$/, ""),
    }));
  });
}

/** Returns the AWS resources of all stacks. */
export function awsResources(): Rendered[] {
  return files("aws").map(({ stack, path, label }) => ({
    ...JSON.parse(readFileSync(path, "utf8")),
    stack,
    name: label,
  }));
}

/** Returns the Kubernetes manifests of all stacks. */
export function manifests(): Rendered[] {
  return files("kubernetes").map(({ stack, path, label }) => {
    const inputs = parse(readFileSync(path, "utf8"));
    return { stack, type: inputs.kind, name: label, inputs };
  });
}

/** Returns the AWS resources as the local cloud stores them, with masked secrets. */
export function cloudResources(): CloudResource[] {
  return JSON.parse(readFileSync(join(renderedFolder(), "cloud.json"), "utf8"));
}

/** Returns ids and ARNs of the AWS resources, which `render` does not write. */
export function identities(): Identity[] {
  return cloudResources().map(({ urn, id, properties: { arn } }) => ({
    urn,
    id,
    ...(typeof arn === "string" && { arn }),
  }));
}

/** Maps each id, ARN and name to its resource. */
export function owners(resources: readonly Rendered[], made: readonly Identity[]): Map<string, Rendered> {
  const whose = new Map<string, Rendered>();
  // A bucket's name is also the id of its policy, its versioning and similar resources, which have no ARN of their own.
  const own = (identity: Identity) => identity.arn?.includes(identity.id) ?? false;
  for (const identity of [...made.filter(own), ...made.filter((identity) => !own(identity))]) {
    const found = resources.find(({ urn }) => urn === identity.urn);
    for (const value of [identity.id, ...(own(identity) ? [identity.arn ?? ""] : [])])
      if (found && !whose.has(value)) whose.set(value, found);
  }
  return whose;
}

/** A function that breaks a resource. */
export type Change = (inputs: Rendered["inputs"]) => void;

export const set =
  (values: object): Change =>
  (inputs) =>
    Object.assign(inputs, values);

export const without =
  (name: string): Change =>
  (inputs) => {
    delete inputs[name];
  };

/**
 * Returns a broken copy of the first resource of a type whose name contains the given text.
 *
 * @throws Error if there is no match, because then the test would break nothing
 */
export function spoiled(resources: readonly Rendered[], type: string, change: Change, inName = ""): Rendered {
  const found = resources.find((each) => each.type === type && each.name.includes(inName));
  if (!found) throw new Error(`no ${type} ${inName} to spoil`);
  const copy = structuredClone(found);
  change(copy.inputs);
  return copy;
}
