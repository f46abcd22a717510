/**
 * Kubernetes minor versions of EKS with the last day of their extended support, oldest first. After it EKS makes no cluster of a
 * version, and upgrades those that have it by itself. To keep the list current: `aws eks describe-cluster-versions`.
 *
 * Source: EKS user guide, "Understand the Kubernetes version lifecycle on EKS", release calendar; 1.35 as endoflife.date/amazon-eks
 * has it from there. Looked up on {@link LOOKED_UP}.
 */
const EXTENDED_SUPPORT_ENDS: Readonly<Record<string, string>> = {
  "1.29": "2026-03-23",
  "1.30": "2026-07-23",
  "1.31": "2026-11-26",
  "1.32": "2027-03-23",
  "1.33": "2027-07-29",
  "1.34": "2027-12-02",
  "1.35": "2028-03-27",
};

/**
 * The day of the list. A version whose support ended by then is refused. One whose support ends later is never refused by the
 * calendar: no config stops working overnight, least of all on the day that a region is lost.
 */
const LOOKED_UP = "2026-12-01";

/** Versions ahead of the newest known that there may be: Kubernetes has three a year, and a list of three years is too old. */
const AHEAD_MAX = 9;

const SUPPORTED = Object.keys(EXTENDED_SUPPORT_ENDS).filter(
  (version) => (EXTENDED_SUPPORT_ENDS[version] ?? "") > LOOKED_UP,
);
export const OLDEST_KUBERNETES = SUPPORTED[0] ?? "";
export const NEWEST_KUBERNETES = SUPPORTED.at(-1) ?? "";

const minorOf = (version: string) => Number(version.split(".")[1]);

/**
 * What is known of a minor version such as 1.35: `newer` than the list, and perhaps one of EKS by now; `none` where there can be
 * none yet.
 */
export function kubernetesSupport(version: string): "supported" | "ended" | "newer" | "none" {
  const minor = minorOf(version);
  if (minor < minorOf(OLDEST_KUBERNETES)) return "ended";
  if (minor <= minorOf(NEWEST_KUBERNETES)) return "supported";
  return minor <= minorOf(NEWEST_KUBERNETES) + AHEAD_MAX ? "newer" : "none";
}
