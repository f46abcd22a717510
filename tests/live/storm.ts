import { setTimeout as sleep } from "node:timers/promises";
import type { LangFlowApi } from "./langflowApi";
import type { LiveFleet } from "./liveFleet";
import { AgentBundle, environmentOfAgent, OwnAgent } from "./ownAgent";

/** Flows that a region has of the storm; then it edits instead. */
const FLOWS_MAX = 40;

/** Edits in both regions at once, with agents of our own that can be killed as often as one likes. */
export class Storm {
  private readonly bundle = new AgentBundle();
  private readonly agents = new Map<string, OwnAgent>();
  private readonly edits: Promise<string[]>[] = [];
  /** What whoever replaced it had seen, in whichever region. */
  private readonly replaced = new Set<string>();
  private raging = true;

  private constructor(
    private readonly environments: ReadonlyMap<string, Record<string, string>>,
    private readonly fleet: LiveFleet,
  ) {}

  /** Takes the place of the fleet's agents, in their own environment but for the ports. */
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

  /** Each once it is at work, at any instruction of it: half of them after they came to write something. */
  async killAtRandom(times: number): Promise<void> {
    const regions = [...this.environments.keys()];
    let longestMs = 1_500;
    for (let kill = 0; kill < times; kill += 1) {
      const region = regions[kill % regions.length] ?? "";
      const agent = this.agents.get(region);
      await agent?.says('"started"');
      await sleep(Math.random() * longestMs);
      await agent?.end("SIGKILL");
      // A busy machine takes longer to come to that.
      longestMs *= /"accounts (told|synced)"/.test(agent?.log ?? "") ? 0.9 : 1.1;
      this.start(region);
    }
  }

  /** @returns a token of every edit that LangFlow acknowledged and that nobody replaced who had seen it */
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

  /** Makes, edits and deletes flows: some its own, some that the other region edits as well. */
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
          // What this edit puts away was seen by whoever made it.
          const seen = await langflow.save(chosen.id, graph(token));
          if (seen) this.replaced.add(seen);
          tokens.set(token, chosen.id);
        }
      } catch {
        // Edited, deleted or renamed meanwhile in the other region: LangFlow refused, nothing was promised.
      }
      await sleep(150 + Math.random() * 250);
    }
    return [...tokens.keys()];
  }
}

/** An edit as the UI saves it: graph and all. */
const graph = (token: string) => ({
  description: token,
  data: { nodes: [{ id: "note", type: "noteNode", data: { id: "note", node: { description: token } } }], edges: [] },
});
