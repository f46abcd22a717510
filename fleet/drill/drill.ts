import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../../model/errors";
import { expectedFailoverSeconds, probesUntilDown } from "../../model/failover";
import { HEALTH_PATH } from "../../model/langflow";
import { expectedAlertSeconds, HEALTH_CHECK } from "../../observability/healthChecks";
import { Deadline } from "../terminal/deadline";
import { alertsSince } from "./alerts";
import type { Backend } from "./backend";
import { AHEAD_SECONDS, BROKEN_SHARE, isOutage, KINDS } from "./faults";
import { alertedAt, type Findings, isAlerted, isQuiet, reportOf } from "./findings";
import { LangFlow } from "./langflow";
import { DrillLock } from "./lock";
import { Markers, markedAt } from "./markers";
import { recoveredAt, traffic } from "./measure";
import { dismiss, enrol, type OrdinaryUser } from "./ordinaryUser";
import { type Plan, servesAll } from "./plan";
import { PodWatch } from "./podWatch";
import type { DrillReport, Phase, SeenAlert } from "./report";
import { isAhead, RivalEdits } from "./rivalEdits";
import { Saves } from "./saves";
import { type InRegion, StaleReturn } from "./staleReturn";
import { approved, convergedWithoutGit, heldBack, lossesIn, survivorChecks } from "./survivor";
import { Visitors } from "./visitors";
import { ReadBack } from "./visitors/uploads";
import { WaitingRun } from "./waitingRun";

export interface DrillParts {
  readonly backend: Backend;
  /** Aborts when the user interrupts the drill. */
  readonly signal: AbortSignal;
  /** Receives the drill's progress messages. */
  report(phase: Phase, message: string): void;
}

const POLL_MS = 500;
/** Timeout for a health check of a region that serves. */
const ANSWER_MS = 5_000;
/**
 * Number of sync intervals for which a fault without failover is held, and after which the drill checks a returned
 * region a second time.
 */
const HELD_INTERVALS = 2;
/**
 * Window of the error budget, in milliseconds: the other regions' failures within the window decide whether the drill
 * aborts. `BUDGET_REQUESTS` is the minimum sample size.
 */
const BUDGET_MS = 30_000;
const BUDGET_REQUESTS = 20;
/** How far back the drill searches for earlier alerts that must end before the fault. */
const EARLIER_MS = 3_600_000;
/**
 * Maximum time for an autoscaler to reach its desired count: 15 s to notice, 2 minutes for a new node, 1 minute to
 * start LangFlow, plus a margin.
 */
const SCALE_SECONDS = 300;
/**
 * Maximum time for file copies after all flows have converged. S3 promises 15 minutes; local replication needs almost
 * none.
 */
const COPY_SECONDS = { local: 60, clouds: 900 };

/** The fleet lacks a prerequisite of the fault. */
export class FleetLacks extends UserError {}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/**
 * Injects a fault into a region under load, measures the impact on users and data, restores the region, and measures
 * the recovery. The drill restores the region even if a step fails. If this process dies, the lock still records what
 * to restore.
 *
 * @throws UserError exit 11 if the fleet is unhealthy before the fault; {@link FleetLacks}, with the same exit code, if
 * the fleet lacks a prerequisite of the fault
 */
export async function drill(plan: Plan, around: DrillParts): Promise<DrillReport> {
  return new Drill(plan, around).run();
}

class Drill {
  private readonly found: Findings = { startedAt: Date.now(), phases: [], losses: [], checks: [] };
  private readonly visitors: Visitors;
  private readonly deadline: Deadline;
  private readonly others: readonly string[];
  private lock?: DrillLock;
  /** Set once the survivor has changed its copy of the data. */
  private changed?: StaleReturn;
  /** Run that waits for an approval until the fault ends. */
  private held?: WaitingRun;
  /** Set if the fault fills the disk. */
  private saves?: Saves;
  /** Set if the fault makes the regions' clocks differ. */
  private rivals?: RivalEdits;
  /** Watches the pods of the region that takes over the users. Set only if the traffic multiplier is above 1. */
  private podWatch?: PodWatch;

  constructor(
    private readonly plan: Plan,
    private readonly around: DrillParts,
  ) {
    this.visitors = new Visitors(around.backend, plan.load);
    this.deadline = new Deadline(around.signal, plan.limitSeconds * 1000);
    this.others = plan.regions.filter((region) => region !== plan.region);
  }

