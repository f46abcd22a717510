/** Of LangFlow, whose own answer asks its database too. */
const REQUEST_MS = 3_000;
/** A restart of one pod is shorter. */
const DOWN_MS = 15_000;

/** Checks whether LangFlow responds, and for how long it has not. */
export class Health {
  #sinceMs: number;

  /** @param steadyMs the process's own clock, which nobody sets */
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
      const answer = await fetch(new URL("/health_check", this.url), { signal: AbortSignal.timeout(REQUEST_MS) });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }
}
