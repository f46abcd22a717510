import { setTimeout as sleep } from "node:timers/promises";
import type { LangFlow } from "./langflow";
import { NAMES } from "./ordinaryUser";

/** How often a flow is edited, and a file uploaded: nothing can be measured more finely. */
const EDIT_MS = 1_000;
const UPLOAD_MS = 5_000;

/** Edits and uploads in one region, each with its time in it, and what the region acknowledged of them. */
export class Markers {
  /** Times that LangFlow acknowledged, in milliseconds since 1970, rising. */
  readonly edits: number[] = [];
  readonly uploads: { at: number; path: string }[] = [];
  flowId = "";
  /** The project that the flow is in. */
  projectId = "";
  /** The flow's name as a tool. */
  readonly tool = "langflow_dr_drill";
  /** Said to the flow before the fault. */
  readonly message: string;
  private readonly stopped = new AbortController();
  private writers: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly langflow: LangFlow,
    private readonly drill: string,
  ) {
    this.message = `said in ${drill}`;
  }

  get flowName(): string {
    return NAMES.flow + this.drill;
  }

  /** Resolved once the first of each is written, and the flow has been spoken to. */
  async start(): Promise<void> {
    const first = Date.now();
    const flow = await this.langflow.create(this.flowName, stamp(first), this.tool);
    this.flowId = flow.id;
    this.projectId = flow.folder_id;
    this.edits.push(first);
    await this.upload();
    await this.langflow.run(this.flowId, this.message);
    this.writers = Promise.all([this.every(EDIT_MS, () => this.edit()), this.every(UPLOAD_MS, () => this.upload())]);
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.writers;
  }

  private async edit(): Promise<void> {
    const at = Date.now();
    await this.langflow.describe(this.flowId, stamp(at));
    this.edits.push(at);
  }

  private async upload(): Promise<void> {
    const at = Date.now();
    const { path } = await this.langflow.upload(`${NAMES.file}${at}.txt`, stamp(at));
    this.uploads.push({ at, path });
  }

  private async every(milliseconds: number, write: () => Promise<void>): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
      // What the region does not acknowledge is no loss: the user was told.
      if (!signal.aborted) await write().catch(() => undefined);
    }
  }
}

const PREFIX = "marker ";

/** A text that bears a time. @param at milliseconds since 1970 */
export function stamp(at: number): string {
  return PREFIX + new Date(at).toISOString();
}

/** The time in a marker's text; undefined where it is none. */
export function markedAt(text: string | null | undefined): number | undefined {
  const at = text?.startsWith(PREFIX) ? Date.parse(text.slice(PREFIX.length)) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
