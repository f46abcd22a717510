import type { Change } from "../engine/changes";

/**
 * A kind of update that a provider reports although no input differs. Only computed properties differ, which
 * `Recording` drops.
 */
interface Noise {
  readonly type: RegExp;
  /** Explanation for the operator, with its source. */
  readonly reason: string;
}

/**
 * Keep this list short: each entry may hide a relevant change. Remove an entry when the issue in its source is closed.
 */
const KNOWN: readonly Noise[] = [
  {
    type: /^kubernetes:/,
    reason: "no property differs: it was not ready during the check, for example because pods were starting or scaling",
  },
  {
    type: /^cloudflare:/,
    reason:
      "no input differs: the provider recomputes its outputs (`modifiedOn`: cloudflare/terraform-provider-cloudflare issue 7339)",
  },
];

/**
 * Separates real drift from known provider noise.
 *
 * @returns the changes that count, and one line for each ignored change
 */
export function withoutNoise(changes: readonly Change[]): { changes: Change[]; ignored: string[] } {
  const ignored: string[] = [];
  const counted = changes.filter((change) => {
    const noise = KNOWN.find((known) => isNoise(change, known));
    if (noise) ignored.push(`${change.name}: ${noise.reason}`);
    return !noise;
  });
  return { changes: counted, ignored };
}

function isNoise({ operation, type, properties }: Change, noise: Noise): boolean {
  return operation === "update" && properties.length === 0 && noise.type.test(type);
}
