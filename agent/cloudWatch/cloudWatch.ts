import { type CloudWatchClient, type MetricDataResult, paginateGetMetricData } from "@aws-sdk/client-cloudwatch";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { withTimeout } from "../async/withTimeout";
import { idOf, type Question, queryOf } from "./questions";

const REQUEST_MS = 15_000;
const SECOND_MS = 1_000;
/** Time span of a query. Failures within this hour are added up. */
const SPAN_MS = 3_600 * SECOND_MS;
/** Maximum age of the newest value. CloudWatch usually has values within minutes, but guarantees nothing. */
const NEWEST_MS = 900 * SECOND_MS;

/** A question with its answer; undefined if CloudWatch has no value. */
export interface Answer {
  readonly question: Question;
  readonly value: number | undefined;
}

/** Queries CloudWatch for all questions at once. */
export class CloudWatch {
  /** @param client for the region's own AWS region */
  constructor(
    private readonly client: CloudWatchClient,
    private readonly questions: readonly Question[],
    private readonly signal: AbortSignal,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws AgentError (Unreachable) if CloudWatch rejects the query or does not answer */
  async ask(): Promise<Answer[]> {
    const asOf = this.now();
    const results = await this.results(asOf);
    return this.questions.map((question, place) => ({
      question,
      value: answerTo(question, results.get(idOf(place)) ?? [], asOf),
    }));
  }

  /** Returns the results by id. An id has several results if CloudWatch splits them into pages. */
  private async results(asOf: number): Promise<Map<string, MetricDataResult[]>> {
    const input = {
      MetricDataQueries: this.questions.map(queryOf),
      StartTime: new Date(asOf - SPAN_MS),
      EndTime: new Date(asOf),
      ScanBy: "TimestampDescending",
    } as const;
    const found = new Map<string, MetricDataResult[]>();
    try {
      await withTimeout(REQUEST_MS, this.signal, async (abortSignal) => {
        for await (const { MetricDataResults = [] } of paginateGetMetricData({ client: this.client }, input, {
          abortSignal,
        }))
          for (const result of MetricDataResults)
            found.set(result.Id ?? "", [...(found.get(result.Id ?? "") ?? []), result]);
      });
    } catch (error) {
      throw explained(error as Error & { $metadata?: { httpStatusCode?: number } });
    }
    return found;
  }
}

/** @returns undefined if there is no value or the result is incomplete */
function answerTo({ reading, factor = 1 }: Question, pages: readonly MetricDataResult[], asOf: number) {
  if (pages.length === 0 || pages.at(-1)?.StatusCode !== "Complete") return undefined;
  const values = pages.flatMap(({ Timestamps = [], Values = [] }) =>
    Values.map((value, index) => ({ value, at: Timestamps[index]?.getTime() ?? 0 })),
  );
  // A missing value counts as zero, because S3 publishes no data while there are no failures.
  if (reading === "sum") return factor * values.reduce((sum, { value }) => sum + value, 0);
  const [newest] = values.filter(({ at }) => asOf - at <= NEWEST_MS).sort((one, other) => other.at - one.at);
  return newest && factor * newest.value;
}

function explained(error: Error & { $metadata?: { httpStatusCode?: number } }): AgentError {
  const status = error.$metadata?.httpStatusCode ?? 0;
  const answers = status >= 400 && status < 500;
  const what = answers
    ? `rejected the request: ${error.name}: ${error.message}`
    : `does not answer: ${error.message || error.name}`;
  return new AgentError(`CloudWatch ${what}`, ExitCode.Unreachable);
}
