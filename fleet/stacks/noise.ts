import type { Change } from "../engine/changes";

/** An update that a provider reports though no input differs: all that does is computed, and `Recording` drops that. */
interface Noise {
  readonly type: RegExp;
  /** What a person is told, with the source. */
  readonly reason: string;
}

/** Short on purpose: each entry could hide a change that matters. An entry leaves when its source is closed. */
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
 * Parts what drifted from what only looks so.
 *
 * @returns the changes that count, and a line for each that does not
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
