import { lt, major, minor, valid } from "semver";
import { LANGFLOW_RELEASE } from "../../model/langflow";

/**
 * Revisions of LangFlow's migrations by the release series that introduced them. They are from the last release of each
 * series: the packages `langflow-base` 0.2.0, 0.3.4, 0.4.3, 0.5.1, 0.6.9, 0.7.3, 0.8.4, 0.9.6, 0.10.3, 0.11.6, 1.12.0,
 * 1.12.8 and 1.13.0 (folder `langflow/alembic/versions`). The revisions of 1.2 include those of all earlier releases.
 */
const SERIES: readonly (readonly [series: string, revisions: string])[] = [
  [
    "1.2",
    "006b3990db50 012fb73ac359 0ae3a2674f32 0b8757876a7c 0d60fcbd4e8e 1a110b568907 1c79524817ed 1eab2c3eb45e 1ef9c4f3765d 1f4d6df60295 260dbcc8b680 29fe8f1f806b 2ac71eb9c3ae 325180f0c4e1 3bb0ddf32dfb 4522eb831f5c 4e5980a44eaa 58b28437a398 5ace73a7f223 631faacf5da2 63b9c451fd30 67cc006d50bf 6e7b581b5648 7843803a87b5 79e675cb6752 7d2162acc8b2 90be8e2ed91e a72f5cf9c2f9 b2fa308044b5 bc2f01c40e4a c153816fd85f d2d475a1f7c0 d3dbf656a499 dd9e0804ebd1 e3162c1804e6 e3bc869fa272 e5a65ecff2cd eb5866d51fd2 eb5e72293a8e f5ee9749d1a6 fd531f8868b1",
  ],
  ["1.3", "1b8b740a6fa3 93e2705fa8d6 f3b2d1f1002d"],
  ["1.4", "66f72f04a1de e56d87f8994a"],
  ["1.5", "d9a6ea21edcd"],
  ["1.6", "0882f9657f22 1cb603706752 3162e83e485f d37bc4322900"],
  ["1.7", "182e5471b900"],
  ["1.8", "169b35510b37 26ef53e27502 3478f0bd6ccb 369268b9af8b 59a272d6669a b1c2d3e4f5a6 c187c3b9bb94"],
  [
    "1.9",
    "0e6138e7a0c2 2a5defa5ddc0 7d327cfafab6 8106300be7aa 8255e9fc18d9 a1b2c3d4e5f6 c0d2ce43b315 d306e5c17c41 ef4b036b585d fc7f696a57bf",
  ],
  [
    "1.10",
    "7c8d9e0f1a2b 826cfcc8c8a0 90c977dcf0f1 b4c2f8e9a1d3 b7c4d8e9f012 c35e9db03a66 d49cbced8696 e1705947c729 f6b3ce6845d4 kb1a2b3c4d5e mb00a1b2c3d4 mb01b2c3d4e5",
  ],
  [
    "1.11",
    "0819aa415ead 12a64232053f 142ba6cd9317 185482a2d715 247308ce2598 47aca8c17d23 4f0d2c9a8b7e 5e6d61582763 844cad9a53fa 8ce44e4858c6 9b3e7c1f0a52 9cbe2f682e12 9d5e24d777bf 9f1d1d602aa3 a1f4c9d27b30 a2c8f1e3b4d6 acfad963ce75 b026885b89c8 b2c72e1e1439 b7f91a2c4d6e c3e7a1b9d2f4 c4e9a1b7d2f6 c7412b389256 d19e7b3c5a42",
  ],
  [
    "1.12",
    "386662af02e9 7c8e9f0a1b2d 8d9e0f1a2b3c a1b2c9d3e4f5 a3f8b1c9d7e2 a6c4e2f8b1d3 b7d5f9a3c2e4 c6d8e0f2a4b7 cp01a2b3c4d5 cp02a2b3c4d5 cp03a2b3c4d5 d4a7c9e1b2f6 d7e9f1a3b5c8 e8f1a2b3c4d5 e9f2a3b4c5d6 f0a1b2c3d4e5 f7a9c2d4e6b8",
  ],
  [
    "1.13",
    "1d28fd31a982 27727fccba3e 3c1f5a90d2e7 439697865628 4e7a2b9c1d05 6db8617a3585 9b6b6666bd71 9d7e2a6c4b81 a6d8e0f2b4c7 a7c2e94d1f36 a7c9e4b681f2 a7d8e9f0b1c2 b3f7c2a91d48 b4c7d2e8f1a3 b4e8d2f1c9a3 b5d8e2a4c617 b6e2d4f8a901 b7c4e1a9d3f2 b8e1d4f6a2c9 b8e1f3a5c709 c3e1d5a7f902 c4d8e2f6a1b7 c5a8e2f7d9b1 c7e9b2d4f6a8 c91d2e3f4a50 c9f2e5a7b1d4 d2f6a8c1e9b4 d42f18a9b760 d4f1a6c8e2b7 d6f8a0c2e4b9 d7f1b5c9a203 d8f2c3a4b5e6 df1410b1eefa e2c4a6f8b0d3 e5a7c9b1d3f2 e6f9a2b4c8d1 e8c2a6f4b709 e8f0a2c4d6b9 f194a1b2c3d4 f2a7c9e4b681 f3a9c1d7b025 f3b6a9d2e4c1 f9d3b7a5c201",
  ],
];

