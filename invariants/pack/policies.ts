import type { StackValidationPolicy } from "@pulumi/policy";
import { invariants, type Observed } from "../check";
import { UNKNOWN } from "../resource";

interface Shown {
  readonly type: string;
  readonly urn: string;
  readonly props: Record<string, unknown>;
  readonly opts: { readonly protect: boolean };
}

/**
 * The invariants as CrossGuard policies over a whole stack, each mandatory. Without those that need to know what is
 * secret: CrossGuard takes the marks off before it asks.
 */
export const policies: StackValidationPolicy[] = invariants
  .filter(({ readsSecretMarks }) => !readsSecretMarks)
  .map(({ name, description, check }) => ({
    name,
    description,
    enforcementLevel: "mandatory",
    validateStack: ({ resources }, reportViolation) => {
      for (const { resource, message, fix } of check(resources.map(observed)))
        reportViolation(`${message}. To mend it: ${fix}.`, resource);
    },
  }));

function observed({ type, urn, props, opts }: Shown): Observed {
  return { type, urn, protect: opts.protect, inputs: plain(props) as Record<string, unknown> };
}

/** A copy with unknown values in their places: CrossGuard's own objects throw where one is read. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => read(value, index));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.keys(value).map((key) => [key, read(value, key)]));
}

function read(holder: object, key: PropertyKey): unknown {
  try {
    return plain(Reflect.get(holder, key));
  } catch {
    return UNKNOWN;
  }
}
