import { setTimeout as sleep } from "node:timers/promises";
import type { LangFlowApi } from "./langflowApi";
import type { LiveFleet } from "./liveFleet";
import { AgentBundle, environmentOfAgent, OwnAgent } from "./ownAgent";

/** Number of flows from which a region edits existing flows instead of creating new ones. */
const FLOWS_MAX = 40;

/** Concurrent edits in both regions, with agents that tests can kill at any time. */
export class Storm {
  private readonly bundle = new AgentBundle();
  private readonly agents = new Map<string, OwnAgent>();
  private readonly edits: Promise<string[]>[] = [];
  /** Edits that were replaced by an edit whose author had seen them, in any region. */
  private readonly replaced = new Set<string>();
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
    const edits = (await Promise.all(this.edits)).flat().filter((token) => !this.replaced.has(token));
    for (const agent of this.agents.values()) await agent.end("SIGTERM");
    this.bundle.remove();
    for (const region of this.environments.keys()) await this.fleet.scale(region, `flow-sync-${region}`, 1);
    return edits;
  }

  private start(region: string): void {
    this.agents.set(region, new OwnAgent(this.bundle, this.environments.get(region) ?? {}));
  }

  /** Creates and edits flows: its own, and some that the other region edits too. */
  private async rage(region: string, langflow: LangFlowApi): Promise<string[]> {
    const tokens = new Map<string, string>();
    for (let count = 0; this.raging; count += 1) {
      const token = `storm-${region}-${count}`;
      const flows = (await langflow.flows()).filter(({ name }) => name.startsWith("Storm"));
      const chosen = flows[Math.floor(Math.random() * flows.length)];
      try {
        if (!chosen || flows.length < FLOWS_MAX) {
          const { id } = await langflow.create(`Storm ${token}`, graph(token));
          tokens.set(token, id);
        } else {
          // The author of this edit had seen the version that it replaces.
          const seen = await langflow.save(chosen.id, graph(token));
          if (seen) this.replaced.add(seen);
          tokens.set(token, chosen.id);
        }
      } catch {
        // LangFlow rejected the edit, because the other region edited, deleted or renamed the flow meanwhile. No edit
        // was acknowledged.
      }
      await sleep(150 + Math.random() * 250);
    }
    return [...tokens.keys()];
  }
}

/** Returns an edit with a graph, like the UI saves it. */
const graph = (token: string) => ({
  description: token,
  data: { nodes: [{ id: "note", type: "noteNode", data: { id: "note", node: { description: token } } }], edges: [] },
});