/** Revisions of 1.10.3 that none of the later releases above contains. Alembic fails at an unknown revision. */
const LEFT_OUT = new Set(["d49cbced8696", "90c977dcf0f1", "826cfcc8c8a0"]);

/** The release of a source. */
export interface Release {
  /** Release in words: `1.7.2`, `of series 1.7`, `not known`. */
  readonly said: string;
  /**
   * Whether the fleet's LangFlow can migrate the source. `newer`: the source is newer than the fleet. `apart`: the
   * fleet's migrations do not know the source's revision. `unknown`: no release up to the fleet's has the revision, so
   * a newer release may. `untold`: the source does not provide it.
   */
  readonly standing: "older" | "same" | "newer" | "apart" | "unknown" | "untold";
}

/** @param version as reported by the API: the version of the package `langflow` or, if below 1, of `langflow-base` */
export function releaseOf({ version, revisions }: { version?: string; revisions?: readonly string[] }): Release {
  if (version !== undefined) return ofVersion(version);
  if (revisions === undefined || revisions.length === 0) return { said: "not known", standing: "untold" };
  const series = revisions.map((revision) => seriesOf(revision));
  const last = series.includes(undefined) ? -1 : Math.max(...series.map((index) => index ?? -1));
  const name = SERIES[last]?.[0];
  if (name === undefined) return { said: `not known (revision ${revisions.join(", ")})`, standing: "unknown" };
  const said = `of series ${last === 0 ? `${name} or before` : name} (revision ${revisions.join(", ")})`;
  if (revisions.some((revision) => LEFT_OUT.has(revision))) return { said, standing: "apart" };
  return { said, standing: last === SERIES.length - 1 ? "same" : "older" };
}

/**
 * Returns the release of a source as a version pattern for pip: `1.7.2`, or `1.7.*` for the last release of a series.
 * Returns undefined if the release is unknown.
 */
export function releasePattern({
  version,
  revisions,
}: {
  version?: string;
  revisions?: readonly string[];
}): string | undefined {
  if (version !== undefined) {
    const { said, standing } = ofVersion(version);
    return standing === "unknown" ? undefined : said;
  }
  const series = (revisions ?? []).map((revision) => seriesOf(revision));
  const last = series.length === 0 || series.includes(undefined) ? undefined : SERIES[Math.max(...series.map(Number))];
  return last && `${last[0]}.*`;
}

function seriesOf(revision: string): number | undefined {
  const at = SERIES.findIndex(([, revisions]) => revisions.split(" ").includes(revision));
  return at === -1 ? undefined : at;
}

/**
 * Converts a `langflow-base` version. Since 1.12, it equals LangFlow's version; before, 0.7.2 belonged to LangFlow
 * 1.7.2.
 */
function ofVersion(version: string): Release {
  const plain = valid(version.replace(/(\.post|\.?dev|\.?rc|\.?a|\.?b)\d+$/, ""));
  if (plain === null) return { said: version, standing: "unknown" };
  const told = major(plain) === 0 ? `1.${plain.slice(2)}` : plain;
  if (lt(LANGFLOW_RELEASE, told)) return { said: told, standing: "newer" };
  return { said: told, standing: minor(told) === minor(LANGFLOW_RELEASE) ? "same" : "older" };
}
