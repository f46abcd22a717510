import { eachOf } from "../eachOf";
import { type FlowFile, flowFile, importable, NotAFlow } from "../flows/flowFile";
import type { Version } from "../sync/merge";
import { type LangFlow, LangFlowRefusal, type StoredFlow } from "./client";

/** A flow of LangFlow, less its contents. */
export interface LocalFlow extends Version {
  /** Milliseconds since 1970. */
  readonly editedAt: number;
}

/** A flow changed between being looked at and being written: to be looked at again. */
export class ChangedMeanwhile extends Error {}

/** A second and a margin: LangFlow's `updated_at` has no fractions. */
const SETTLING_MS = 1_500;
interface KnownFlow {
  readonly revision: string;
  /** Milliseconds: when this revision was first seen. */
  readonly since: number;
  /** Looked at so late that no second edit can hide behind the same revision. */
  readonly settled: boolean;
  readonly flow: LocalFlow | { problem: string };
}

/** The flows of one user in LangFlow. Asks for a flow's contents only when its listing differs from last time. */
export class Workspace {
  #known = new Map<string, KnownFlow>();
  /** Requests that changed LangFlow, since the start. */
  writes = 0;

  constructor(private readonly langflow: LangFlow) {}

  /** All flows by id, and those that are no flows to us, with the reason. */
  async read(): Promise<{ flows: Map<string, LocalFlow>; problems: Map<string, string> }> {
    const headers = await this.langflow.headers();
    const next = new Map<string, KnownFlow>();
    await eachOf(headers, async ({ id, revision }) => {
      const known = this.#known.get(id);
      if (known?.revision === revision && known.settled) {
        next.set(id, known);
        return;
      }
      const since = known?.revision === revision ? known.since : Date.now();
      const settled = Date.now() - since > SETTLING_MS;
      const stored = await this.langflow.flow(id);
      if (stored) next.set(id, { revision, since, settled, flow: summary(stored) });
    });
    this.#known = next;
    const flows = new Map<string, LocalFlow>();
    const problems = new Map<string, string>();
    for (const [id, { flow }] of next) {
      if ("problem" in flow) problems.set(id, flow.problem);
      else flows.set(id, flow);
    }
    return { flows, problems };
  }

  /**
   * The flow's file.
   *
   * @throws ChangedMeanwhile where it is not the version that was read
   */
  async file(id: string, expected: Version): Promise<FlowFile> {
    const stored = await this.langflow.flow(id);
    const file = stored && flowFile(stored.flow);
    if (file?.fingerprint !== expected.fingerprint) throw new ChangedMeanwhile(`flow ${id} was edited`);
    return file;
  }

  /**
   * Makes LangFlow hold a flow.
   *
   * @param expected what it held when it was read; undefined: nothing
   * @returns what it holds now: mostly just that
   * @throws ChangedMeanwhile where it holds something else by now, and is left alone
   */
  async write(file: FlowFile, project: string | undefined, expected: Version | undefined): Promise<Version> {
    // A flow that was not listed cannot have come up since: ids are never guessed.
    const now = expected && (await this.check(file.id, expected));
    this.#known.delete(file.id);
    if (now?.locked) await this.langflow.setLock(file.id, false);
    try {
      const stored = summary(await this.langflow.put(file.id, importable(file, now?.flow), project, now));
      this.writes += 1;
      return "problem" in stored ? file : stored;
    } catch (error) {
      if (now?.locked) await this.langflow.setLock(file.id, true);
      if (error instanceof LangFlowRefusal && /flow_version_conflict/.test(error.message))
        throw new ChangedMeanwhile(`flow ${file.id} was edited`);
      throw error;
    }
  }

  /** @throws ChangedMeanwhile as {@link write} */
  async delete(id: string, expected: Version): Promise<void> {
    await this.check(id, expected);
    await this.langflow.delete(id);
    this.writes += 1;
    this.#known.delete(id);
  }

  private async check(id: string, expected: Version | undefined): Promise<StoredFlow | undefined> {
    const stored = await this.langflow.flow(id);
    const now = stored && summary(stored);
    const print = now === undefined ? undefined : "problem" in now ? now.problem : now.fingerprint;
    const project = now && !("problem" in now) ? now.project : undefined;
    if (print !== expected?.fingerprint || project !== expected?.project)
      throw new ChangedMeanwhile(`flow ${id} was edited`);
    return stored;
  }
}

function summary({ flow, project, editedAt }: StoredFlow): LocalFlow | { problem: string } {
  try {
    const { name, endpointName, fingerprint } = flowFile(flow);
    return {
      fingerprint,
      name,
      editedAt,
      ...(endpointName && { endpointName }),
      ...(project !== undefined && { project }),
    };
  } catch (error) {
    if (!(error instanceof NotAFlow)) throw error;
    return { problem: error.message };
  }
}
