import { setTimeout as sleep } from "node:timers/promises";

/** One piece of work: a run of a flow. */
export interface Work {
  /** What tells it from all other work, also after the caller was started anew: LangFlow takes it as the idempotency key. */
  readonly key: string;
  /** Id of the flow. */
  readonly flowId: string;
  readonly input: string;
  /** Overrides of the flow's components, by component id. */
  readonly tweaks?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface ClientOptions {
  /** The public name: `https://langflow.example.com`. */
  readonly url: string;
  readonly apiKey: string;
  /** Sent along with each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long one request may take. Each is answered within a second by a region that is well. Default 10 s. */
  readonly timeoutMs?: number;
  /** How often a job is looked at. Default 2 s. */
  readonly pollMs?: number;
  /** How long to wait after the first request that came to nothing; twice as long each time, up to 16 times. Default 500 ms. */
  readonly pauseMs?: number;
}

/** Nothing that asking again could mend: a bad key, a bad request, a flow that fails each time. */
export class WorkRefused extends Error {}

/** No answer, or one that says nothing of the work. The client asks again; its caller is told so once the time is over. */
export class Unanswered extends Error {}

/** The job is gone, or ended without a result: it is begun anew, a few times. */
class Lost extends Error {}

interface Answer {
  readonly status: number;
  readonly body: {
    readonly job_id?: string;
    readonly status?: string;
    readonly output?: { readonly text?: string };
    readonly detail?: { readonly code?: string };
  };
}

/** How often work is begun anew before it is taken for work that cannot be done. */
const ATTEMPTS = 5;

/**
 * Runs flows in the background (`/api/v2/workflows`) so that the loss of a region costs time and no result. No request is long; one that
 * is not answered is sent again; a job that the region which answers does not know, since another had it, is begun anew.
 * LangFlow may thus do a piece of work twice. Its caller gets one result.
 */
export class LangFlowClient {
  /** Which region has the jobs: the load balancer's cookie. */
  private cookie = "";

  constructor(private readonly options: ClientOptions) {}

  /**
   * What the flow answers.
   *
   * @param deadline when the caller stops waiting, in milliseconds since 1970: later than a failover and the run take together
   * @throws WorkRefused where asking again does not help
   * @throws Unanswered where there was no result in time; the same work may be given again, under its key
   */
  async run(work: Work, deadline: number): Promise<string> {
    const { pollMs = 2_000, pauseMs = 500 } = this.options;
    let jobId: string | undefined;
    let begun = 0;
    for (let unanswered = 0; ; ) {
      try {
        if (jobId === undefined) {
          if (begun++ === ATTEMPTS) throw new WorkRefused(`${work.key}: begun ${ATTEMPTS} times without a result`);
          jobId = await this.submit(work);
        }
        const result = await this.resultOf(jobId);
        if (result !== undefined) return result;
        unanswered = 0;
      } catch (error) {
        if (error instanceof Lost) jobId = undefined;
        else if (!(error instanceof Unanswered)) throw error;
        // It never came to be: that was no attempt.
        if (error instanceof Unanswered && jobId === undefined) begun--;
        unanswered++;
      }
      const waitMs = unanswered === 0 ? pollMs : pauseMs * growth(unanswered);
      if (Date.now() + waitMs > deadline) throw new Unanswered(`${work.key}: no result in time`);
      await sleep(waitMs);
    }
  }

  /** A job for the work: the one that there is already, where this region knows the key. */
  private async submit({ key, flowId, input, tweaks = {} }: Work): Promise<string> {
    const body = { flow_id: flowId, input_value: input, tweaks, mode: "background", idempotency_key: key };
    const answer = await this.ask("POST", "/api/v2/workflows", JSON.stringify(body));
    // A flow that was made seconds ago may not be in the region that answers.
    if (answer.status === 404) throw new Lost();
    if (answer.body.job_id === undefined) throw new WorkRefused(`${key}: ${answer.status} ${codeOf(answer)}`);
    return answer.body.job_id;
  }

  /** Undefined while it runs. */
  private async resultOf(jobId: string): Promise<string | undefined> {
    const answer = await this.ask("GET", `/api/v2/workflows?job_id=${jobId}`);
    const { status, output } = answer.body;
    if (answer.status === 200 && status === "completed") return output?.text ?? "";
    if (answer.status === 200 && (status === "queued" || status === "in_progress")) return undefined;
    // 404: another region's. 408, JOB_FAILED: so ends a job whose process was ended. 200: cancelled, or waits for a person.
    if ([200, 404, 408].includes(answer.status) || codeOf(answer) === "JOB_FAILED") throw new Lost();
    throw new WorkRefused(`job ${jobId}: ${answer.status} ${codeOf(answer)}`);
  }

  private async ask(method: string, path: string, body?: string): Promise<Answer> {
    const { url, apiKey, headers, timeoutMs = 10_000 } = this.options;
    let status: number;
    let text: string;
    try {
      const answer = await fetch(url + path, {
        method,
        headers: {
          ...headers,
          "x-api-key": apiKey,
          "content-type": "application/json",
          ...(this.cookie !== "" && { cookie: this.cookie }),
        },
        signal: AbortSignal.timeout(timeoutMs),
        ...(body !== undefined && { body }),
      });
      const set = answer.headers.getSetCookie();
      if (set.length > 0) this.cookie = set.map((each) => each.split(";")[0]).join("; ");
      status = answer.status;
      text = await answer.text();
    } catch {
      throw new Unanswered();
    }
    const known = { status, body: parsed(text) };
    // 409: two requests with one key at the same moment.
    if (status === 409 || status === 429 || (status >= 500 && codeOf(known) !== "JOB_FAILED")) throw new Unanswered();
    return known;
  }
}

const codeOf = ({ body }: Answer): string => body.detail?.code ?? "";

/** More each time, and never quite the same: clients that lost one region do not all come to the other at once. */
const growth = (unanswered: number): number => Math.min(16, 2 ** (unanswered - 1)) * (0.5 + Math.random() / 2);

function parsed(text: string): Answer["body"] {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
