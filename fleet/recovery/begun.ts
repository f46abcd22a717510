export type Inputs = Readonly<Record<string, unknown>>;

/** A resource whose creation had begun, as described by the engine. */
export interface Begun {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  /** `urn::id` of the resource's provider. */
  readonly provider?: string;
  readonly inputs?: Inputs;
}

/**
 * Placeholder for a secret or its ciphertext in the engine's events. It must not be stored in a state in place of the
 * value.
 */
const HIDDEN = "[secret]";

/** Returns inputs without hidden values. Reading the resource from the cloud or the next update restores them. */
export function shown(inputs: Inputs): Inputs {
  const unlessHidden = (_: string, value: unknown) => {
    const text = (value as { ciphertext?: unknown } | null)?.ciphertext ?? value;
    return typeof text === "string" && text.replaceAll('"', "") === HIDDEN ? undefined : value;
  };
  return JSON.parse(JSON.stringify(inputs, unlessHidden));
}

/** An input is missing or hidden as a secret, so it cannot be used to find a resource. */
export class Unsaid extends Error {
  constructor(property: string) {
    super(`the input ${property} is unknown`);
    this.name = "Unsaid";
  }
}

/**
 * Returns an input as text.
 *
 * @throws Unsaid if the input is not text or is a secret
 */
export function said(inputs: Inputs, property: string): string {
  const value = inputs[property];
  if (typeof value !== "string" || value === "" || value === HIDDEN) throw new Unsaid(property);
  return value;
}

/** Returns an input as text, or undefined if the program did not set it. */
export function saidIfGiven(inputs: Inputs, property: string): string | undefined {
  return inputs[property] === undefined ? undefined : said(inputs, property);
}

/**
 * Returns the tags with which to look up a resource.
 *
 * @throws Unsaid if there are no tags, because every resource would match
 */
export function tagsOf(inputs: Inputs): Record<string, string> {
  const { tags } = inputs;
  if (typeof tags !== "object" || tags === null || Object.keys(tags).length === 0) throw new Unsaid("tags");
  return Object.fromEntries(Object.keys(tags).map((key) => [key, said(tags as Inputs, key)]));
}

/** Values that cloud APIs return for properties that are not set. */
const NOTHING: readonly unknown[] = [undefined, null, "", 0, -1];

/**
 * Returns whether an existing resource matches the inputs in the given properties. Properties that the inputs omit must
 * not be set on the resource.
 */
export function agree(inputs: Inputs, existing: object, properties: readonly string[]): boolean {
  return properties.every((property) => {
    const [asked, found] = [inputs[property], (existing as Inputs)[property]];
    if (asked === HIDDEN) throw new Unsaid(property);
    return asked === undefined ? NOTHING.includes(found) : String(asked) === String(found);
  });
}
