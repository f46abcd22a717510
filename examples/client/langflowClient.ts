import { setTimeout as sleep } from "node:timers/promises";

/** One run of a flow. */
export interface Work {
  /** Unique key of the work, the same after a restart of the caller. LangFlow uses it as the idempotency key. */
  readonly key: string;
  /** Id of the flow. */
  readonly flowId: string;
  readonly input: string;
  /** Overrides of the flow's components, by component id. */
  readonly tweaks?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface ClientOptions {
  /** Base URL, with LangFlow's public name: `https://langflow.example.com`. */
  readonly url: string;
  readonly apiKey: string;
  /** Additional headers of each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Timeout of one request. A healthy region answers within a second. Default 10 s. */
  readonly timeoutMs?: number;
  /** Interval at which the client polls a job. Default 2 s. */
  readonly pollMs?: number;
  /** Delay after the first failed request. It doubles with each failure, up to 16 times the value. Default 500 ms. */
  readonly pauseMs?: number;
}

/** An error that a retry cannot fix: an invalid key, an invalid request, or a flow that always fails. */
export class WorkRefused extends Error {}

/** No answer, or one without the work's state. The client retries, and throws this to its caller after the deadline. */
export class Unanswered extends Error {}

/** The job no longer exists or ended without a result. The client starts the work again, up to `ATTEMPTS` times. */
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

/** Maximum number of times that the client starts one piece of work. */
const ATTEMPTS = 5;

/**
 * Runs flows in the background (`/api/v2/workflows`), so that the loss of a region delays a result but does not lose it. Requests are short,
 * and the client repeats a request without an answer. If the answering region does not know the job, because a different region had it,
 * the client starts the work again. LangFlow may therefore do the work twice, but the caller gets one result.
 */
export class LangFlowClient {
  /** The load balancer's cookie, which selects the region that has the jobs. */
  private cookie = "";

  constructor(private readonly options: ClientOptions) {}

  /**
   * Runs the flow and returns its output.
   *
   * @param deadline when the caller stops waiting, in milliseconds since 1970; must allow for a failover and the run
   * @throws WorkRefused if a retry cannot help
   * @throws Unanswered if there was no result in time; the caller may submit the same work again with the same key
   */
  async run(work: Work, deadline: number): Promise<string> {
    const { pollMs = 2_000, pauseMs = 500 } = this.options;
    let jobId: string | undefined;
    let begun = 0;
    for (let unanswered = 0; ; ) {
      try {
        if (jobId === undefined) {
          if (begun++ === ATTEMPTS) throw new WorkRefused(`${work.key}: no result after ${ATTEMPTS} attempts`);
          jobId = await this.submit(work);
        }
        const result = await this.resultOf(jobId);
        if (result !== undefined) return result;
        unanswered = 0;
      } catch (error) {
        if (error instanceof Lost) jobId = undefined;
        else if (!(error instanceof Unanswered)) throw error;
        // No job was created, so this does not count as an attempt.
        if (error instanceof Unanswered && jobId === undefined) begun--;
        unanswered++;
      }
      const waitMs = unanswered === 0 ? pollMs : pauseMs * growth(unanswered);
      if (Date.now() + waitMs > deadline) throw new Unanswered(`${work.key}: no result in time`);
      await sleep(waitMs);
    }
  }

  /** Creates a job for the work, or returns the existing job if this region knows the key. */
  private async submit({ key, flowId, input, tweaks = {} }: Work): Promise<string> {
    const body = { flow_id: flowId, input_value: input, tweaks, mode: "background", idempotency_key: key };
    const answer = await this.ask("POST", "/api/v2/workflows", JSON.stringify(body));
    // A flow that was created seconds ago may not have reached this region.
    if (answer.status === 404) throw new Lost();
    if (answer.body.job_id === undefined) throw new WorkRefused(`${key}: ${answer.status} ${codeOf(answer)}`);
    return answer.body.job_id;
  }

  /** Returns the job's result, or undefined while the job runs. */
  private async resultOf(jobId: string): Promise<string | undefined> {
    const answer = await this.ask("GET", `/api/v2/workflows?job_id=${jobId}`);
    const { status, output } = answer.body;
    if (answer.status === 200 && status === "completed") return output?.text ?? "";
    if (answer.status === 200 && (status === "queued" || status === "in_progress")) return undefined;
    // 404: a different region has the job. 408 or JOB_FAILED: the job's process ended. 200: canceled, or waiting for a person.
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
    // 409: two simultaneous requests with the same key.
    if (status === 409 || status === 429 || (status >= 500 && codeOf(known) !== "JOB_FAILED")) throw new Unanswered();
    return known;
  }
}

const codeOf = ({ body }: Answer): string => body.detail?.code ?? "";

/** Returns an exponential backoff factor with jitter, so that clients of a lost region do not all reach the other at once. */
const growth = (unanswered: number): number => Math.min(16, 2 ** (unanswered - 1)) * (0.5 + Math.random() / 2);

function parsed(text: string): Answer["body"] {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