  async run(): Promise<DrillReport> {
    const { plan, found, deadline } = this;
    try {
      const user = await this.prepare();
      const markers = new Markers(await this.langflow(plan.region, user), plan.id);
      await this.disturb(markers, user).catch((error: Error) => this.abort(error.message));
      // Writers that are not stopped would continue into the next drill.
      try {
        await this.restore(markers, user);
      } finally {
        await Promise.all([markers.stop(), this.saves?.stop(), this.podWatch?.stop(), this.visitors.stop()]);
      }
      this.lookAtLoad();
      await this.cleanUp(user).catch(() => undefined);
    } finally {
      deadline.close();
      await this.unlock();
    }
    found.endedAt = Date.now();
    return reportOf(plan, found, this.visitors);
  }

  /** Releases the lock. If something is still offline, keeps the lock for `drill --restore`. */
  private async unlock(): Promise<void> {
    const { lock, found } = this;
    if (found.faultAt !== undefined && found.returnedAt === undefined) lock?.abandon();
    else
      await lock
        ?.release()
        .catch((error: Error) =>
          this.around.report(
            "convergence",
            `the drill's lock could not be released; run \`drill --restore\` to release it: ${error.message}`,
          ),
        );
  }

  /** Prepares the drill. A failure here ends the drill without a report. */
  private async prepare(): Promise<OrdinaryUser> {
    const { around, deadline, plan } = this;
    try {
      this.lock = await DrillLock.acquire(around.backend.lockObject(), plan);
      await deadline.bound(this.refuseUnlessHealthy());
      if (isOutage(plan.fault) && (await deadline.bound(this.isWatched()))) this.found.alerts = [];
      await deadline.bound(around.backend.prepare(plan.fault, plan.region));
      return await deadline.bound(enrol(await this.langflow(plan.region)));
    } catch (error) {
      if (!deadline.signal.aborted) throw error;
      throw around.signal.aborted
        ? new UserError("interrupted: no fault was injected", ExitCode.Cancelled)
        : new UserError(`not ready after ${plan.limitSeconds} s: no fault was injected`, ExitCode.TargetMissed);
    }
  }

