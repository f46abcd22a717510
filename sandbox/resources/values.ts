/** Property values from the engine without their marks. The paths of secrets are stored separately. */
export type Properties = Record<string, unknown>;

/** Plain values, and the JSON pointers (RFC 6901) of the secrets among them. */
export interface Marked {
  readonly values: Properties;
  readonly secrets: readonly string[];
}

/** The protocol's placeholder for a value that is not yet known (sdk/go/common/resource/plugin/rpc.go). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The key that marks an object as a special value, and the kinds of special values (sdk/go/common/resource/sig). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

/** Replacement for a secret that is shown to users. */
const REDACTED = "[secret]";

export function isUnknown(value: unknown): boolean {
  return value === UNKNOWN;
}

export function isRecord(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns a property as a string, or undefined if it is absent, unknown or of a different type. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && !isUnknown(value) ? value : undefined;
}

/** Returns a property as an object, or an empty object if it is absent, unknown or of a different type. */
export function record(value: unknown): Properties {
  return isRecord(value) ? value : {};
}

/** Returns a property as a list, or an empty list if it is absent, unknown or of a different type. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * Removes the protocol's marks: secrets become plain values with their pointers listed, resources become their ids, and
 * absent properties are removed.
 */
export function unmark(wire: Properties): Marked {
  const secrets: string[] = [];
  return { values: strip(wire, "", secrets) as Properties, secrets };
}

function strip(value: unknown, pointer: string, secrets: string[]): unknown {
  if (Array.isArray(value)) return value.map((element, index) => strip(element, `${pointer}/${index}`, secrets));
  if (!isRecord(value)) return value;
  switch (value[SIGNATURE]) {
    case SECRET:
      secrets.push(pointer);
      return strip(value.value, pointer, secrets);
    case RESOURCE:
      return value.id === "" || value.id === undefined ? UNKNOWN : value.id;
    case OUTPUT:
      if (value.secret) secrets.push(pointer);
      return "value" in value ? strip(value.value, pointer, secrets) : UNKNOWN;
  }
  const plain: Properties = {};
  for (const [key, element] of Object.entries(value)) {
    if (element === null || element === undefined) continue;
    plain[key] = strip(element, `${pointer}/${pointerPart(key)}`, secrets);
  }
  return plain;
}

/** Adds the protocol's marks of secrets. */
export function mark({ values, secrets }: Marked): Properties {
  if (secrets.length === 0) return values;
  return wrap(values, "", new Set(secrets), (value) => ({ [SIGNATURE]: SECRET, value })) as Properties;
}

/** Returns the values with every secret replaced. */
export function redact({ values, secrets }: Marked): Properties {
  return wrap(values, "", new Set(secrets), () => REDACTED) as Properties;
}

function wrap(
  value: unknown,
  pointer: string,
  secrets: ReadonlySet<string>,
  hide: (value: unknown) => unknown,
): unknown {
  if (secrets.has(pointer) && value !== undefined) return hide(value);
  if (Array.isArray(value)) return value.map((element, index) => wrap(element, `${pointer}/${index}`, secrets, hide));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, element]) => [
      key,
      wrap(element, `${pointer}/${pointerPart(key)}`, secrets, hide),
    ]),
  );
}

/** Applies a JSON merge patch (RFC 7396). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Properties = { ...record(target) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

function pointerPart(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
