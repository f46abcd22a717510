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
 * The invariants as CrossGuard policies, each mandatory. What judges a resource by itself does so before that one is changed; the
 * others see a whole stack, after an update without a preview has made it. Without those that need to know what is secret: CrossGuard
 * takes the marks off before it asks.
 */
export const policies: (ResourceValidationPolicy | StackValidationPolicy)[] = invariants
  .filter(({ readsSecretMarks }) => !readsSecretMarks)
  .map(({ name, description, alone, check }) => {
    const report = (shown: readonly Shown[], say: (message: string, urn?: string) => void) => {
      for (const { resource, message, fix } of check(shown.map(observed)))
        say(`${message}. To mend it: ${fix}.`, resource);
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
