import { setTimeout as sleep } from "node:timers/promises";
import type { LangFlowApi } from "./langflowApi";
import type { LiveFleet } from "./liveFleet";
import { AgentBundle, environmentOfAgent, OwnAgent } from "./ownAgent";

/** Number of flows from which a region edits existing flows instead of creating new ones. */
const FLOWS_MAX = 40;

/** An attempt to edit a flow. */
interface Attempt {
  /** Unique text of the edit; no token is the beginning of another. */
  readonly token: string;
  readonly flow: string | undefined;
  /** The token that the author had seen. */
  readonly seen?: string | null;
  /** LangFlow's error; undefined: it acknowledged the edit. */
  readonly error?: string;
  readonly at: string;
}

/** Concurrent edits in both regions, with agents that tests can kill at any time. */
export class Storm {
  private readonly bundle = new AgentBundle();
  private readonly agents = new Map<string, OwnAgent>();
  private readonly edits: Promise<void>[] = [];
  private readonly attempts: Attempt[] = [];
  private raging = true;

  private constructor(
    private readonly environments: ReadonlyMap<string, Record<string, string>>,
    private readonly fleet: LiveFleet,
  ) {}

  /** Replaces the fleet's agents with own agents in the same environment except the ports, and starts the edits. */
  static async begin(fleet: LiveFleet, regions: Record<string, LangFlowApi>): Promise<Storm> {
    const environments = new Map<string, Record<string, string>>();
    for (const region of Object.keys(regions)) {
      environments.set(region, await environmentOfAgent(fleet, region));
      await fleet.scale(region, `flow-sync-${region}`, 0);
    }
    const storm = new Storm(environments, fleet);
    for (const region of environments.keys()) storm.start(region);
    for (const [region, each] of Object.entries(regions)) storm.edits.push(storm.rage(region, each));
    return storm;
  }

  /** Kills each agent at a random time after its start, about half of them after their first writes. */
  async killAtRandom(times: number): Promise<void> {
    const regions = [...this.environments.keys()];
    let longestMs = 1_500;
    for (let kill = 0; kill < times; kill += 1) {
      const region = regions[kill % regions.length] ?? "";
      const agent = this.agents.get(region);
      await agent?.says('"started"');
      await sleep(Math.random() * longestMs);
      await agent?.end("SIGKILL");
      // Adapts the delay to the speed of the machine.
      longestMs *= /"accounts (published|replicated)"/.test(agent?.log ?? "") ? 0.9 : 1.1;
      this.start(region);
    }
  }

  /**
   * Stops the edits. @returns the tokens of all edits that LangFlow acknowledged and that were not replaced by an
   * author who had seen them
   */
  async end(): Promise<string[]> {
    this.raging = false;
    const ended = await Promise.allSettled(this.edits);
    for (const agent of this.agents.values()) await agent.end("SIGTERM");
    this.bundle.remove();
    for (const region of this.environments.keys()) await this.fleet.scale(region, `flow-sync-${region}`, 1);
    for (const each of ended) if (each.status === "rejected") throw each.reason;
    const replaced = new Set(this.attempts.map(({ seen }) => seen));
    return this.attempts.flatMap(({ token, error }) => (error === undefined && !replaced.has(token) ? token : []));
  }

  private start(region: string): void {
    this.agents.set(region, new OwnAgent(this.bundle, this.environments.get(region) ?? {}));
  }

  /** Returns all attempts to edit the flow that an edit changed, to explain the loss of the edit. */
  around(token: string): readonly Attempt[] {
    const flow = this.attempts.find((attempt) => attempt.token === token)?.flow;
    return this.attempts.filter((attempt) => attempt.flow === flow);
  }

  /** Creates and edits flows: its own, and some that the other region edits too. */
  private async rage(region: string, langflow: LangFlowApi): Promise<void> {
    for (let count = 1_000; this.raging; count += 1) {
      const token = `storm-${region}-${count}`;
      const note = (attempt: Pick<Attempt, "flow" | "seen" | "error">) =>
        this.attempts.push({ token, ...attempt, at: new Date().toISOString() });
      const flows = (await langflow.flows()).filter(({ name }) => name.startsWith("Storm"));
      const chosen = flows[Math.floor(Math.random() * flows.length)];
      if (!chosen || flows.length < FLOWS_MAX)
        note({ flow: (await langflow.create(`Storm ${token}`, graph(token))).id });
      else {
        try {
          // The author of this edit had seen the version that it replaces.
          note({ flow: chosen.id, seen: await langflow.save(chosen.id, graph(token)) });
        } catch (error) {
          // LangFlow rejected the edit, because the other region edited, deleted or renamed the flow meanwhile.
          if (!/: (404|409) /.test(`${error}`)) throw error;
          note({ flow: chosen.id, error: `${error}` });
        }
      }
      await sleep(150 + Math.random() * 250);
    }
  }
}

/** Returns an edit with a graph, like the UI saves it. */
const graph = (token: string) => ({
  description: token,
  data: { nodes: [{ id: "note", type: "noteNode", data: { id: "note", node: { description: token } } }], edges: [] },
});
