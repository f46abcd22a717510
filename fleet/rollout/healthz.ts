import type { Health } from "./gate";

/** Timeout of a health check. */
const ANSWER_MS = 5_000;

/** Calls LangFlow's health check at a URL, which also checks the database and the cache. */
export async function askHealth(url: string): Promise<Health> {
  try {
    // Does not follow redirects, because a login page would look like a healthy answer.
    const asked = { redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) } as const;
    const { status, ok } = await fetch(`${url}/healthz`, asked);
    return { healthy: ok, said: `/healthz answers ${status}` };
  } catch (error) {
    return { healthy: false, said: `/healthz does not answer: ${(error as Error).message}` };
  }
}
