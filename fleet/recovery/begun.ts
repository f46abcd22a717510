export type Inputs = Readonly<Record<string, unknown>>;

/** A resource that was being made, as the engine tells it. */
export interface Begun {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  /** `urn::id` of the provider that makes it. */
  readonly provider?: string;
  readonly inputs?: Inputs;
}

/** How the engine's events show a secret, or the ciphertext in one: no state can hold either as what it was. */
const HIDDEN = "[secret]";

/** Inputs without what the engine's events hide: the cloud is read for it, or the next update says it again. */
export function shown(inputs: Inputs): Inputs {
  const unlessHidden = (_: string, value: unknown) => {
    const text = (value as { ciphertext?: unknown } | null)?.ciphertext ?? value;
    return typeof text === "string" && text.replaceAll('"', "") === HIDDEN ? undefined : value;
  };
  return JSON.parse(JSON.stringify(inputs, unlessHidden));
}

/** An input that was left out, or hidden as a secret: nothing can be found by it. */
export class Unsaid extends Error {
  constructor(property: string) {
    super(`nothing is known of the input ${property}`);
    this.name = "Unsaid";
  }
}

/**
 * An input as text.
 *
 * @throws Unsaid where it is no text, or a secret
 */
export function said(inputs: Inputs, property: string): string {
  const value = inputs[property];
  if (typeof value !== "string" || value === "" || value === HIDDEN) throw new Unsaid(property);
  return value;
}

/** An input as text; undefined where the program left it out. */
export function saidIfGiven(inputs: Inputs, property: string): string | undefined {
  return inputs[property] === undefined ? undefined : said(inputs, property);
}

/**
 * The tags, which a lookup goes by.
 *
 * @throws Unsaid where there are none: everything would fit
 */
export function tagsOf(inputs: Inputs): Record<string, string> {
  const { tags } = inputs;
  if (typeof tags !== "object" || tags === null || Object.keys(tags).length === 0) throw new Unsaid("tags");
  return Object.fromEntries(Object.keys(tags).map((key) => [key, said(tags as Inputs, key)]));
}

/** What the clouds answer in place of a property that is not set. */
const NOTHING: readonly unknown[] = [undefined, null, "", 0, -1];

/** Whether what the cloud has agrees with the inputs in some properties. What the inputs leave out must not be set. */
export function agree(inputs: Inputs, existing: object, properties: readonly string[]): boolean {
  return properties.every((property) => {
    const [asked, found] = [inputs[property], (existing as Inputs)[property]];
    if (asked === HIDDEN) throw new Unsaid(property);
    return asked === undefined ? NOTHING.includes(found) : String(asked) === String(found);
  });
}
