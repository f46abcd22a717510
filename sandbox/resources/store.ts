import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { isRecord, type Properties } from "./values";

/** A resource of the local cloud. */
export interface Resource {
  /** Name in the HTTP API and on disk: readable, and unique by the hash at its end. */
  readonly key: string;
  /** aws, cloudflare, kubernetes or random. */
  readonly provider: string;
  /** Type token, for example aws:s3/bucket:Bucket. */
  readonly type: string;
  /** Scope of the resource: account and AWS region, cluster, or empty. */
  readonly scope: string;
  /** Id that the provider assigned. */
  readonly id: string;
  /** Name in the program that created the resource. */
  readonly name: string;
  /** URN in the last program that created or changed the resource. */
  readonly urn: string;
  /** Current values of the program's inputs in the cloud. Drift changes these. */
  readonly inputs: Properties;
  /** All properties: inputs and values that the cloud set. */
  readonly properties: Properties;
  /** JSON pointers of the secrets in `inputs` and `properties`. */
  readonly secrets: readonly string[];
}

export type Identity = Pick<Resource, "provider" | "type" | "scope" | "id">;

/** Returns the key of the resource with an identity. */
export function keyOf({ provider, type, scope, id }: Identity): string {
  const exact = createHash("sha256").update([provider, type, scope, id].join("\n")).digest("hex").slice(0, 10);
  const kind = type.split(":").slice(1).join("-");
  const legible = [provider, scope, kind, id].filter(Boolean).join(".");
  return `${legible.replace(/[^\w.-]+/g, "-").slice(0, 150)}.${exact}`;
}

/** Mode of a file with a secret: only its owner may read it. */
const PRIVATE = 0o600;
const READABLE = 0o644;

/**
 * Stores the resources of the local cloud in memory, and each in its own file in a folder. Files are replaced
 * atomically, so a killed process leaves either the old file or the new one.
 */
export class Store {
  /** Names of files that were damaged at the start by a different program. They were renamed. */
  readonly damaged: readonly string[];
  private readonly resources = new Map<string, Resource>();
  /** The same resources by type: a region has hundreds of resources, and most calls look for a few of one type. */
  private readonly byType = new Map<string, Map<string, Resource>>();

  /** When this process first stored each resource, in milliseconds since 1970. */
  private readonly made = new Map<string, number>();

  private constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
    const damaged: string[] = [];
    for (const entry of readdirSync(folder)) {
      const path = join(folder, entry);
      if (entry.endsWith(".damaged")) continue;
      if (!entry.endsWith(".json")) {
        rmSync(path, { force: true }); // A temporary file that a killed process had not yet renamed.
        continue;
      }
      const resource = parse(readFileSync(path, "utf8"));
      if (resource && entry === `${resource.key}.json`) this.remember(resource);
      else {
        renameSync(path, `${path}.damaged`);
        damaged.push(entry);
      }
    }
    this.damaged = damaged;
  }

  /** Opens the store in a folder. Creates the folder if it does not exist. */
  static open(folder: string): Store {
    return new Store(folder);
  }

  get size(): number {
    return this.resources.size;
  }

  get(key: string): Resource | undefined {
    return this.resources.get(key);
  }

  /** Returns a resource by its identity. */
  lookup(identity: Identity): Resource | undefined {
    return this.resources.get(keyOf(identity));
  }

  /** Returns the resources of a type, or all resources, in the order of their creation since the start. */
  list(type?: string): Resource[] {
    return [...(type === undefined ? this.resources : (this.byType.get(type) ?? new Map())).values()];
  }

  /** Returns the first resource of a type that satisfies the predicate. */
  find(type: string, fits: (resource: Resource) => boolean): Resource | undefined {
    for (const resource of this.byType.get(type)?.values() ?? []) if (fits(resource)) return resource;
    return undefined;
  }

  /** Returns the age of a resource in milliseconds. Infinite if an earlier process created it. */
  ageOf(key: string): number {
    return Date.now() - (this.made.get(key) ?? -Infinity);
  }

  /** Stores a resource. Once the promise resolves, the resource survives the end of the process. */
  async put(resource: Resource): Promise<void> {
    if (!this.resources.has(resource.key)) this.made.set(resource.key, Date.now());
    this.remember(resource);
    const mode = resource.secrets.length > 0 ? PRIVATE : READABLE;
    // No fsync: a killed process loses no data without it; only a crash of the machine would.
    const options = { mode, fsync: false };
    await writeFileAtomic(this.path(resource.key), `${JSON.stringify(resource, null, 1)}\n`, options);
  }

  remove(key: string): void {
    const resource = this.resources.get(key);
    if (resource) this.byType.get(resource.type)?.delete(key);
    this.resources.delete(key);
    this.made.delete(key);
    rmSync(this.path(key), { force: true });
  }

  private remember(resource: Resource): void {
    this.resources.set(resource.key, resource);
    const sameType = this.byType.get(resource.type) ?? new Map<string, Resource>();
    this.byType.set(resource.type, sameType.set(resource.key, resource));
  }

  private path(key: string): string {
    return join(this.folder, `${key}.json`);
  }
}

function parse(source: string): Resource | undefined {
  try {
    const value: unknown = JSON.parse(source);
    const whole =
      isRecord(value) &&
      ["key", "provider", "type", "scope", "id", "name", "urn"].every((field) => typeof value[field] === "string") &&
      isRecord(value.inputs) &&
      isRecord(value.properties) &&
      Array.isArray(value.secrets);
    return whole ? (value as unknown as Resource) : undefined;
  } catch {
    return undefined;
  }
}
