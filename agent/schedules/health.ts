import { request } from "../langflow/request";

/** Timeout of a request to LangFlow, whose health check also queries its database. */
const REQUEST_MS = 3_000;
/** Time without a response after which LangFlow is down. A restart of one pod takes less. */
const DOWN_MS = 15_000;

/** Checks whether LangFlow responds, and for how long it has not. */
export class Health {
  #sinceMs: number;

  /** @param steadyMs the process's monotonic clock */
  constructor(
    private readonly url: string,
    private readonly steadyMs: () => number,
  ) {
    this.#sinceMs = steadyMs();
  }

  async look(): Promise<{ isHealthy: boolean; isDown: boolean }> {
    const isHealthy = await this.answers();
    if (isHealthy) this.#sinceMs = this.steadyMs();
    return { isHealthy, isDown: this.steadyMs() - this.#sinceMs >= DOWN_MS };
  }

  private async answers(): Promise<boolean> {
    try {
      const path = new URL("/health_check", this.url);
      const { status } = await request(path, { signal: AbortSignal.timeout(REQUEST_MS) });
      return status === 200;
    } catch {
      return false;
    }
  }
}
