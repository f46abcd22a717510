import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { GitUnreachable, type Repository } from "../../../agent/git/repository";
import { type Cycle, cycle } from "../../../agent/record/cycle";
import { NotRecorder, type Parts, Raced } from "../../../agent/record/parts";
import { TreeReader } from "../../../agent/record/tree";
import { RetryBackoff } from "../../../agent/rounds/retryBackoff";
import type { JsonObject } from "../../../formats/flows/canonicalJson";
import { ADMIN, FakeLangFlow, type Normaliser } from "../doubles/fakeLangFlow";
import { GitHost } from "../git/gitHost";

/** A secret that must never reach Git. */
export const CANARY = "canary-7f3d9b1e5a";
export const [A, B, C] = ["1", "2", "3"].map((digit) => `${digit}b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21`) as [
  string,
  string,
  string,
];

interface Region {
  readonly name: string;
  readonly langflow: FakeLangFlow;
  parts: Parts;
  repository: Repository;
}

export interface FleetOptions {
  readonly regions?: readonly string[];
  readonly normalise?: Normaliser;
  readonly findSecrets?: Parts["findSecrets"];
  readonly deletes?: Partial<Parts["deletes"]>;
}

/** Regions with fake LangFlows, a Git host, and a clock that only the test advances. */
export abstract class RecordFleet<R extends { readonly langflow: FakeLangFlow }> {
  readonly regions = new Map<string, R>();
  readonly released = new Set<string>();
  recorder = "";
  isCaughtUp = true;
  clock = Date.UTC(2026, 0, 1);

  /** Maximum number of cycles until the state is stable. */
  protected abstract readonly cyclesToSettle: number;

  /** Runs one cycle of a region's agent. @returns undefined if the cycle did not finish */
  abstract cycle(name?: string): Promise<Cycle | undefined>;
  /** Returns the host's newest commit. */
  abstract headOf(): string;
  /** Returns the host's history as text, newest commit first. */
  abstract log(): string;
  /** Returns the contents of a file in the host's newest commit. */
  abstract file(path: string): string;

  region(name = this.recorder): R {
    const region = this.regions.get(name);
    if (!region) throw new Error(`no region ${name}`);
    return region;
  }

  get langflow(): FakeLangFlow {
    return this.region().langflow;
  }

  pass(seconds: number): void {
    this.clock += seconds * 1000;
  }

  /** Runs cycles until nothing changes. @returns the result of the last cycle */
  async settle(rounds = this.cyclesToSettle): Promise<Cycle | undefined> {
    for (let round = 0; round < rounds; round += 1) {
      const before = this.state();
      // Long enough that held flows are retried.
      this.pass(11 * 60);
      const done = await this.cycle();
      if (this.state() === before) return done;
    }
    throw new Error(`still changing after ${rounds} rounds:\n${this.log()}`);
  }

  /** Returns the state of Git and LangFlow, and what recorders remember: the next cycle may import a waiting edit. */
  state(): string {
    const regions = [...this.regions.values()].map(({ langflow }) => [langflow.writes, [...langflow.known]]);
    return JSON.stringify([this.headOf(), regions]);
  }

  /** Returns a flow's file with a person's changes. */
  edited(path: string, changes: JsonObject): string {
    return `${JSON.stringify({ ...JSON.parse(this.file(path)), ...changes }, null, 2)}\n`;
  }
}

/** A fleet with the recorder's own code and the real git program. */
export class Fleet extends RecordFleet<Region> {
  protected readonly cyclesToSettle = 6;
  readonly host = new GitHost();
  /** Whether the Git host is unreachable for all regions. */
  away = false;

  private constructor(private readonly options: FleetOptions) {
    super();
  }

  static async make(options: FleetOptions = {}): Promise<Fleet> {
    const fleet = new Fleet(options);
    jest.spyOn(Date, "now").mockImplementation(() => fleet.clock);
    for (const name of options.regions ?? ["us-east"]) {
      const langflow = new FakeLangFlow(name, () => fleet.clock, options.normalise);
      const repository = await fleet.clone(name);
      fleet.regions.set(name, { name, langflow, repository, parts: fleet.parts(name, langflow, repository) });
    }
    [fleet.recorder = ""] = fleet.regions.keys();
    return fleet;
  }

  async close(): Promise<void> {
    await this.host.close();
    jest.restoreAllMocks();
  }

  /** Runs one cycle of a region's agent, and repeats the cycle if it lost a race. */
  async cycle(name = this.recorder): Promise<Cycle | undefined> {
    this.pass(10);
    return unlessRaced(() => cycle(this.region(name).parts));
  }

  /** Replaces a region's agent. @param isLost whether its clone is lost */
  async restart(name = this.recorder, isLost = false): Promise<void> {
    const region = this.region(name);
    if (isLost) rmSync(join(this.host.root, name), { recursive: true, force: true });
    region.repository = await this.clone(name);
    region.parts = this.parts(name, region.langflow, region.repository);
  }

  headOf(): string {
    return this.host.in("host.git", ["for-each-ref", "--format=%(objectname)", "refs/heads/main"]);
  }