  /** Runs all phases from steady traffic until just before the restoration. */
  private async disturb(markers: Markers, user: OrdinaryUser): Promise<void> {
    const { plan, found } = this;
    const { backend } = this.around;
    const { region, regions, fault } = plan;
    this.enter("steady", `${plan.steadySeconds} s of undisturbed traffic`);
    this.visitors.start(regions, region, user);
    await this.deadline.bound(markers.start());
    const waiting = plan.hasWitness
      ? await this.deadline.bound(WaitingRun.start(await this.langflow(region, user), plan.id))
      : undefined;
    if (KINDS[fault].stopsSaves) this.saves = await this.startSaves(await this.langflow(region, user));
    if (KINDS[fault].isAhead) this.rivals = await this.makeRivals(user);
    const stale = KINDS[fault].isStale ? await this.makeStale(user) : undefined;
    const end = Date.now() + plan.steadySeconds * 1000;
    const [survivor = region] = this.others;
    const sides = [region, ...this.others.slice(0, 1)];
    await this.until(() => this.haveFlow(sides, markers, user));
    if (waiting) await this.until(async () => waiting.isIn(await this.langflow(survivor, user)));
    if (KINDS[fault].stopsTakeOvers) this.held = waiting;
    this.visitors.startLong(sides, markers.flowId, user);
    await this.until(() => Date.now() >= end);
    await this.untilQuietBefore();
    // Measured before the fault, so no backup is made specifically for the drill.
    const restorable = isOutage(fault) ? await this.deadline.bound(backend.restorable(region, survivor)) : undefined;

    await this.deadline.bound(this.refuseUnlessOthersServe());
    await this.lock?.markTaken();
    if (plan.load > 1 && isOutage(fault)) this.podWatch = new PodWatch(backend, survivor);
    // A local silent region is suspended, so its last edits must happen before the fault. On the clouds, the silenced
    // region keeps running and can be edited afterwards.
    if (plan.local) await this.deadline.bound(Promise.resolve(stale?.sayLast())).catch(() => undefined);
    found.faultAt = Date.now();
    this.enter("fault", `injecting the fault: ${fault} of ${region}`);
    // No deadline applies here: the drill must not restore a fault that is only half injected.
    await backend.takeAway(fault, region);
    found.awayAt = Date.now();
    if (!plan.local) await this.deadline.bound(Promise.resolve(stale?.sayLast()));

    const { rivals } = this;
    if (rivals)
      await this.deadline.bound(rivals.edit(await this.langflow(region, user), await this.langflow(survivor, user)));

    await this.detect(found.faultAt);
    // With these faults, users may remain in the impaired region, so the drill does not wait for their recovery.
    if (["failing", "interrupted", "halved"].includes(KINDS[fault].users)) return;
    this.enter("recovery", `waiting for ${plan.goodInARow} consecutive successful answers`);
    await this.until(() => this.recovered() !== undefined);
    found.recoveredAt = this.recovered();

    this.enter("survivor-checks", "checking data and functions in the survivor");
    // Only an outage can lose data. Faults that only redirect users, or pause replication or the record, have no
    // `restorable`.
    const given = { backend, markers, user, region, survivor, waiting: this.held ? undefined : waiting };
    const { acknowledged } = this.visitors.uploads;
    if (restorable)
      found.losses = await this.deadline.bound(
        lossesIn({ ...given, faultAt: found.faultAt, restorable, acknowledged }),
      );
    const checks = await this.deadline.bound(survivorChecks(given));
    found.checks = [...checks, ...this.visitors.signInChecks()];
    if (KINDS[fault].holdsCopies)
      found.checks = [...found.checks, await this.deadline.bound(heldBack(given, found.awayAt))];
    if (KINDS[fault].stopsRecord && !isOutage(fault))
      found.checks = [...found.checks, await this.deadline.bound(convergedWithoutGit(given, found.awayAt))];
    if (rivals) {
      const clock = isAhead(region, await backend.reach(region), AHEAD_SECONDS);
      found.checks = [...found.checks, await this.deadline.bound(clock)];
    }
    await this.untilScaled();
    if (!stale) return;
    this.enter(
      "hold",
      `editing and deleting in ${survivor}, then keeping the region offline for ${plan.holdSeconds} s`,
    );
    this.changed = stale;
    await this.deadline.bound(stale.change(await this.in(survivor, user)));
    await this.pass(plan.holdSeconds);
  }

  /** Starts saving flows. If the drill ends before the first save, the saves are stopped as soon as they start. */
  private async startSaves(langflow: LangFlow): Promise<Saves> {
    const saves = Saves.start(langflow, this.plan.id);
    try {
      return await this.deadline.bound(saves);
    } catch (error) {
      void saves.then(
        (late) => late.stop(),
        () => undefined,
      );
      throw error;
    }
  }

  /** Records the load measurements. Runs after the last request has completed. */
  private lookAtLoad(): void {
    const { found, plan, podWatch, visitors } = this;
    const { faultAt, returnedAt } = found;
    if (faultAt === undefined || returnedAt === undefined) return;
    const load = podWatch?.found(plan.load, visitors.samples, faultAt, returnedAt);
    if (load) found.load = load;
  }

  /**
   * Waits until the survivor has the pods that its autoscaler wants for two regions' users, or until the time limit
   * passes.
   */
  private async untilScaled(): Promise<void> {
    const { podWatch } = this;
    if (!podWatch) return;
    this.around.report("survivor-checks", `waiting until ${podWatch.region} has enough pods`);
    const longest = Date.now() + SCALE_SECONDS * 1000;
    await this.until(() => podWatch.hasScaled || Date.now() > longest);
  }

  /** Creates the objects that will change while the region is offline, and waits until every region has them. */
  private async makeStale(user: OrdinaryUser): Promise<StaleReturn> {
    const { region, regions, id } = this.plan;
    const stale = await this.deadline.bound(StaleReturn.make(await this.in(region, user), id));
    this.around.report("steady", "waiting until every region has the objects that will be changed");
    const everywhere = await Promise.all(regions.map((each) => this.in(each, user)));
    await this.until(async () => (await Promise.all(everywhere.map((each) => stale.isIn(each)))).every(Boolean));
    return stale;
  }

