import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ACCESS_COOKIE } from "../../model/access/serviceTokens";
import type { Backend } from "./backend";
import type { Check, ErrandName, Sample, Visit } from "./report";
import { Cookies } from "./visitors/cookies";
import { isLong } from "./visitors/counts";
import { HEALTH, streamedRun, whoami } from "./visitors/errands";
import { type Errand, type Exchange, exchange } from "./visitors/exchange";
import { Uploads } from "./visitors/uploads";

/** Intervals of new visitors from each region's side, and of the browser's requests. */
const NEW_MS = 500;
const SESSION_MS = 1_000;
/** Intervals of streamed runs and file uploads on each of two sides. Both are rare, to keep LangFlow's load low. */
const STREAM_MS = 10_000;
const UPLOAD_MS = 5_000;

/** Status with which Cloudflare Access redirects an unauthenticated visitor to the login page. */
const SIGN_IN_AGAIN = 302;

/**
 * Returns the share of requests that come from the drilled region's side. @param load traffic multiplier (1 = normal)
 */
export function shareOfRegion(regionCount: number, load = 1): number {
  const own = load / NEW_MS + 1 / SESSION_MS;
  return own / (own + ((regionCount - 1) * load) / NEW_MS);
}

/** Credentials of a visitor. */
export interface Visitor {
  readonly id: string;
  readonly token: string;
  readonly apiKey: string;
}

/**
 * Synthetic users of the public name during the whole drill: a new visitor from each region's side twice a second, and
 * one signed-in browser with cookies from the drilled region's side once a second. `startLong` adds streamed runs and
 * uploads. Requests do not wait for each other, so a slow response does not delay the next request.
 */
export class Visitors {
  readonly samples: Sample[] = [];
  readonly visits: Visit[] = [];
  readonly uploads = new Uploads();
  /** How often the browser signed in at Cloudflare Access with more than its cookie. 0 if Access is disabled. */
  private signIns = 0;
  private readonly stopped = new AbortController();
  private readonly underWay = new Set<Promise<void>>();
  /** When each stream in progress began. */
  private readonly streams = new Map<AbortController, number>();
  private readonly paces: Promise<void>[] = [];

  /** @param load traffic multiplier (1 = normal) for everything except the browser, of which only one exists */
  constructor(
    private readonly backend: Backend,
    private readonly load = 1,
  ) {
    // Each request loop adds a listener, so the default limit does not apply.
    setMaxListeners(0, this.stopped.signal);
  }

  /** @param region region from whose side the browser sends its requests */
  start(regions: readonly string[], region: string, { token, id }: Visitor): void {
    for (const side of regions)
      this.pace(NEW_MS / this.load, () => this.visit("healthz", `near ${side}`, this.from(side, HEALTH)));
    const cookies = new Cookies();
    this.pace(SESSION_MS, async () => {
      const errand = whoami({ authorization: `Bearer ${token}`, cookie: cookies.header }, id);
      const side = this.backend.from(region);
      // After signing in once, the browser passes Cloudflare Access with its cookie in any region.
      const headers = cookies.has(ACCESS_COOKIE) ? side : { ...side, ...this.backend.accessHeaders };
      const answer = await this.visit("whoami", "session", withHeaders(errand, headers));
      if (answer?.status === SIGN_IN_AGAIN) cookies.drop(ACCESS_COOKIE);
      const wasSignedIn = cookies.has(ACCESS_COOKIE);
      cookies.take(answer?.headers?.getSetCookie() ?? []);
      if (!wasSignedIn && cookies.has(ACCESS_COOKIE)) this.signIns += 1;
    });
  }

  /**
   * Starts streamed runs and uploads in addition.
   *
   * @param sides regions from whose side they come
   * @param flowId the drill's flow, which must already exist in every region
   */
  startLong(sides: readonly string[], flowId: string, { apiKey }: Visitor): void {
    for (const side of sides) {
      const client = `near ${side}`;
      this.pace(STREAM_MS / this.load, async () => {
        const left = new AbortController();
        this.streams.set(left, Date.now());
        const errand = streamedRun(flowId, apiKey, `${client} at ${Date.now()}`);
        await this.visit("stream", client, this.from(side, errand), left.signal);
        this.streams.delete(left);
      });
      this.pace(UPLOAD_MS / this.load, () =>
        this.visit("upload", client, this.from(side, this.uploads.next(side, apiKey))),
      );
    }
  }

  /**
   * Stops all visitors. Resolves after the last response.
   *
   * @param since streams that began at or after this time are aborted and not counted; by default, all streams
   */
  async stop(since = 0): Promise<void> {
    this.stopped.abort();
    for (const [stream, began] of this.streams) if (began >= since) stream.abort();
    await Promise.all([...this.paces, ...this.underWay]);
    this.samples.sort((one, other) => one.at - other.at);
    this.visits.sort((one, other) => one.at - other.at);
  }

  private from(side: string, errand: Errand): Errand {
    return withHeaders(errand, { ...this.backend.from(side), ...this.backend.accessHeaders });
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

  /** @returns undefined if the visitor left before the response was complete */
  private async visit(
    name: ErrandName,
    client: string,
    errand: Errand,
    left?: AbortSignal,
  ): Promise<Exchange | undefined> {
    const at = Date.now();
    const found = await exchange(this.backend.publicUrl, errand, left);
    if (!found) return undefined;
    const { end, status, latency, headers } = found;
    const answeredBy = headers && this.backend.answeredBy(headers);
    const region = answeredBy === undefined ? {} : { region: answeredBy };
    this.visits.push({ errand: name, at, client, end, latency, ...region });
    if (!isLong({ errand: name })) this.samples.push({ at, client, ok: end === "good", status, latency, ...region });
    return found;
  }

  /**
   * Checks that the browser had to sign in at Cloudflare Access only once, despite the outage. Returns no check if
   * Access is disabled.
   */
  signInChecks(): Check[] {
    if (Object.keys(this.backend.accessHeaders).length === 0) return [];
    const { signIns } = this;
    const said = `${signIns} ${signIns === 1 ? "time" : "times"} since the drill began`;
    return [{ name: "a browser signed in at Cloudflare Access once", passed: signIns === 1, said }];
  }
}

function withHeaders(errand: Errand, headers: Readonly<Record<string, string>>): Errand {
  return Object.assign({}, errand, { headers: Object.assign({}, errand.headers, headers) });
}