  log(format = "%an: %s"): string {
    return this.headOf() === "" ? "" : this.host.in("host.git", ["log", `--format=${format}`, "main"]);
  }

  commits(): number {
    return this.log("%H").split("\n").filter(Boolean).length;
  }

  /** Returns whether the history has no merge commits. */
  isLinear(): boolean {
    return !/ /.test(this.log("%P"));
  }

  paths(): string[] {
    return this.host.in("host.git", ["ls-tree", "-r", "--name-only", "-z", "main"]).split("\0").filter(Boolean);
  }

  file(path: string): string {
    return execFileSync("git", ["--git-dir", this.host.url, "cat-file", "blob", `main:${path}`], { encoding: "utf8" });
  }

  /** Commits files as a person on top of the host's branch, and pushes the commit. */
  push(files: Readonly<Record<string, string | undefined>>, author = "Ada", message = "a change"): string {
    if (this.headOf() !== "") {
      this.host.inWork(["fetch", "--quiet", this.host.url, "main"]);
      this.host.inWork(["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    }
    this.host.setClock(Math.floor(this.clock / 1000));
    return this.host.write(files, { author, message });
  }

  /** Sets the host's branch to a commit. */
  rewind(commit: string): void {
    this.host.in("host.git", ["update-ref", "refs/heads/main", commit]);
  }

  /**
   * Rewrites every commit with a shell command in its work tree, as git-filter-repo does, and force-pushes the result.
   */
  rewrite(command: string): void {
    this.host.inWork(["fetch", "--quiet", this.host.url, "main"]);
    this.host.inWork(["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    this.host.inWork(["filter-branch", "-f", "--tree-filter", command, "HEAD"], "langflow-dr us-east");
    this.host.inWork(["push", "--quiet", "--force", this.host.url, "HEAD:refs/heads/main"]);
  }

  /** Makes the host decline every push whose newest commit has this text in a file. */
  forbid(text: string): void {
    this.host.hook("pre-receive", `while read old new ref; do git grep -q "${text}" "$new" && exit 1; done; exit 0`);
  }

  private async clone(name: string): Promise<Repository> {
    const repository = await this.host.open(name, { region: name });
    for (const method of ["fetch", "push", "pushSeen"] as const) {
      // biome-ignore lint/suspicious/noExplicitAny: the same call, where the host answers
      const original = (repository[method] as any).bind(repository);
      // biome-ignore lint/suspicious/noExplicitAny: as above
      (repository as any)[method] = async (...args: unknown[]) => {
        if (this.away) throw new GitUnreachable("git: away");
        return original(...args);
      };
    }
    return repository;
  }

  private parts(name: string, langflow: FakeLangFlow, repository: Repository): Parts {
    return partsOf(this, name, langflow, repository, this.options);
  }
}

/** Returns everything that a recorder needs in one region of a fleet. */
export function partsOf(
  fleet: { readonly recorder: string; readonly isCaughtUp: boolean; readonly released: ReadonlySet<string> },
  region: string,
  langflow: FakeLangFlow,
  repository: Parts["repository"],
  options: FleetOptions = {},
): Parts {
  const taken = new Set<string>();
  return {
    region,
    database: langflow.database,
    repository,
    reader: new TreeReader(repository),
    backoff: new RetryBackoff(),
    deletes: { share: 1, number: 1000, together: { share: 1, number: 1000 }, ...options.deletes },
    releases: {
      has: (_, id) => taken.has(id),
      take: (_, { ids, code }) => {
        if (!fleet.released.has(code)) return false;
        for (const id of ids) taken.add(id);
        return true;
      },
    },
    findSecrets: options.findSecrets ?? (async () => []),
    langflowOf: (userId) => langflow.api(userId),
    isDefault: ({ id }) => id === ADMIN,
    isRecorder: () => fleet.recorder === region,
    isOnlyRecorder: () => true,
    isCaughtUp: () => fleet.isCaughtUp,
    alive: () => undefined,
  };
}

/** Repeats a cycle that lost a race, as the loop does. @returns undefined if the region is not the recorder */
export async function unlessRaced(work: () => Promise<Cycle | undefined>): Promise<Cycle | undefined> {
  for (let races = 0; ; races += 1)
    try {
      return await work();
    } catch (error) {
      if (error instanceof NotRecorder) return undefined;
      if (!(error instanceof Raced) || races > 4) throw error;
    }
}

/** Returns a graph with a text and a secret. */
export const graph = (text: string, secret = CANARY): JsonObject => ({
  nodes: [
    {
      id: "n",
      data: { node: { template: { text: { value: text }, api_key: { password: true, value: secret } } } },
    },
  ],
  edges: [],
});

/** Returns the text and the secret in a flow's graph. */
export function textOf({ rows }: FakeLangFlow, id: string): [text: string, secret: string] {
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any shape
  const template = (rows.get(id)?.flow.data as any)?.nodes?.[0]?.data?.node?.template;
  return [template?.text?.value ?? "", template?.api_key?.value ?? ""];
}

/** Returns a flow's file as a person writes it. */
export const fileOf = (id: string, name: string, text: string, more: JsonObject = {}): string =>
  `${JSON.stringify({ id, name, description: "", data: graph(text, ""), ...more }, null, 2)}\n`;