  /** Creates the flow for the conflicting edits, and waits until every region has it. */
  private async makeRivals(user: OrdinaryUser): Promise<RivalEdits> {
    const { region, regions, id } = this.plan;
    const rivals = await this.deadline.bound(RivalEdits.make(await this.langflow(region, user), id));
    const everywhere = await Promise.all(regions.map((each) => this.langflow(each, user)));
    await this.until(async () => (await Promise.all(everywhere.map((each) => rivals.isIn(each)))).every(Boolean));
    return rivals;
  }

  /**
   * Waits until every region has the changes made during the outage, or the time limit passes. Checks again later that
   * they persist.
   */
  private async checkReturn(stale: StaleReturn, user: OrdinaryUser): Promise<void> {
    const { regions, settleSeconds, syncInterval } = this.plan;
    this.enter("return-checks", "checking for stale data from the returned region, now and again later");
    const everywhere = await Promise.all(regions.map((region) => this.in(region, user)));
    const longest = Date.now() + settleSeconds * 1000;
    await this.until(
      async () => Date.now() > longest || (await stale.checks(everywhere)).every((check) => check.passed),
    );
    await this.pass(HELD_INTERVALS * syncInterval);
    this.found.returnChecks = await this.deadline.bound(stale.checks(everywhere));
  }

  /**
   * Holds the fault until the monitor detects it. If the monitor must not or may not detect the fault, holds it for a
   * fixed time.
   */
  private async detect(faultAt: number): Promise<void> {
    const { fault, monitor, syncInterval } = this.plan;
    const { users, isUnseen } = KINDS[fault];
    const expected = expectedFailoverSeconds(monitor);
    if (users === "unaware") {
      this.enter("detection", "keeping the fault active: the monitor should not detect it");
      await this.pass(HELD_INTERVALS * syncInterval);
    } else if (users === "failing") {
      const probes = probesUntilDown(BROKEN_SHARE, monitor.consecutiveDown);
      const onAverage = Math.round(probes * monitor.intervalSeconds);
      this.enter(
        "detection",
        `keeping the fault active for ${expected} s: a check region detects it by chance, on average after ${onAverage} s`,
      );
      await this.hold(faultAt, expected);
    } else if (users === "interrupted" || users === "halved") {
      const { heldSeconds } = this.plan;
      this.enter("detection", `keeping the fault active for ${heldSeconds} s: the monitor may or may not detect it`);
      await this.hold(faultAt, heldSeconds);
    } else if (isUnseen) {
      this.enter(
        "detection",
        `waiting ${expected} s, the monitor's expected detection time, because its verdict cannot be read`,
      );
      await this.pass(expected);
      await this.untilAlerted(faultAt);
    } else {
      this.enter("detection", "waiting for the monitor's verdict");
      await this.untilDown(faultAt);
      await this.untilAlerted(faultAt);
    }
  }

  /** Returns the fleet's problems, after giving the monitor enough time to see a fleet that has just started. */
  private async lastingTroubles(): Promise<string[]> {
    const { intervalSeconds, timeoutSeconds, consecutiveUp } = this.plan.monitor;
    const patience = Date.now() + ((consecutiveUp + 1) * intervalSeconds + timeoutSeconds) * 1000;
    for (;;) {
      const troubles = await this.around.backend.troubles();
      if (troubles.length === 0 || Date.now() > patience) return troubles;
      await this.poll();
    }
  }

  /** Deletes the drill's own objects. The next drill recognizes any leftovers by their name and deletes them. */
  private async cleanUp(user: OrdinaryUser): Promise<void> {
    await dismiss(user, await this.langflow(this.plan.region));
  }

  private async restore(markers: Markers, user: OrdinaryUser): Promise<void> {
    const { found, around } = this;
    const { region, fault } = this.plan;
    if (found.faultAt === undefined) return markers.stop();
    this.enter("restoration", `removing the fault: ${fault} of ${region}`);
    await around.backend.putBack(fault, region);
    await this.lock?.markBack().catch(() => undefined);
    found.returnedAt = Date.now();
    await this.podWatch?.stop();
    await markers.stop();
    // The remaining steps only measure, so an interrupted drill skips them.
    if (around.signal.aborted) return;
    try {
      this.enter("failback", `waiting for ${region} to serve again`);
      await this.untilServing(found.returnedAt);
      await this.untilSaved();
      this.enter("convergence", "waiting for all regions to hold the same flows");
      await this.deadline.bound(this.untilConverged(markers, user));
      await this.lookAtEdits(user);
      await this.approveHeld(user);
      if (this.changed) await this.checkReturn(this.changed, user);
      await this.untilQuiet();
      await this.untilReadBack(user);
      await this.untilWell();
    } catch (error) {
      this.abort(`after the fault was removed: ${(error as Error).message}`);
    }
  }

