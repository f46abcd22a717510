/**
 * Kubernetes minor versions of EKS with the last day of their extended support, oldest first. After that day, EKS
 * creates no clusters of the version and upgrades existing ones automatically. To update the list: `aws eks
 * describe-cluster-versions`.
 *
 * Source: EKS user guide, "Understand the Kubernetes version lifecycle on EKS", release calendar; 1.35 from
 * endoflife.date/amazon-eks, which cites that calendar. Looked up on {@link LOOKED_UP}.
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
 * Date of the list. The config rejects versions whose support had ended by this date. Versions whose support ends later
 * stay valid regardless of the current date, so that no config stops working overnight, in particular not on the day a
 * region fails.
 */
const LOOKED_UP = "2026-12-01";

/**
 * Maximum number of minor versions ahead of the newest known: Kubernetes releases three per year, and a list that is
 * three years old is too old.
 */
const AHEAD_MAX = 9;

const SUPPORTED = Object.keys(EXTENDED_SUPPORT_ENDS).filter(
  (version) => (EXTENDED_SUPPORT_ENDS[version] ?? "") > LOOKED_UP,
);
export const OLDEST_KUBERNETES = SUPPORTED[0] ?? "";
export const NEWEST_KUBERNETES = SUPPORTED.at(-1) ?? "";

const minorOf = (version: string) => Number(version.split(".")[1]);

/**
 * Returns what is known about a minor version such as 1.35: `newer` if it is ahead of the list and EKS may support it
 * by now; `none` if it cannot exist yet.
 */
export function kubernetesSupport(version: string): "supported" | "ended" | "newer" | "none" {
  const minor = minorOf(version);
  if (minor < minorOf(OLDEST_KUBERNETES)) return "ended";
  if (minor <= minorOf(NEWEST_KUBERNETES)) return "supported";
  return minor <= minorOf(NEWEST_KUBERNETES) + AHEAD_MAX ? "newer" : "none";
}
