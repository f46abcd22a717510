import { expectedFailoverSeconds } from "../../model/failover";
import { newestOf, ofOtherRegions } from "./backups";
import { type Evidence, ifKnown, isKnown, type Learnt, type PastDrill, type RegionEvidence } from "./evidence";

/** What the loss of a region would cost if it came now. */
export interface Prediction {
  /** Until the monitor's verdict is known everywhere, by its applied numbers; absent: they are not known. */
  readonly detectionSeconds?: number;
  /** Until new visitors are served elsewhere: by that verdict, which takes nothing more of them. */
  readonly recoverySeconds?: number;
  readonly regions: readonly RegionPrediction[];
  /** Every region with every other. */
  readonly pairs: readonly PairLag[];
}

/** What a region lacks of another as long as neither is lost; each absent where one of them does not say. */
export interface PairLag {
  readonly from: string;
  readonly to: string;
  /** Of flows and accounts: one has to publish, and the other to read. */
  readonly seconds?: number;
}

export interface RegionPrediction {
  readonly region: string;
  readonly losses: readonly PredictedLoss[];
  /** The newest that was measured; absent where there was none. */
  readonly drill?: PastDrill;
}

export interface PredictedLoss {
  readonly store: "flows and accounts" | "files" | "database";
  /** Absent: not known, or everything. */
  readonly seconds?: number;
  /** By what, or why it is not known. */
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
    loss("flows and accounts", replication, ({ seconds }) => seconds, "since all changes were last published"),
    loss("files", replication, ({ copySeconds }) => copySeconds, "what S3's replication takes, by CloudWatch"),
    isKnown(restorable)
      ? loss("database", restorable, ({ at }) => since(at), restorable.value.said)
      : loss("database", copied, (backup) => since(backup?.at), "the newest backup elsewhere"),
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
  return { store, said: seconds === undefined ? "not known" : said, ...(seconds !== undefined && { seconds }) };
}
