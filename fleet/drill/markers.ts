import { setTimeout as sleep } from "node:timers/promises";
import type { LangFlow } from "./langflow";
import { NAMES } from "./ordinaryUser";

/** Intervals of edits and uploads. They limit the resolution of the measured data loss. */
const EDIT_MS = 1_000;
const UPLOAD_MS = 5_000;

/** Timestamped edits and uploads in one region, with a record of which ones the region acknowledged. */
export class Markers {
  /** Times of the edits that LangFlow acknowledged, in milliseconds since 1970, ascending. */
  readonly edits: number[] = [];
  readonly uploads: { at: number; path: string }[] = [];
  flowId = "";
  /** Id of the flow's project. */
  projectId = "";
  /** Name of the flow as an MCP tool. */
  readonly tool = "langflow_dr_drill";
  /** Chat message sent to the flow before the fault. */
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

  /** Starts the writers. Resolves after the first edit, the first upload and the first chat message. */
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
      // An unacknowledged write is not data loss, because the user saw the error.
      if (!signal.aborted) await write().catch(() => undefined);
    }
  }
}

const PREFIX = "marker ";

/** Returns a marker text that contains a time. @param at milliseconds since 1970 */
export function stamp(at: number): string {
  return PREFIX + new Date(at).toISOString();
}

/** Returns the time in a marker's text, or undefined if the text is not a marker. */
export function markedAt(text: string | null | undefined): number | undefined {
  const at = text?.startsWith(PREFIX) ? Date.parse(text.slice(PREFIX.length)) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
