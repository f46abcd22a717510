import type { Change } from "./changes";

/** A difference that a provider reports though nobody changed anything. */
interface Noise {
  readonly type: RegExp;
  /** Only an update of these properties, and of no other, is noise. */
  readonly paths: RegExp;
  /** What a person is told, with the source. */
  readonly reason: string;
}

/** Short on purpose: each entry could hide a change that matters. An entry leaves when its source is closed. */
const KNOWN: readonly Noise[] = [
  {
    type: /^cloudflare:index\/loadBalancer(Monitor|Pool)?:/,
    paths: /^(createdOn|modifiedOn)$/,
    reason:
      "the provider plans a new time of change at every look (cloudflare/terraform-provider-cloudflare issue 7339)",
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
    if (noise) ignored.push(`${change.name}: ${change.properties.map(({ path }) => path).join(", ")}: ${noise.reason}`);
    return !noise;
  });
  return { changes: counted, ignored };
}

function isNoise({ operation, type, properties }: Change, noise: Noise): boolean {
  if (operation !== "update" || properties.length === 0) return false;
  return noise.type.test(type) && properties.every(({ path, replaces }) => !replaces && noise.paths.test(path));
}
