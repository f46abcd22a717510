import type { Health } from "./gate";

/** How long an answer may take before it counts as none. */
const ANSWER_MS = 5_000;

/** What LangFlow says of itself at an address: database and cache are looked at too. */
export async function askHealth(url: string): Promise<Health> {
  try {
    // Whoever is led to a sign-in would take that page for LangFlow's word.
    const asked = { redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) } as const;
    const { status, ok } = await fetch(`${url}/healthz`, asked);
    return { healthy: ok, said: `/healthz answers ${status}` };
  } catch (error) {
    return { healthy: false, said: `/healthz does not answer: ${(error as Error).message}` };
  }
}
