import { importable, NotAFlow, readFlowFile } from "../flows/flowFile";
import type { Repository } from "../git/repository";
import type { GitFlow } from "../git/snapshot";
import { LangFlowRefusal, type NewFlow } from "../langflow/client";

/** New flows that LangFlow is to make in one request. */
export type Batch = readonly (NewFlow & { readonly file: GitFlow })[];

/** A batch is full with so many flows, or as soon as their files come to so many bytes. */
const FLOWS_MAX = 20;
const BYTES_MAX = 2_000_000;

/** New flows in batches, so that no more than a few of them are in memory. */
export class Batches {
  readonly #waiting: string[];
  readonly #left: string[] = [];

  /**
   * @param files what Git has of each flow
   * @param projectId id of the project of a name, made where it is missing
   */
  constructor(
    ids: readonly string[],
    private readonly files: ReadonlyMap<string, GitFlow>,
    private readonly repository: Pick<Repository, "read">,
    private readonly projectId: (name: string | undefined) => Promise<string>,
  ) {
    this.#waiting = [...ids];
  }

  /** Flows for which a request of their own is better: alone, in trouble, or left by who takes the batches. */
  get left(): readonly string[] {
    return this.#left;
  }

  /** @throws GitUnreachable, LangFlowUnreachable */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    while (this.#waiting.length > 0) {
      const batch = await this.fill();
      if (batch.length > 1) yield batch;
      else this.leave(batch);
    }
  }

  leave(batch: Batch): void {
    this.#left.push(...batch.map(({ id }) => id));
  }

  /** Leaves all that are still waiting. */
  giveUp(): void {
    this.#left.push(...this.#waiting.splice(0));
  }

  private async fill(): Promise<Batch> {
    const batch: (NewFlow & { file: GitFlow })[] = [];
    for (let bytes = 0; batch.length < FLOWS_MAX && bytes < BYTES_MAX; ) {
      const id = this.#waiting.shift();
      const file = id === undefined ? undefined : this.files.get(id);
      if (id === undefined || !file) break;
      try {
        const contents = await this.repository.read(file.blob);
        bytes += contents.length;
        const flow = importable(readFlowFile(contents), undefined);
        batch.push({ id, file, flow, folderId: await this.projectId(file.project) });
      } catch (error) {
        if (!(error instanceof NotAFlow || error instanceof LangFlowRefusal)) throw error;
        this.#left.push(id);
      }
    }
    return batch;
  }
}
