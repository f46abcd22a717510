import { eachOf } from "../eachOf";
import { LangFlow, LangFlowRefusal, LangFlowUnreachable } from "../langflow/client";
import type { Log } from "../log";
import type { Workspace } from "./region";

/** The workspaces, each with the user whose key it is: only LangFlow can tell, so it is asked until it did. */
export class Workspaces {
  readonly #known = new Map<string, Workspace>();
  readonly #told = new Set<string>();

  /** @param keys of the workspaces' users, by folder */
  constructor(
    private readonly keys: ReadonlyMap<string, string>,
    private readonly url: string,
    private readonly log: Pick<Log, "error">,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws LangFlowUnreachable where none is known yet */
  async known(): Promise<readonly Workspace[]> {
    let unreachable: LangFlowUnreachable | undefined;
    const unknown = [...this.keys].filter(([workspace]) => !this.#known.has(workspace));
    await eachOf(unknown, async ([workspace, key]) => {
      const langflow = new LangFlow(this.url, key, this.signal);
      try {
        if (!unreachable) this.#known.set(workspace, { workspace, userId: await langflow.userId(), langflow });
      } catch (error) {
        if (error instanceof LangFlowUnreachable) unreachable = error;
        else if (error instanceof LangFlowRefusal) this.tell(workspace, error.message);
        else throw error;
      }
    });
    if (unreachable && this.#known.size === 0) throw unreachable;
    return [...this.#known.values()].sort((one, other) => (one.workspace < other.workspace ? -1 : 1));
  }

  private tell(workspace: string, message: string): void {
    if (this.#told.has(workspace)) return;
    this.#told.add(workspace);
    this.log.error({ workspace }, `its key is not taken: ${message}`);
  }
}
