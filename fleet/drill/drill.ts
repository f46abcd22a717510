import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../../model/errors";
import { expectedFailoverSeconds } from "../../model/failover";
import type { Backend } from "./backend";
import { type Findings, reportOf } from "./findings";
import type { Journal } from "./journal";
import { LangFlow } from "./langflow";
import { Markers, markedAt } from "./markers";
import { recoveredAt, traffic } from "./measure";
import { OUTAGES, type Plan } from "./plan";
import type { DrillReport, Phase } from "./report";
import { lossesIn, survivorChecks } from "./survivor";
import { throughTheFront, Visitors } from "./visitors";

export interface DrillParts {
  readonly backend: Backend;
  readonly journal: Journal;
  /** Aborted: the user asks for the end. */
  readonly signal: AbortSignal;
  /** Told where the drill is. */
  report(phase: Phase, message: string): void;
}

const POLL_MS = 500;
/** How long a fault that steers nobody away is kept up, in sync intervals. */
const HELD_INTERVALS = 2;
/** The others' requests of so many milliseconds decide whether a drill is broken off, once there are enough of them. */
const BUDGET_MS = 30_000;
const BUDGET_REQUESTS = 20;

/**
 * Takes something of a region away under traffic, measures what users and data feel of it, puts it back, and measures
 * that too. Whatever happens in between, it is put back; the journal remembers it should this process die.
 *
 * @throws UserError exit 11 where the fleet is not healthy beforehand
 */
export async function drill(plan: Plan, around: DrillParts): Promise<DrillReport> {
  return new Drill(plan, around).run();
}

class Drill {
  private readonly found: Findings = { startedAt: Date.now(), phases: [], losses: [], checks: [] };
  private readonly visitors: Visitors;
  /** Of the user's patience, or of the time. */
  private readonly ended: AbortSignal;
  private readonly others: readonly string[];

  constructor(
    private readonly plan: Plan,
    private readonly around: DrillParts,
  ) {
    this.visitors = new Visitors(around.backend);
    this.ended = AbortSignal.any([around.signal, AbortSignal.timeout(plan.limit * 1000)]);
    this.others = plan.regions.filter((region) => region !== plan.region);
  }

  async run(): Promise<DrillReport> {
    const { plan, found, around } = this;
    await this.refuseUnlessHealthy();
    await around.backend.prepare(plan.region);
    const victim = await this.langflow(plan.region);
    const token = await LangFlow.login(victim.url, around.backend.superuser, around.backend.password);
    const markers = new Markers(victim, plan.id);
    await this.disturb(markers, token).catch((error: Error) => this.abort(error.message));
    await this.restore(markers);
    await this.visitors.stop();
    await this.langflow(plan.region).then(
      (langflow) => markers.remove(langflow),
      () => undefined,
    );
    found.endedAt = Date.now();
    return reportOf(plan, found, this.visitors.samples);
  }

  /** Everything up to the moment when it is put back. */
  private async disturb(markers: Markers, token: string): Promise<void> {
    const { plan, found } = this;
    const { backend, journal } = this.around;
    const { id, region, regions, fault } = plan;
    this.enter("steady", `${plan.steady} s of undisturbed traffic`);
    this.visitors.start(regions, { region, token });
    await markers.start();
    await this.pass(plan.steady);

    await journal.write({ id, fault, region, since: new Date().toISOString() });
    found.faultAt = Date.now();
    this.enter("fault", `taking away: ${fault} of ${region}`);
    await backend.takeAway(fault, region);

    if (OUTAGES.includes(fault)) {
      this.enter("detection", "waiting for the monitor's verdict");
      await this.untilDown(found.faultAt);
    } else {
      this.enter("detection", "holding it: the monitor is not to notice");
      await this.pass(HELD_INTERVALS * plan.syncInterval);
    }
    this.enter("recovery", `waiting for ${plan.goodInARow} good answers in a row`);
    await this.until(() => this.recovered() !== undefined);
    found.recoveredAt = this.recovered();

    this.enter("survivor-checks", "looking at what survived");
    const [survivor = region] = this.others;
    // What only steers users, or holds the sync up, takes no region: nothing is lost with it.
    if (OUTAGES.includes(fault))
      found.losses = await lossesIn({ backend, markers, region, survivor, faultAt: found.faultAt });
    const front = throughTheFront(backend, region);
    found.checks = await survivorChecks({ backend, markers, token, front, region, survivor });
  }

  /** What is wrong, once the monitor has had the time to see a fleet that has just come up. */
  private async lastingTroubles(): Promise<string[]> {
    const { intervalSeconds, timeoutSeconds, consecutiveUp } = this.plan.monitor;
    const patience = Date.now() + ((consecutiveUp + 1) * intervalSeconds + timeoutSeconds) * 1000;
    for (;;) {
      const troubles = await this.around.backend.troubles();
      if (troubles.length === 0 || Date.now() > patience) return troubles;
      await sleep(POLL_MS, undefined, { signal: this.ended });
    }
  }

