/** One resource as an engine's event, or a policy engine, shows it. */
export interface Observed {
  /** Type token, for example aws:s3/bucket:Bucket. */
  readonly type: string;
  readonly urn: string;
  /** What the program asked for. Values not known yet are {@link UNKNOWN}; secret ones bear the engine's mark. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** What the state has of the same; absent for what is new, and to a policy engine. */
  readonly formerInputs?: Readonly<Record<string, unknown>>;
  /** What the provider last read of it; absent as those. */
  readonly formerOutputs?: Readonly<Record<string, unknown>>;
  /** Whether the engine refuses to delete it. */
  readonly protect: boolean;
}

/** What breaks a rule, and how to mend it. */
export interface Finding {
  /** URN of the resource. */
  readonly resource: string;
  readonly message: string;
  readonly fix: string;
}

/** A rule every state of the fleet obeys, whatever the config. */
export interface Invariant {
  /** Lower-case words joined by hyphens. */
  readonly name: string;
  /** The promise, in a sentence, and what it makes of values that are not known yet. */
  readonly description: string;
  /** Judges each resource by itself, so that a policy engine may ask before that one is changed. */
  readonly alone?: true;
  /** Needs to see which inputs are secret; CrossGuard hands them over without their marks. */
  readonly readsSecretMarks?: true;
  /** @param resources those of one stack, or of several: rules across regions see as far as they are shown */
  check(resources: readonly Observed[]): Finding[];
}

/** What the engine writes for a value it does not know before the update (Pulumi SDK, unknownStringValue). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Key and value by which the engine marks a secret (Pulumi SDK, specialSigKey and specialSecretSig). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Whether the engine hides this value: by its mark, or as the text its events show instead. */
export function isSecret(value: unknown): boolean {
  return value === "[secret]" || (isObject(value) && value[SIGNATURE] === SECRET);
}

/** The value at a path; {@link UNKNOWN} where the way there is not known, or secret; undefined where nothing is. */
export function at(value: unknown, ...path: string[]): unknown {
  if (value === UNKNOWN || isSecret(value)) return UNKNOWN;
  const [key, ...rest] = path;
  if (key === undefined) return value;
  return isObject(value) ? at(value[key], ...rest) : undefined;
}

/** The elements at a path, none where it holds no list; undefined where the list itself is not known. */
export function list(value: unknown, ...path: string[]): unknown[] | undefined {
  const found = at(value, ...path);
  if (found === UNKNOWN) return undefined;
  return Array.isArray(found) ? found : [];
}

/** A value somewhere inside another. */
export interface Entry {
  /** For example spec.containers[0].image. */
  readonly path: string;
  readonly key: string;
  readonly value: unknown;
  /** The object that has it. */
  readonly holder: Readonly<Record<string, unknown>>;
}

/** Every value inside; looks into no secret. */
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
