import { expectedFailoverSeconds } from "../../model/failover";
import { newestOf, ofOtherRegions } from "./backups";
import { type Evidence, ifKnown, isKnown, type Learnt, type PastDrill, type RegionEvidence } from "./evidence";

/** Predicted impact of losing a region now. */
export interface Prediction {
  /** Time until Cloudflare marks the pool unhealthy everywhere, from the applied monitor; absent: unknown. */
  readonly detectionSeconds?: number;
  /** Time until other regions serve new visitors; equal to detection, because Cloudflare then steers them at once. */
  readonly recoverySeconds?: number;
  readonly regions: readonly RegionPrediction[];
  /** Every ordered pair of regions. */
  readonly pairs: readonly PairLag[];
}

/** Replication lag from one region to another while both work. */
export interface PairLag {
  readonly from: string;
  readonly to: string;
  /** Lag of flows and accounts: `from` has to publish, and `to` has to read. Absent if one agent does not report it. */
  readonly seconds?: number;
}

export interface RegionPrediction {
  readonly region: string;
  readonly losses: readonly PredictedLoss[];
  /** The newest drill; absent without one. */
  readonly drill?: PastDrill;
}

export interface PredictedLoss {
  readonly store: "flows and accounts" | "files" | "database";
  /** Age of the newest copy; absent if it is unknown or nothing is copied. */
  readonly seconds?: number;
  /** The source of the number, or the reason why it is unknown. */
  readonly said: string;
}

function pairOf(from: RegionEvidence, to: RegionEvidence): PairLag {
  const seconds = later(ifKnown(from.replication)?.seconds, ifKnown(to.replication)?.seconds);
  return { from: from.region, to: to.region, ...(seconds !== undefined && { seconds }) };
}

const later = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? undefined : Math.max(one, other);

export function predictionOf(evidence: Evidence): Prediction {
  const monitor = ifKnown(evidence.monitor);
  const seconds = monitor && expectedFailoverSeconds(monitor);
  const { regions } = evidence;
  return {
    pairs: regions.flatMap((from) => regions.filter((to) => to !== from).map((to) => pairOf(from, to))),
    ...(seconds !== undefined && { detectionSeconds: seconds, recoverySeconds: seconds }),
    regions: regions.map((region) => {
      const drill = ifKnown(region.drills)?.newest;
      return { region: region.region, losses: lossesOf(region, evidence.at), ...(drill && { drill }) };
    }),
  };
}

function lossesOf({ region, replication, restorable, backups }: RegionEvidence, now: number): PredictedLoss[] {
  const since = (at: number | undefined) => (at === undefined ? undefined : Math.max(0, (now - at) / 1000));
  const copied = newestOf(ofOtherRegions(backups, region));
  return [
    loss("flows and accounts", replication, ({ seconds }) => seconds, "since the last complete sync"),
    loss("files", replication, ({ copySeconds }) => copySeconds, "S3's replication latency, from CloudWatch"),
    isKnown(restorable)
      ? loss("database", restorable, ({ at }) => since(at), restorable.value.said)
      : loss("database", copied, (backup) => since(backup?.at), "the newest backup in a different region"),
  ];
}

function loss<T>(
  store: PredictedLoss["store"],
  learnt: Learnt<T>,
  secondsOf: (value: T) => number | undefined,
  said: string,
): PredictedLoss {
  if (!isKnown(learnt)) return { store, said: learnt.unknown };
  const seconds = secondsOf(learnt.value);
  return { store, said: seconds === undefined ? "unknown" : said, ...(seconds !== undefined && { seconds }) };
}
