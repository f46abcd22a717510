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

/** How often a new visitor comes from each region's side, and the browser asks. */
const NEW_MS = 500;
const SESSION_MS = 1_000;
/** How often a streamed run begins on each of two sides, and a file is uploaded: LangFlow is to do little of either. */
const STREAM_MS = 10_000;
const UPLOAD_MS = 5_000;

/** What Cloudflare Access answers whoever it does not know. */
const SIGN_IN_AGAIN = 302;

/** The share of the requests that come from the drilled region's side. @param load how many times as often as usual visitors come */
export function shareOfRegion(regionCount: number, load = 1): number {
  const own = load / NEW_MS + 1 / SESSION_MS;
  return own / (own + ((regionCount - 1) * load) / NEW_MS);
}

/** Whose visits they are, as far as these need to know. */
export interface Visitor {
  readonly id: string;
  readonly token: string;
  readonly apiKey: string;
}

/**
 * Users of the public name, the whole drill through: a new visitor from each region's side twice a second, and one browser
 * that came from the drilled region's side, signed in, with its cookie, once a second; later also some who hold long things. Requests
 * do not wait for each other, so a slow answer hides none of those behind it.
 */
export class Visitors {
  readonly samples: Sample[] = [];
  readonly visits: Visit[] = [];
  readonly uploads = new Uploads();
  /** How often the browser had to pass Cloudflare Access by more than its cookie, and did; 0 where that is not on. */
  private signIns = 0;
  private readonly stopped = new AbortController();
  private readonly underWay = new Set<Promise<void>>();
  /** When each stream that is under way began. */
  private readonly streams = new Map<AbortController, number>();
  private readonly paces: Promise<void>[] = [];

  /** @param load how many times as often as usual all come but the browser, of which there is one */
  constructor(
    private readonly backend: Backend,
    private readonly load = 1,
  ) {
    // Each pace listens.
    setMaxListeners(0, this.stopped.signal);
  }

  /** @param region where the browser comes from */
  start(regions: readonly string[], region: string, { token, id }: Visitor): void {
    for (const side of regions)
      this.pace(NEW_MS / this.load, () => this.visit("healthz", `near ${side}`, this.from(side, HEALTH)));
    const cookies = new Cookies();
    this.pace(SESSION_MS, async () => {
      const errand = whoami({ authorization: `Bearer ${token}`, cookie: cookies.header }, id);
      const side = this.backend.from(region);
      // Whoever has passed Cloudflare Access does so by its cookie from then on, in whatever region.
      const headers = cookies.has(ACCESS_COOKIE) ? side : { ...side, ...this.backend.accessHeaders };
      const answer = await this.visit("whoami", "session", withHeaders(errand, headers));
      if (answer?.status === SIGN_IN_AGAIN) cookies.drop(ACCESS_COOKIE);
      const wasSignedIn = cookies.has(ACCESS_COOKIE);
      cookies.take(answer?.headers?.getSetCookie() ?? []);
      if (!wasSignedIn && cookies.has(ACCESS_COOKIE)) this.signIns += 1;
    });
  }

  /**
   * From now on also streamed runs and uploads.
   *
   * @param sides the regions that they come from
   * @param flowId the drill's flow, which every region has by now
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
   * Ends all of them; resolved once the last answer is in.
   *
   * @param since streams that began from then on are left where they are, and counted nowhere: all, unless it is said
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

  /** @returns undefined where nobody waited for its end */
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

  /** Whether a browser signs in once at Cloudflare Access, whatever becomes of a region; none where that is not on. */
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