  /** Approves the run that could not resume during the fault. */
  private async approveHeld(user: OrdinaryUser): Promise<void> {
    const { found, held } = this;
    if (!held) return;
    const check = approved(held, await this.langflow(this.plan.region, user));
    found.checks = [...found.checks, await this.deadline.bound(check)];
  }

  private async refuseUnlessHealthy(): Promise<void> {
    const { backend } = this.around;
    const { fault, region } = this.plan;
    const troubles = await this.lastingTroubles();
    if (troubles.length > 0)
      throw new UserError(
        ["the fleet is not healthy, so the drill injected no fault:", ...indented(troubles)].join("\n"),
        ExitCode.Refused,
      );
    const lacking = await backend.lacks(fault, region);
    if (lacking.length > 0)
      throw new FleetLacks(
        [`the fleet does not support the fault ${fault}, so no fault was injected:`, ...indented(lacking)].join("\n"),
        ExitCode.Refused,
      );
  }

  /**
   * Throws unless all other regions serve. A region that was healthy at the start may have failed since then, and the
   * monitor notices that late.
   */
  private async refuseUnlessOthersServe(): Promise<void> {
    const { backend } = this.around;
    const pools = await backend.pools();
    for (const region of this.others) {
      const { healthy = false, enabled = false } = pools.get(region) ?? {};
      const answer = await fetch(`${await backend.reach(region)}${HEALTH_PATH}`, {
        headers: { connection: "close" },
        signal: AbortSignal.timeout(ANSWER_MS),
      }).catch(() => undefined);
      await answer?.body?.cancel();
      if (!healthy || !enabled || !answer?.ok) throw new Error(`${region} does not serve users: no fault was injected`);
    }
  }

  /** Waits for the monitor's verdict, for at most three times the expected failover time. */
  private async untilDown(faultAt: number): Promise<void> {
    const longest = 3 * expectedFailoverSeconds(this.plan.monitor) * 1000;
    await this.until(async () => (await this.isDown(faultAt)) || Date.now() - faultAt > longest);
  }

  /** Holds the fault for a number of seconds and records whether the monitor detects it. */
  private async hold(faultAt: number, seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    await this.until(async () => {
      if (this.found.detectedAt === undefined) await this.isDown(faultAt);
      return Date.now() >= end;
    });
  }

  /** Returns whether the monitor has detected the fault. A failed query counts as not detected. */
  private async isDown(faultAt: number): Promise<boolean> {
    const pools = await this.around.backend.pools().catch(() => undefined);
    const verdict = pools?.get(this.plan.region);
    if (verdict?.healthy === false) this.found.detectedAt = Math.max(verdict.since, faultAt);
    return this.found.detectedAt !== undefined;
  }

  private async isWatched(): Promise<boolean> {
    const watchers = await Promise.all(this.others.map((region) => this.around.backend.prometheus(region)));
    return watchers.some((url) => url !== undefined);
  }

  /** Waits until a different region alerts on the loss, or until the alert's time limit passes. */
  private async untilAlerted(faultAt: number): Promise<void> {
    const { found, plan, others } = this;
    if (!found.alerts) return;
    this.around.report("detection", "waiting for an alert in a different region");
    const longest = (plan.limits.alertSeconds ?? 0) * 1000;
    await this.until(async () => {
      found.alerts = await this.alertsOf(others);
      return alertedAt(found.alerts, plan.region) !== undefined || Date.now() - faultAt > longest;
    });
  }

  /**
   * Waits until earlier alerts about the region have ended, or until a time limit passes. Otherwise they would be
   * confused with this fault's alerts.
   */
  private async untilQuietBefore(): Promise<void> {
    const { found, plan, others, around } = this;
    if (!found.alerts) return;
    const longest = Date.now() + 2 * expectedAlertSeconds(HEALTH_CHECK) * 1000;
    const quiet = async () => {
      const now = Date.now();
      return isQuiet(await this.alertsOf(others, now - EARLIER_MS), plan.region, now);
    };
    if (await this.deadline.bound(quiet())) return;
    around.report("steady", `waiting for an earlier alert of ${plan.region} to end`);
    await this.until(async () => Date.now() > longest || quiet());
  }

