import type { JsonObject } from "../../../agent/flows/canonicalJson";
import { graph, textOf, World, type WorldOptions } from "./world";

export const [A, B, C] = ["1", "2", "3"].map((digit) => `${digit}b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21`) as [
  string,
  string,
  string,
];

/** Ids of so many flows. */
export const manyIds = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${String(at).padStart(8, "0")}-3a1d-4c0e-8f43-6d9a0b5c7e21`);

/** Two regions that hold the same flows. */
export async function agreed(flows: Record<string, JsonObject>, options: WorldOptions = {}) {
  const world = new World(options);
  const [east, west] = [world.place(0).langflow, world.place(1).langflow];
  for (const [id, flow] of Object.entries(flows)) east.save(id, { name: id, data: graph(`first ${id}`), ...flow });
  await world.settle();
  world.pass(60_000);
  return { world, east, west };
}

type LangFlow = World["places"][number]["langflow"];
export const value = ({ rows }: LangFlow, id: string, key: string) => rows.get(id)?.flow[key];
export const text = ({ rows }: LangFlow, id: string) => textOf(rows.get(id)?.flow.data);
export const names = ({ rows }: LangFlow) => [...rows.values()].map(({ flow }) => flow.name).sort();
export const project = ({ rows, projects }: LangFlow, id: string) => projects.get(rows.get(id)?.folder ?? "");
/** A flow's file in Git: path and contents. */
export const fileOf = (world: World, id: string) =>
  [...world.host.contents()].find(([, contents]) => contents.includes(`"id": "${id}"`)) ?? ["", ""];
export const byHand = (world: World, changes: Record<string, string | undefined>) =>
  world.host.edit("a person", world.clock, new Map(Object.entries(changes)));
