import type { Change } from "./changes";

/** A difference that a provider reports though nobody changed anything. */
interface Noise {
  readonly type: RegExp;
  /** Only an update of these properties, and of no other, is noise. Absent: one in which no input differs at all. */
  readonly paths?: RegExp;
  /** What a person is told, with the source. */
  readonly reason: string;
}

/** Short on purpose: each entry could hide a change that matters. An entry leaves when its source is closed. */
const KNOWN: readonly Noise[] = [
  {
    type: /^kubernetes:/,
    reason: "no property differs: it was not ready as it was looked at, as while pods start or their number changes",
  },
  {
    type: /^cloudflare:/,
    reason: "no input differs: the provider plans anew what it computes (pulumi-cloudflare, `modifiedOn` and the like)",
  },
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
    const paths = change.properties.map(({ path }) => path);
    if (noise) ignored.push([change.name, ...(paths.length > 0 ? [paths.join(", ")] : []), noise.reason].join(": "));
    return !noise;
  });
  return { changes: counted, ignored };
}

function isNoise({ operation, type, properties }: Change, noise: Noise): boolean {
  if (operation !== "update" || !noise.type.test(type)) return false;
  const { paths } = noise;
  if (properties.length === 0 || !paths) return properties.length === 0 && !paths;
  return properties.every(({ path, replaces }) => !replaces && paths.test(path));
}
