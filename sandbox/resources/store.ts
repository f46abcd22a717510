import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { isRecord, type Properties } from "./values";

/** One thing in the local cloud. */
export interface Resource {
  /** Its name in the HTTP API and on disk: legible, and unique by a hash at its end. */
  readonly key: string;
  /** aws, cloudflare, kubernetes or random. */
  readonly provider: string;
  /** Type token, for example aws:s3/bucket:Bucket. */
  readonly type: string;
  /** Where it lives: account and AWS region, cluster, or nothing. */
  readonly scope: string;
  /** The provider's id. */
  readonly id: string;
  /** Name in the program that made it. */
  readonly name: string;
  /** URN of the last program that made or changed it. */
  readonly urn: string;
  /** What a program asks for, as the cloud has it now: drift is made here. */
  readonly inputs: Properties;
  /** The whole of it, inputs and what the cloud set itself. */
  readonly properties: Properties;
  /** JSON pointers of what is secret in `inputs` and `properties`. */
  readonly secrets: readonly string[];
}

export type Identity = Pick<Resource, "provider" | "type" | "scope" | "id">;

/** The key of a resource that has a given identity. */
export function keyOf({ provider, type, scope, id }: Identity): string {
  const exact = createHash("sha256").update([provider, type, scope, id].join("\n")).digest("hex").slice(0, 10);
  const kind = type.split(":").slice(1).join("-");
  const legible = [provider, scope, kind, id].filter(Boolean).join(".");
  return `${legible.replace(/[^\w.-]+/g, "-").slice(0, 150)}.${exact}`;
}

/** Only its owner may read a file that holds a secret. */
const PRIVATE = 0o600;
const READABLE = 0o644;

/**
 * The resources of the local cloud: in memory, and one file each in a folder. A file is written whole and then moved
 * into place, so whatever kills the process leaves either the old file or the new one.
 */
export class Store {
  /** Files found damaged at the start, by something other than this program; each was set aside. */
  readonly damaged: readonly string[];
  private readonly resources = new Map<string, Resource>();
  /** The same, by type: a region has hundreds of resources, and each call looks for a few of one type. */
  private readonly byType = new Map<string, Map<string, Resource>>();

  /** When this process first kept each, in milliseconds of the epoch. */
  private readonly made = new Map<string, number>();

  private constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
    const damaged: string[] = [];
    for (const entry of readdirSync(folder)) {
      const path = join(folder, entry);
      if (entry.endsWith(".damaged")) continue;
      if (!entry.endsWith(".json")) {
        rmSync(path, { force: true }); // what a killed process had not yet moved into place
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

  /** Opens the resources kept in a folder, which is made where it does not exist. */
  static open(folder: string): Store {
    return new Store(folder);
  }

  get size(): number {
    return this.resources.size;
  }

  get(key: string): Resource | undefined {
    return this.resources.get(key);
  }

  /** A resource by what it is and its id. */
  lookup(identity: Identity): Resource | undefined {
    return this.resources.get(keyOf(identity));
  }

  /** The resources of a type, or all, in the order they were made since the start. */
  list(type?: string): Resource[] {
    return [...(type === undefined ? this.resources : (this.byType.get(type) ?? new Map())).values()];
  }

  /** The first resource of a type that fits. */
  find(type: string, fits: (resource: Resource) => boolean): Resource | undefined {
    for (const resource of this.byType.get(type)?.values() ?? []) if (fits(resource)) return resource;
    return undefined;
  }

  /** Milliseconds since a resource was made; infinite for one that an earlier process made. */
  ageOf(key: string): number {
    return Date.now() - (this.made.get(key) ?? -Infinity);
  }

  /** Keeps a resource; once this resolves it survives the process. */
  async put(resource: Resource): Promise<void> {
    if (!this.resources.has(resource.key)) this.made.set(resource.key, Date.now());
    this.remember(resource);
    const mode = resource.secrets.length > 0 ? PRIVATE : READABLE;
    // no fsync: a killed process loses nothing without it, and only the machine's own death would
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
