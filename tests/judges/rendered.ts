import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { CloudResource } from "../../sandbox/cloud/client";

/** A resource as `render` writes it. */
export interface Rendered {
  readonly stack: string;
  /** Pulumi's type, for example aws:s3/bucket:Bucket; of a manifest its kind. */
  readonly type: string;
  /** Its own among those of its stack and type. */
  readonly name: string;
  /** Of an AWS resource. */
  readonly urn?: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any shape
  readonly inputs: Record<string, any>;
}

/** What the local cloud gave a resource when it made it. */
export interface Identity {
  readonly urn: string;
  readonly id: string;
  readonly arn?: string;
}

/** Where the rendering is that `render.ts` has made. */
export function renderedFolder(): string {
  const folder = process.env.RENDERED_FOLDER;
  if (folder === undefined) throw new Error("nothing is rendered: run the tests by npm run test:judges");
  return folder;
}

interface File {
  readonly stack: string;
  readonly path: string;
  /** The file's name, less the type it begins with and its ending. */
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

/** The AWS resources of all stacks. */
export function awsResources(): Rendered[] {
  return files("aws").map(({ stack, path, label }) => ({
    ...JSON.parse(readFileSync(path, "utf8")),
    stack,
    name: label,
  }));
}

/** The Kubernetes manifests of all stacks. */
export function manifests(): Rendered[] {
  return files("kubernetes").map(({ stack, path, label }) => {
    const inputs = parse(readFileSync(path, "utf8"));
    return { stack, type: inputs.kind, name: label, inputs };
  });
}

/** The AWS resources as the local cloud keeps them, secrets masked. */
export function cloudResources(): CloudResource[] {
  return JSON.parse(readFileSync(join(renderedFolder(), "cloud.json"), "utf8"));
}

/** Ids and ARNs of the AWS resources, which `render` does not write. */
export function identities(): Identity[] {
  return cloudResources().map(({ urn, id, properties: { arn } }) => ({
    urn,
    id,
    ...(typeof arn === "string" && { arn }),
  }));
}

/** Which resource an id, ARN or name stands for. */
export function owners(resources: readonly Rendered[], made: readonly Identity[]): Map<string, Rendered> {
  const whose = new Map<string, Rendered>();
  // A bucket's name is also the id of its policy, its versioning and so on, which have no ARN of their own.
  const own = (identity: Identity) => identity.arn?.includes(identity.id) ?? false;
  for (const identity of [...made.filter(own), ...made.filter((identity) => !own(identity))]) {
    const found = resources.find(({ urn }) => urn === identity.urn);
    for (const value of [identity.id, ...(own(identity) ? [identity.arn ?? ""] : [])])
      if (found && !whose.has(value)) whose.set(value, found);
  }
  return whose;
}

/** How a resource is spoiled. */
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
 * A copy of one resource, spoiled: the first of a type whose name has a text in it.
 *
 * @throws Error where there is none, for then the test spoils nothing
 */
export function spoiled(resources: readonly Rendered[], type: string, change: Change, inName = ""): Rendered {
  const found = resources.find((each) => each.type === type && each.name.includes(inName));
  if (!found) throw new Error(`no ${type} ${inName} to spoil`);
  const copy = structuredClone(found);
  change(copy.inputs);
  return copy;
}
