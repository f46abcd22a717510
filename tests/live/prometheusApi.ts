/** An alert as Prometheus sees it now; one that is over is not there. */
interface SeenAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: "pending" | "firing";
  /** ISO 8601. */
  readonly activeAt: string;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Each a moment in seconds since 1970, and a number as text. */
  readonly values: readonly (readonly [number, string])[];
}

/** The HTTP API of a Prometheus (Prometheus documentation, "HTTP API"). */
export class PrometheusApi {
  constructor(readonly url: string) {}

  /** Alerts whose labels are these, and perhaps more. */
  async alerts(labels: Readonly<Record<string, string>>): Promise<SeenAlert[]> {
    const { alerts } = (await this.get("alerts")) as { alerts: SeenAlert[] };
    return alerts.filter((alert) => Object.entries(labels).every(([name, value]) => alert.labels[name] === value));
  }

  /** Samples of a range of a series, `up[5m]`. */
  async samples(range: string): Promise<Series[]> {
    const { result } = (await this.get(`query?query=${encodeURIComponent(range)}`)) as { result: Series[] };
    return result;
  }

  /** A query's answers over time. @param span from and to, in seconds since 1970 */
  async course(query: string, [from, to]: readonly [number, number], stepSeconds: number): Promise<Series[]> {
    const range = new URLSearchParams({ query, start: `${from}`, end: `${to}`, step: `${stepSeconds}` });
    const { result } = (await this.get(`query_range?${range}`)) as { result: Series[] };
    return result;
  }

  /** How many series a query has for an answer. */
  async answers(query: string): Promise<number> {
    return (await this.samples(query)).length;
  }

  /** Every name of a series. */
  async names(): Promise<ReadonlySet<string>> {
    return new Set((await this.get("label/__name__/values")) as string[]);
  }

  /** Every job that has a target. */
  async jobs(): Promise<ReadonlySet<string>> {
    const { activeTargets } = (await this.get("targets?state=active")) as {
      activeTargets: { labels: Record<string, string> }[];
    };
    return new Set(activeTargets.flatMap(({ labels }) => labels.job ?? []));
  }

  /** Series that have a sample now. */
  async seriesCount(): Promise<number> {
    const { headStats } = (await this.get("status/tsdb")) as { headStats: { numSeries: number } };
    return headStats.numSeries;
  }

  private async get(path: string): Promise<unknown> {
    const response = await fetch(`${this.url}/api/v1/${path}`, { headers: { connection: "close" } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { data: unknown }).data;
  }
}
