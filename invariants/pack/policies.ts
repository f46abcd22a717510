import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { invariants, type Observed } from "../check";
import { UNKNOWN } from "../resource";

interface Shown {
  readonly type: string;
  readonly urn: string;
  readonly props: Record<string, unknown>;
  readonly opts: { readonly protect: boolean };
}

/**
 * The invariants as mandatory CrossGuard policies. Invariants that check each resource independently run before the
 * resource changes. The others check the whole stack, which in an update without a preview happens only after the
 * changes. Invariants that need secret markers are omitted, because CrossGuard removes the markers.
 */
export const policies: (ResourceValidationPolicy | StackValidationPolicy)[] = invariants
  .filter(({ readsSecretMarks }) => !readsSecretMarks)
  .map(({ name, description, alone, check }) => {
    const report = (shown: readonly Shown[], say: (message: string, urn?: string) => void) => {
      for (const { resource, message, fix } of check(shown.map(observed))) say(`${message}. Fix: ${fix}.`, resource);
    };
    return {
      name,
      description,
      enforcementLevel: "mandatory",
      ...(alone
        ? { validateResource: (resource, say) => report([resource], say) }
        : { validateStack: ({ resources }, say) => report(resources, say) }),
    };
  });

function observed({ type, urn, props, opts }: Shown): Observed {
  return { type, urn, protect: opts.protect, inputs: plain(props) as Record<string, unknown> };
}

/**
 * Copies a value and replaces unknown values with the placeholder: CrossGuard's own objects throw when an unknown value
 * is read.
 */
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
