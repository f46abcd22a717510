import fc from "fast-check";
import type { JsonObject } from "../../../agent/flows/canonicalJson";
import { type Action, findCanary, histories, IDS, Play } from "./histories";
import { textOf, World } from "./world";

/** What holds whatever happens, said once, checked a few hundred times by the unit tests and as often as one likes by hand. */
export interface Promised {
  readonly says: string;
  readonly check: (history: readonly Action[]) => Promise<void>;
  readonly histories: fc.Arbitrary<readonly Action[]>;
}

const EDITS = ["edit", "rename", "describe", "move", "endpoint", "lock", "delete", "renameProject"] as const;
const FAULTS = ["break", "unlist", "langflowAway", "restart", "hostAway", "decline", "mend"] as const;

/** A release that writes each graph in its own way, the same however often. */
const stampedBy = (release: string) => (data: JsonObject) => ({ ...data, release });

const play = async (world: World, history: readonly Action[]): Promise<Play> =>
  (await new Play(world).run(history)).end();

export const PROMISES: readonly Promised[] = [
  {
    says: "all regions end with the same flows, no edit is lost, no secret leaves, and there is an end",
    histories: histories([...EDITS, ...FAULTS, "leak", "forget", "byHand", "sync"], 3, 30),
    async check(history) {
      const end = await play(new World({ regions: 3, findSecrets: findCanary }), history);
      agree(end);
      if (end.lost().length > 0) throw new Error(`lost: ${JSON.stringify(end.lost())}`);
      if (end.leaked()) throw new Error("a secret left its region");
    },
  },
  {
    says: "the latest edit of a graph has the flow's name, wherever agents were killed",
    histories: histories(["edit", "rename", "move", "describe", "restart", "hostAway", "break", "mend", "sync"], 3, 30),
    async check(history) {
      const end = await play(new World({ regions: 3 }), history);
      agree(end);
      for (const id of IDS) {
        const edits = end.edits.filter((edit) => edit.id === id);
        const latest = edits.reduce((one, other) => (other.at > one.at ? other : one), { id, text: "", at: 0 });
        const found = textOf(end.world.place(0).langflow.rows.get(id)?.flow.data);
        if (found !== latest.text) throw new Error(`${id} has ${found}, and ${latest.text} came later`);
      }
    },
  },
  {
    says: "no copy is made where nobody edited at the same time, wherever agents were killed",
    histories: histories([...EDITS, ...FAULTS, "sync"], 3, 12),
    async check(history) {
      const world = new World({ regions: 3 });
      const alone = new Play(world);
      for (const action of history) {
        await alone.run([action]);
        // Cycles that are cut off, and then some that are not: what one person did is everywhere before the next does.
        for (const steps of [3, 9, 17])
          for (const index of world.places.keys()) await world.sync(index, steps).catch(() => 0);
        await alone.end();
        const copies = [...world.place(0).langflow.rows.keys()].filter(
          (id) => !IDS.includes(id as (typeof IDS)[number]),
        );
        if (copies.length > 0) throw new Error(`a copy after ${JSON.stringify(action)}`);
        agree(alone);
      }
    },
  },
  {
    says: "releases that write graphs in different ways make no commits against each other",
    histories: histories([...EDITS, "restart", "sync"], 2, 20),
    async check(history) {
      const normalisers = [stampedBy("1.13.0"), stampedBy("1.14.0")];
      const end = await play(new World({ regions: 2, normalisers }), history);
      agree(end);
      if (end.lost().length > 0) throw new Error(`lost: ${JSON.stringify(end.lost())}`);
    },
  },
  {
    says: "a region whose clock is wrong loses nothing and ends as all do",
    histories: histories([...EDITS, "restart", "byHand", "sync"], 2, 20),
    async check(history) {
      const world = new World({ regions: 2 });
      world.place(1).skewMs = 3_600_000;
      const end = await play(world, history);
      agree(end);
      if (end.lost().length > 0) throw new Error(`lost: ${JSON.stringify(end.lost())}`);
    },
  },
  {
    says: "with flows held for whatever reason, there is an end to commits",
    histories: histories([...EDITS, "leak", "break", "decline", "byHand", "sync"], 2, 20),
    async check(history) {
      const world = new World({ regions: 2, findSecrets: findCanary });
      await new Play(world).run(history);
      // What is held stays held, and is tried again and again: no fault is taken away.
      await world.settle(14, () => world.host.head ?? "");
      const { head } = world.host;
      await world.settle(14, () => world.host.head ?? "");
      if (world.host.head !== head) throw new Error("commits go on");
    },
  },
];

function agree(end: Play): void {
  const [first, ...others] = end.world.places.map((_, index) => end.seen(index));
  for (const other of others)
    if (JSON.stringify(first) !== JSON.stringify(other))
      throw new Error(`regions differ:\n${first?.join("\n")}\n--\n${other.join("\n")}`);
}

/** @returns what fast-check found */
export function examine({ histories, check }: Promised, parameters: fc.Parameters<[readonly Action[]]>) {
  return fc.check(fc.asyncProperty(histories, check), parameters);
}
