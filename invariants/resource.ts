/** A resource as reported by an engine's event or a policy engine. */
export interface Observed {
  /** Type token, for example aws:s3/bucket:Bucket. */
  readonly type: string;
  readonly urn: string;
  /** Inputs from the program. Unknown values are {@link UNKNOWN}; secrets have the engine's marker. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Inputs in the previous state; absent for new resources and in a policy engine. */
  readonly formerInputs?: Readonly<Record<string, unknown>>;
  /** Outputs in the previous state; absent in the same cases. */
  readonly formerOutputs?: Readonly<Record<string, unknown>>;
  /** Whether the engine refuses to delete the resource. */
  readonly protect: boolean;
}

/** A violation of an invariant, with its fix. */
export interface Finding {
  /** URN of the resource. */
  readonly resource: string;
  readonly message: string;
  readonly fix: string;
}

/** A rule that every state of the fleet must satisfy, regardless of the config. */
export interface Invariant {
  /** Name of the invariant: lower-case words joined by hyphens. */
  readonly name: string;
  /** The rule in one sentence, and how it treats unknown values. */
  readonly description: string;
  /**
   * Set if the invariant checks each resource independently, so that a policy engine can check a resource before it
   * changes.
   */
  readonly alone?: true;
  /** Set if the invariant needs to know which inputs are secret, which CrossGuard does not report. */
  readonly readsSecretMarks?: true;
  /** @param resources of one stack, or of several: invariants across regions need the resources of all their stacks */
  check(resources: readonly Observed[]): Finding[];
}

/** Placeholder that the engine uses for values that are unknown before the update (Pulumi SDK, unknownStringValue). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Key and value with which the engine marks a secret (Pulumi SDK, specialSigKey and specialSecretSig). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/**
 * Returns whether the engine treats a value as secret: it has the secret marker, or is the placeholder in the engine's
 * events.
 */
export function isSecret(value: unknown): boolean {
  return value === "[secret]" || (isObject(value) && value[SIGNATURE] === SECRET);
}

/**
 * Returns the value at a path: {@link UNKNOWN} if any part of the path is unknown or secret; undefined if the path does
 * not exist.
 */
export function at(value: unknown, ...path: string[]): unknown {
  if (value === UNKNOWN || isSecret(value)) return UNKNOWN;
  const [key, ...rest] = path;
  if (key === undefined) return value;
  return isObject(value) ? at(value[key], ...rest) : undefined;
}

/** Returns the elements of the list at a path: empty if the value is not a list; undefined if it is unknown. */
export function list(value: unknown, ...path: string[]): unknown[] | undefined {
  const found = at(value, ...path);
  if (found === UNKNOWN) return undefined;
  return Array.isArray(found) ? found : [];
}

/** A value nested inside another value. */
export interface Entry {
  /** Path of the value, for example spec.containers[0].image. */
  readonly path: string;
  readonly key: string;
  readonly value: unknown;
  /** The object that contains the value. */
  readonly holder: Readonly<Record<string, unknown>>;
}

/** Yields all nested values, without descending into secrets. */
export function* within(value: unknown, path = ""): Generator<Entry> {
  if (isSecret(value)) return;
  if (Array.isArray(value)) for (const [index, each] of value.entries()) yield* within(each, `${path}[${index}]`);
  else if (isObject(value))
    for (const [key, each] of Object.entries(value)) {
      const inner = path === "" ? key : `${path}.${key}`;
      yield { path: inner, key, value: each, holder: value };
      yield* within(each, inner);
    }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