  private async restore(markers: Markers): Promise<void> {
    const { found, around } = this;
    const { region, fault } = this.plan;
    if (found.faultAt === undefined) return markers.stop();
    this.enter("restoration", `putting back: ${fault} of ${region}`);
    await around.backend.putBack(fault, region);
    around.journal.clear();
    found.returnedAt = Date.now();
    await markers.stop();
    // What follows only measures: an interrupted drill has done what it must.
    if (around.signal.aborted) return;
    try {
      this.enter("failback", `waiting for ${region} to serve again`);
      await this.untilServing(found.returnedAt);
      this.enter("convergence", "waiting for all regions to hold the same flows");
      await this.untilConverged(markers);
    } catch (error) {
      this.abort(`after it was put back: ${(error as Error).message}`);
    }
  }

  private async refuseUnlessHealthy(): Promise<void> {
    const left = this.around.journal.read();
    const troubles = left
      ? [`an earlier drill (${left.id}) took away: ${left.fault} of ${left.region}; \`drill --restore\` puts it back`]
      : await this.lastingTroubles();
    if (troubles.length > 0)
      throw new UserError(
        ["the fleet is not healthy, so nothing was taken away:", ...troubles.map((each) => `  ${each}`)].join("\n"),
        ExitCode.Refused,
      );
  }

  /** Until the monitor's verdict; without one after three times what it should take. */
  private async untilDown(faultAt: number): Promise<void> {
    const longest = 3 * expectedFailoverSeconds(this.plan.monitor) * 1000;
    await this.until(async () => {
      const verdict = (await this.around.backend.pools()).get(this.plan.region);
      if (verdict?.healthy === false) this.found.detectedAt = Math.max(verdict.since, faultAt);
      return this.found.detectedAt !== undefined || Date.now() - faultAt > longest;
    });
  }

  /** Until the pool is healthy again and, where a standby is not the one to serve, its own visitors are answered by it. */
  private async untilServing(since: number): Promise<void> {
    const { region, regions, topology } = this.plan;
    const serves = topology === "active-active" || regions[0] === region;
    await this.until(async () => {
      const verdict = (await this.around.backend.pools()).get(region);
      if (!verdict?.healthy || !verdict.enabled) return false;
      const own = this.near([region]).filter(({ at }) => at >= since);
      const first = own.find((each) => each.ok && each.region === region);
      // Who answered is not known on the clouds.
      if (serves && !first && own.some((each) => each.region !== undefined)) return false;
      this.found.servedAt = first?.at ?? Date.now();
      return true;
    });
  }

  private async untilConverged(markers: Markers): Promise<void> {
    const clients = await Promise.all(this.plan.regions.map((region) => this.langflow(region)));
    await this.until(async () => {
      const all = await Promise.all(clients.map((each) => each.flows()));
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

  private recovered(): number | undefined {
    const { faultAt = 0, returnedAt = Date.now() } = this.found;
    return recoveredAt(this.near([this.plan.region]), faultAt, this.plan.goodInARow, returnedAt);
  }

  private near(regions: readonly string[]) {
    const clients = regions.map((region) => `near ${region}`);
    return this.visitors.samples.filter(({ client }) => clients.includes(client));
  }

  private async langflow(region: string): Promise<LangFlow> {
    const { backend } = this.around;
    return new LangFlow(await backend.reach(region), { "x-api-key": backend.apiKey });
  }

  /** Waits until something holds; ends with the drill, and where too many of the others' requests fail. */
  private async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (;;) {
      this.ended.throwIfAborted();
      this.keepBudget();
      // What cannot be asked at the moment does not hold yet.
      if (await Promise.resolve(holds()).catch(() => false)) return;
      await sleep(POLL_MS, undefined, { signal: this.ended });
    }
  }

  private async pass(seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    await this.until(() => Date.now() >= end);
  }

  private keepBudget(): void {
    if (this.found.faultAt === undefined || this.found.returnedAt !== undefined) return;
    const { requests, failed } = traffic(this.near(this.others), Date.now() - BUDGET_MS, Date.now());
    if (requests < BUDGET_REQUESTS || (failed / requests) * 100 <= this.plan.abortAbove) return;
    throw new Error(`${failed} of ${requests} requests of the other regions' users failed within half a minute`);
  }

  private abort(reason: string): void {
    const { around, ended, found, plan } = this;
    found.aborted ??= around.signal.aborted ? "interrupted" : ended.aborted ? `not over after ${plan.limit} s` : reason;
  }

  private enter(phase: Phase, message: string): void {
    this.found.phases.push({ phase, at: (phase === "fault" && this.found.faultAt) || Date.now() });
    this.around.report(phase, message);
  }
}