  /**
   * Waits until the other regions' alerts about the loss have ended, or until a time limit passes. Then records the
   * alerts that each region saw.
   */
  private async untilQuiet(): Promise<void> {
    const { found, plan, others } = this;
    if (!found.alerts) return;
    this.around.report("convergence", "waiting for the alerts to end");
    const longest = Date.now() + expectedAlertSeconds(HEALTH_CHECK) * 1000;
    await this.until(async () => Date.now() > longest || !isAlerted(await this.alertsOf(others), plan.region));
    found.alerts = await this.deadline.bound(this.alertsOf(plan.regions));
  }

  /** Returns the alerts that the Prometheus of each of these regions recorded since the fault. */
  private async alertsOf(regions: readonly string[], since = this.found.faultAt ?? Date.now()): Promise<SeenAlert[]> {
    const { backend } = this.around;
    const seenBy = async (region: string) => {
      const url = await backend.prometheus(region);
      return url === undefined ? [] : alertsSince(url, region, since);
    };
    // A Prometheus that does not answer counts as one without alerts.
    return (await Promise.all(regions.map((region) => seenBy(region).catch(() => [])))).flat();
  }

  /**
   * Waits until the region's pool is healthy again. Unless the region is only a standby, also waits until it answers
   * its own users.
   */
  private async untilServing(since: number): Promise<void> {
    const { region, topology } = this.plan;
    const serves = topology === "active-active" || servesAll(this.plan);
    await this.until(async () => {
      const verdict = (await this.around.backend.pools()).get(region);
      if (!verdict?.healthy || !verdict.enabled) return false;
      const own = this.near([region]).filter(({ at }) => at >= since);
      const first = own.find((each) => each.ok && each.region === region);
      // On the clouds, the response does not identify the region.
      if (serves && !first && own.some((each) => each.region !== undefined)) return false;
      this.found.servedAt = first?.at ?? Date.now();
      return true;
    });
  }

  private async untilConverged(markers: Markers, user: OrdinaryUser): Promise<void> {
    const regions = await Promise.all(this.plan.regions.map((region) => this.in(region, user)));
    await this.until(async () => {
      const all = await Promise.all(
        regions.map(async ({ admin, hers }) => [...(await admin.flows()), ...(await hers.flows())]),
      );
      const summaries = all.map((flows) =>
        flows
          .map(({ id, name, description }) => `${id} ${name} ${description}`)
          .sort()
          .join("\n"),
      );
      const newest = markedAt(all[0]?.find(({ id }) => id === markers.flowId)?.description) ?? 0;
      return summaries.every((each) => each === summaries[0]) && newest >= (markers.edits.at(-1) ?? 0);
    });
    this.found.convergedAt = Date.now();
  }

  /** Returns whether the drill's user can run the drill's flow in each of these regions. */
  private async haveFlow(regions: readonly string[], { flowId }: Markers, user: OrdinaryUser): Promise<boolean> {
    const flows = await Promise.all(regions.map(async (region) => (await this.langflow(region, user)).flows()));
    return flows.every((each) => each.some(({ id }) => id === flowId));
  }

  /** Waits until every region returns all acknowledged uploads, or until the time limit passes. */
  private async untilReadBack(user: OrdinaryUser): Promise<void> {
    const { plan, found, visitors } = this;
    // Streams that the fault could have cut are followed to their end.
    await this.deadline.bound(visitors.stop(found.faultAt));
    const { acknowledged } = visitors.uploads;
    const regions = await Promise.all(
      plan.regions.map(async (region) => new ReadBack(region, await this.langflow(region, user), acknowledged)),
    );
    const longest = Date.now() + COPY_SECONDS[plan.local ? "local" : "clouds"] * 1000;
    await this.until(async () => {
      const all = await Promise.all(regions.map((region) => region.look()));
      return all.every(Boolean) || Date.now() > longest;
    });
    found.checks = [...found.checks, ...regions.map(({ check }) => check)];
  }

