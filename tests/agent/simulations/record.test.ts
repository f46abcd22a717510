import fc from "fast-check";
import { A, B, C, CANARY, fileOf, graph, textOf } from "../record/fleet";
import { SimulatedFleet } from "../record/simulatedFleet";

const { CONVERGENCE_RUNS = "150", CONVERGENCE_SEED } = process.env;
const REGIONS = ["us-east", "eu-west"];
const FLOWS = [A, B, C];
/** A user who does not own these flows. */
const ADA = "5f0e2d1c-aaaa-5aaa-8aaa-000000000002";
const PROJECTS = [undefined, "Team", "Other"] as const;

const flow = fc.nat(FLOWS.length - 1);
const text = fc.integer({ min: 0, max: 10_000 }).map((number) => `text ${number}`);
const project = fc.constantFrom(...PROJECTS);
const happens = <T extends string>(name: T) => fc.constant(name);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: happens("save"), flow, text }) },
  { weight: 2, arbitrary: fc.record({ do: happens("move"), flow, project }) },
  { weight: 2, arbitrary: fc.record({ do: happens("describe"), flow, text }) },
  { weight: 2, arbitrary: fc.record({ do: happens("remove"), flow }) },
  { weight: 1, arbitrary: fc.record({ do: happens("renameProject") }) },
  { weight: 5, arbitrary: fc.record({ do: happens("push"), flow, text }) },
  { weight: 2, arbitrary: fc.record({ do: happens("pushDescription"), flow, text }) },
  { weight: 2, arbitrary: fc.record({ do: happens("pushRemoval"), flow }) },
  { weight: 2, arbitrary: fc.record({ do: happens("pushMove"), flow }) },
  { weight: 1, arbitrary: fc.record({ do: happens("pushAcross"), flow, text, isMoved: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: happens("amend"), text }) },
  { weight: 1, arbitrary: fc.record({ do: happens("squash"), flow, text }) },
  { weight: 8, arbitrary: fc.record({ do: happens("cycle"), steps: fc.option(fc.nat(40), { nil: undefined }) }) },
  { weight: 2, arbitrary: fc.record({ do: happens("gitAway"), is: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: happens("langflowAway"), is: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: happens("takeOver"), late: fc.option(flow, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ do: happens("arrive") }) },
  { weight: 1, arbitrary: fc.record({ do: happens("pushOver"), flow, other: flow }) },
  { weight: 1, arbitrary: fc.record({ do: happens("loseClone") }) },
  { weight: 1, arbitrary: fc.record({ do: happens("rewind"), by: fc.integer({ min: 1, max: 4 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A file that a person wrote over the file of the flow `below`. */
interface Copy {
  readonly text: string;
  readonly below: string;
  readonly own: string;
}

/** Applies random events to a fleet, and tracks what people wrote and must not lose. */
class History {
  readonly fleet = new SimulatedFleet(REGIONS);
  /** Texts of graphs that a person saved or pushed. */
  readonly written = new Set<string>();
  /** Texts that a person deleted, or replaced after seeing them. */
  readonly replaced = new Set<string>();
  /** Flows whose location in Git a person must decide. */
  readonly asked = new Set<string>();
  /** Unusable files that the agent has reported, such as a second file of a flow: text by path. */
  readonly refused = new Map<string, string>();
  rewound = false;
  /** A flow whose objects have not arrived from the other region yet. */
  private late: string | undefined;
  /** Copied files by path. */
  private readonly copies = new Map<string, Copy>();

  constructor() {
    for (const { langflow } of this.fleet.regions.values()) langflow.users.set(ADA, { name: "ada", isActive: true });
    this.fleet.host.edit("Ada", { "ada/user.yaml": `id: ${ADA}\nname: ada\n` });
  }

  async run(step: Step): Promise<void> {
    const { fleet } = this;
    fleet.pass(30);
    const langflow = fleet.langflow;
    if (step.do === "cycle") await this.cycle(step.steps);
    else if (step.do === "gitAway") fleet.host.isAway = step.is;
    else if (step.do === "langflowAway") langflow.faults.away = step.is;
    else if (step.do === "takeOver") this.takeOver(FLOWS[step.late ?? FLOWS.length]);
    else if (step.do === "arrive") this.arrive();
    else if (step.do === "loseClone") fleet.restart(fleet.recorder, true);
    else if (step.do === "rewind") this.rewind(step.by);
    else if (step.do === "amend") this.amend(step.text);
    else if (step.do === "renameProject") langflow.renameProject("Team", `Team ${fleet.clock}`);
    else this.ofFlow(step, FLOWS[step.flow] ?? A);
  }

  async settle(): Promise<void> {
    this.fleet.host.isAway = false;
    for (const { langflow } of this.fleet.regions.values()) langflow.faults.away = false;
    this.arrive();
    await this.fleet.settle(12);
    for (const [path, copy] of this.copies) this.uncover(path, copy);
    const outcomes = (await this.fleet.settle(12))?.outcomes ?? [];
    for (const { path } of outcomes.flatMap(({ problems }) => problems)) this.refused.set(path, this.textAt(path));
    // After a takeover with two files of one flow, the region binds the flow to the first file. If that file holds a
    // different flow by now, a person must decide.
    if (this.copies.size > 0)
      for (const { path, reason } of outcomes.flatMap(({ held }) => held))
        if (reason.includes("now contains a different flow")) this.asked.add(path.replace("LangFlow ", ""));
  }

  /** Restores a flow's own file. The file of the flow that is recorded at this path by now moves to another path. */
  private uncover(path: string, { below, own }: Copy): void {
    const { host, langflow } = this.fleet;
    const files = host.contents();
    const text = files.get(path);
    const id = text && JSON.parse(text).id;
    if (!text || id === below) return;
    const isCopy = langflow.known.get(id)?.path !== path;
    const same = [...files].flatMap(([each, other]) => (other.includes(`"id": "${id}"`) ? [each] : []));
    const moved = {
      ...Object.fromEntries(same.map((each) => [each, undefined])),
      [`default/uncovered_${id[0]}.json`]: text,
    };
    // Only the file at `path` moves. The person deletes the flow's other files.
    if (!isCopy) for (const each of same) if (files.get(each) !== text) this.replaced.add(this.textAt(each));
    const isElsewhere = [...files.values()].some((other) => other.includes(`"id": "${below}"`));
    host.edit("Ada", { ...(!isCopy && moved), [path]: isElsewhere ? undefined : own });
  }

  private async cycle(steps?: number): Promise<void> {
    await this.fleet.cycle(this.fleet.recorder, steps).catch((error: Error) => {
      if (!/away|does not answer/.test(error.message)) throw error;
    });
  }

  private ofFlow(step: Extract<Step, { flow: number }>, id: string): void {
    const { langflow, host } = this.fleet;
    const row = langflow.rows.get(id);
    const path = this.pathOf(id);
    const unique = "text" in step ? `${step.text} ${this.fleet.clock}` : "";
    // Replication, not the record, resolves concurrent edits of a flow in two regions.
    if (id === this.late && !step.do.startsWith("push")) return;
    if (step.do === "save") {
      if (row) this.replaced.add(textOf(langflow, id)[0]);
      this.written.add(unique);
      langflow.save(id, { data: graph(unique), ...(!row && { name: `Flow ${id[0]}` }) });
    } else if (step.do === "describe" && row) langflow.save(id, { description: unique });
    else if (step.do === "move" && row) langflow.save(id, {}, step.project);
    else if (step.do === "remove" && row) {
      this.replaced.add(textOf(langflow, id)[0]);
      langflow.remove(id);
    } else if (step.do === "push") {
      if (!path && [...this.copies.values()].some(({ below }) => below === id))
        this.replaced.add(textOf(langflow, id)[0]);
      this.written.add(unique);
      const target = path ?? `default/by_hand_${id[0]}.json`;
      // Another flow can be recorded at this path by now.
      if (host.contents().has(target)) this.replaced.add(this.textAt(target));
      const file = path ? this.fleet.edited(path, { data: graph(unique, "") }) : fileOf(id, `Flow ${id[0]}`, unique);
      host.edit("Ada", { [target]: file });
    } else if (step.do === "pushDescription" && path)
      host.edit("Ada", { [path]: this.fleet.edited(path, { description: unique }) });
    else if (step.do === "pushRemoval" && path) {
      this.replaced.add(this.textAt(path));
      host.edit("Ada", { [path]: undefined });
    } else if (step.do === "pushAcross" && path && row) {
      if (step.isMoved) this.replaced.add(this.textAt(path));
      const changed = this.fleet.edited(path, { data: graph(unique, "") });
      host.edit("Ada", { [`ada/${id[0]}.json`]: changed, ...(step.isMoved && { [path]: undefined }) });
    } else if (step.do === "squash" && path) {
      this.rewound = true;
      const files = {
        ...Object.fromEntries(host.contents()),
        [path]: this.fleet.edited(path, { description: unique }),
      };
      host.head = undefined;
      host.edit("Ada", files);
    } else if (step.do === "pushOver" && path && step.other !== step.flow) {
      const below = FLOWS[step.other] ?? A;
      const [over, text] = [this.pathOf(below), host.contents().get(path) ?? ""];
      if (!over || !langflow.rows.has(below) || langflow.known.get(below)?.path !== over) return;
      if (langflow.known.get(id)?.path !== path) return;
      // A text that no agent has seen exists nowhere else.
      if (this.textAt(over) !== textOf(langflow, below)[0]) this.replaced.add(this.textAt(over));
      this.copies.set(over, { text, below, own: host.contents().get(over) ?? "" });
      host.edit("Ada", { [over]: text });
    } else if (step.do === "pushMove" && path) {
      const contents = host.contents().get(path);
      host.edit("Ada", { [path]: undefined, [`default/Moved/${id[0]}.json`]: contents });
    }
  }

  /** Makes the other region the recorder. @param late the only flow that has not replicated to that region */
  private takeOver(late: string | undefined): void {
    const { fleet } = this;
    this.arrive();
    // A region that has never recorded a flow with two files uses the first file.
    for (const [path, copy] of this.copies) this.uncover(path, copy);
    const before = fleet.langflow;
    const path = late && this.pathOf(late);
    // Only a recorded edit counts, not a pending one.
    if (late && path && this.textAt(path) === textOf(before, late)[0]) this.late = late;
    fleet.recorder = this.other;
    fleet.langflow.replicate(before, (id) => id === this.late);
    fleet.langflow.faults.away = false;
  }

  private get other(): string {
    return REGIONS.find((name) => name !== this.fleet.recorder) ?? "";
  }

  private arrive(): void {
    const { late, fleet } = this;
    if (late) fleet.langflow.replicate(fleet.region(this.other).langflow, (id) => id !== late, true);
    this.late = undefined;
  }

  private rewind(by: number): void {
    const { host } = this.fleet;
    const to = [...host.history()][by];
    if (!to) return;
    this.rewound = true;
    host.head = to.commit;
  }

  /** Amends the newest commit with a new text if the commit is a person's edit of one flow. */
  private amend(text: string): void {
    const { host } = this.fleet;
    const [newest, before] = [...host.history()];
    if (!newest || !before || newest.author !== "Ada") return;
    const [path, ...more] = [...newest.tree.keys()].filter((each) => newest.tree.get(each) !== before.tree.get(each));
    if (!path?.startsWith("default/") || !before.tree.has(path) || more.length > 0 || this.copies.has(path)) return;
    this.rewound = true;
    const amended = this.fleet.edited(path, { data: graph(`${text} ${this.fleet.clock}`, "") });
    host.head = before.commit;
    host.edit("Ada", { [path]: amended });
  }

  private pathOf(id: string): string | undefined {
    const own = [...this.fleet.host.contents()].filter(
      ([path, text]) => path.startsWith(this.folderOf(id)) && this.copies.get(path)?.text !== text,
    );
    return own.find(([, contents]) => contents.includes(`"id": "${id}"`))?.[0];
  }

  /**
   * Returns the folder of a flow's owner. If the flow was deleted, a file in the other user's folder creates a flow of
   * that user.
   */
  folderOf(id: string): string {
    return this.fleet.langflow.rows.get(id)?.userId === ADA ? "ada/" : "default/";
  }

  private textAt(path: string): string {
    return (
      JSON.parse(this.fleet.host.contents().get(path) ?? "{}").data?.nodes?.[0]?.data.node.template.text.value ?? ""
    );
  }
}

const everyHistory = (promise: (history: History) => void | Promise<void>) =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: "max" }), async (steps) => {
      const history = new History();
      for (const each of steps) await history.run(each);
      await history.settle();
      await promise(history);
    }),
    { numRuns: Number(CONVERGENCE_RUNS), ...(CONVERGENCE_SEED !== undefined && { seed: Number(CONVERGENCE_SEED) }) },
  );

jest.setTimeout(600_000 + 200 * Number(CONVERGENCE_RUNS));

describe("the record, whatever people do and whatever fails,", () => {
  it("ends with the same flows in Git and LangFlow, in one linear history without secrets, and with no further commits", () =>
    everyHistory(async (history) => {
      const { fleet } = history;
      const { langflow, host } = fleet;
      const files = [...host.contents()].filter(([path]) => path.endsWith(".json") && !history.refused.has(path));
      const own = files.filter(([path, contents]) => path.startsWith(history.folderOf(JSON.parse(contents).id)));
      const inGit = new Map(own.map(([, contents]) => [JSON.parse(contents).id, JSON.parse(contents)]));
      expect(inGit.size).toBe(own.length);
      expect([...inGit.keys()].sort()).toEqual([...langflow.rows.keys()].filter((id) => !history.asked.has(id)).sort());
      for (const [id, { flow }] of langflow.rows) {
        if (history.asked.has(id)) continue;
        expect(inGit.get(id)).toMatchObject({ name: flow.name, description: flow.description });
        expect(JSON.stringify(inGit.get(id).data)).toContain(JSON.stringify(textOf(langflow, id)[0]));
      }
      for (const contents of host.blobs.values()) expect(contents.includes(CANARY)).toBe(false);
      const before = host.head;
      for (let count = 0; count < 3; count += 1) await fleet.cycle();
      expect(host.head).toBe(before);
    }));

  it("loses no edit: every written text is in LangFlow unless a person replaced it", () =>
    everyHistory(({ fleet, written, replaced, refused, rewound }) => {
      const inLangFlow = [...fleet.langflow.rows.keys()].map((id) => textOf(fleet.langflow, id)[0]);
      const texts = new Set([...inLangFlow, ...refused.values()]);
      // A text that was pushed and then rewound before any agent saw it is in no history that an agent knows.
      if (!rewound) expect([...written].filter((each) => !texts.has(each) && !replaced.has(each))).toEqual([]);
    }));

  it("keeps a copy only if LangFlow and a person changed the same graph, and creates no duplicate project", () =>
    everyHistory(({ fleet }) => {
      const names = [...fleet.langflow.projects.values()].map(({ name, userId }) => `${userId} ${name}`);
      expect(new Set(names).size).toBe(names.length);
      const ids = [...fleet.langflow.rows.keys()].filter((id) => !FLOWS.includes(id));
      for (const id of ids)
        expect(String(fleet.langflow.rows.get(id)?.flow.name)).toMatch(/ \((?:Ada|us-east|eu-west) 20/);
    }));
});
