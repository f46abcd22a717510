import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "./backend";
import type { Sample } from "./report";

/** After so long a visitor gives up: well above what LangFlow takes. */
export const PATIENCE_MS = 10_000;

/** How often a new visitor comes from each region's side, and the browser asks. */
const NEW_MS = 500;
const SESSION_MS = 1_000;

/** The share of the requests that come from the drilled region's side. */
export function shareOfRegion(regionCount: number): number {
  const own = 1 / NEW_MS + 1 / SESSION_MS;
  return own / (own + (regionCount - 1) / NEW_MS);
}

/**
 * Users of the public name, the whole drill through: a new visitor from each region's side twice a second, and one browser
 * that came from the drilled region's side, signed in, with its cookie, once a second. Requests do not wait for each other, so a slow
 * answer hides none of those behind it.
 */
export class Visitors {
  readonly samples: Sample[] = [];
  private readonly stopped = new AbortController();
  private readonly underWay = new Set<Promise<void>>();
  private readonly paces: Promise<void>[] = [];

  constructor(private readonly backend: Backend) {}

  /** @param session where the browser comes from, and what it signed in with */
  start(regions: readonly string[], session: { region: string; token: string }): void {
    for (const region of regions)
      this.pace(NEW_MS, () => this.ask(`near ${region}`, "/healthz", { ...this.backend.from(region) }));
    let cookie = "";
    this.pace(SESSION_MS, async () => {
      const headers = { ...this.backend.from(session.region), authorization: `Bearer ${session.token}`, cookie };
      const set = await this.ask("session", "/api/v1/users/whoami", headers);
      if (set.length > 0) cookie = set.map((each) => each.split(";")[0]).join("; ");
    });
  }

  /** Ends all of them; resolved once the last answer is in. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await Promise.all([...this.paces, ...this.underWay]);
    this.samples.sort((one, other) => one.at - other.at);
  }

  private pace(everyMs: number, request: () => Promise<unknown>): void {
    const { signal } = this.stopped;
    this.paces.push(
      (async () => {
        for (let next = Date.now(); !signal.aborted; next += everyMs) {
          const sent = request().then(() => undefined);
          this.underWay.add(sent);
          void sent.finally(() => this.underWay.delete(sent));
          await sleep(Math.max(0, next + everyMs - Date.now()), undefined, { signal }).catch(() => undefined);
        }
      })(),
    );
  }

  /** @returns cookies that were set */
  private async ask(client: string, path: string, headers: Record<string, string>): Promise<string[]> {
    const at = Date.now();
    const began = performance.now();
    const seen = (rest: Pick<Sample, "ok" | "status" | "region">) =>
      void this.samples.push({ at, client, latency: performance.now() - began, ...rest });
    try {
      const answer = await fetch(this.backend.publicUrl + path, {
        // A browser keeps connections; a balancer that steers anew needs new ones to show it.
        headers: { ...headers, connection: "close" },
        redirect: "manual",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await answer.arrayBuffer();
      const region = this.backend.answeredBy(answer.headers);
      seen({ ok: answer.ok, status: answer.status, ...(region !== undefined && { region }) });
      return answer.headers.getSetCookie();
    } catch {
      seen({ ok: false, status: 0 });
      return [];
    }
  }
}