  /**
   * Waits until the fleet has no problems. A killed pod may still be starting when its region already serves, and would
   * fail the next drill's health check.
   */
  private async untilWell(): Promise<void> {
    const { backend, report } = this.around;
    const troubles = await this.deadline.bound(backend.troubles());
    if (troubles.length === 0) return;
    report("convergence", `waiting until the fleet is healthy: ${troubles.join(", ")}`);
    await this.until(async () => (await backend.troubles()).length === 0);
  }

  /** Waits until saves that need disk space succeed again, or until the failback limit passes. */
  private async untilSaved(): Promise<void> {
    const { saves, found, plan } = this;
    const { awayAt, returnedAt } = found;
    if (!saves || awayAt === undefined || returnedAt === undefined) return;
    const longest = Date.now() + (plan.limits.failbackSeconds ?? 0) * 1000;
    await this.until(() => saves.takenSince(returnedAt) !== undefined || Date.now() > longest);
    await saves.stop();
    const freed = found.phases.find(({ phase }) => phase === "restoration")?.at ?? returnedAt;
    found.checks = [...found.checks, ...saves.checks(plan.region, awayAt, freed, returnedAt)];
  }

  /** Checks that every region has the newest of the drill's deliberate edits. */
  private async lookAtEdits(user: OrdinaryUser): Promise<void> {
    const { found, plan } = this;
    const edited = [this.saves, this.rivals].flatMap((each) => each ?? []);
    const kept = plan.regions.flatMap((region) =>
      edited.map(async (each) => each.kept(region, await this.langflow(region, user))),
    );
    found.checks = [...found.checks, ...(await this.deadline.bound(Promise.all(kept)))];
  }

  private recovered(): number | undefined {
    const { faultAt = 0, returnedAt = Date.now() } = this.found;
    return recoveredAt(this.near([this.plan.region]), faultAt, this.plan.goodInARow, returnedAt);
  }

  private near(regions: readonly string[]) {
    const clients = regions.map((region) => `near ${region}`);
    return this.visitors.samples.filter(({ client }) => clients.includes(client));
  }

  /** Returns a client for one region's LangFlow, authenticated as the superuser or as the given user. */
  private async langflow(region: string, user?: OrdinaryUser): Promise<LangFlow> {
    const { backend } = this.around;
    return new LangFlow(await backend.reach(region), { "x-api-key": user?.apiKey ?? backend.apiKey });
  }

  private async in(region: string, user: OrdinaryUser): Promise<InRegion> {
    return { region, hers: await this.langflow(region, user), admin: await this.langflow(region) };
  }

  /** Polls until a condition holds. Throws when the drill ends or when too many requests of the other regions fail. */
  private async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (;;) {
      this.lock?.check();
      this.keepBudget();
      // A failed query counts as "does not hold yet".
      if (await this.deadline.bound(Promise.resolve(holds()).catch(() => false))) return;
      await this.poll();
    }
  }

  private poll(): Promise<void> {
    return sleep(POLL_MS, undefined, { signal: this.deadline.signal });
  }

  private async pass(seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    await this.until(() => Date.now() >= end);
  }

  private keepBudget(): void {
    const { faultAt, detectedAt = Number.POSITIVE_INFINITY, returnedAt } = this.found;
    if (faultAt === undefined || returnedAt !== undefined) return;
    // If the drilled region serves all users, they fail until the standby takes over, so failures before the detection
    // do not count.
    const since = servesAll(this.plan) ? detectedAt : 0;
    const { requests, failed } = traffic(this.near(this.others), Math.max(since, Date.now() - BUDGET_MS), Date.now());
    if (requests < BUDGET_REQUESTS || (failed / requests) * 100 <= this.plan.abortAbove) return;
    throw new Error(`${failed} of ${requests} requests of the other regions' users failed within half a minute`);
  }

  private abort(reason: string): void {
    const { around, deadline, found, plan } = this;
    const why = deadline.signal.aborted ? `the drill did not end within its limit of ${plan.limitSeconds} s` : reason;
    found.aborted ??= around.signal.aborted ? "interrupted" : why;
  }

  private enter(phase: Phase, message: string): void {
    const known = phase === "fault" ? this.found.faultAt : undefined;
    this.found.phases.push({ phase, at: known ?? Date.now() });
    this.around.report(phase, message);
  }
}
