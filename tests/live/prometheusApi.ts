/** A pending or firing alert in Prometheus. Resolved alerts are not listed. */
interface SeenAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: "pending" | "firing";
  /** Start of the alert, in ISO 8601. */
  readonly activeAt: string;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Pairs of a time in seconds since 1970 and a number as text. */
  readonly values: readonly (readonly [number, string])[];
}

/** A client of Prometheus' HTTP API (Prometheus documentation, "HTTP API"). */
export class PrometheusApi {
  constructor(readonly url: string) {}

  /** Returns the alerts that have at least the given labels. */
  async alerts(labels: Readonly<Record<string, string>>): Promise<SeenAlert[]> {
    const { alerts } = (await this.get("alerts")) as { alerts: SeenAlert[] };
    return alerts.filter((alert) => Object.entries(labels).every(([name, value]) => alert.labels[name] === value));
  }

  /** Returns the samples of a range vector, for example `up[5m]`. */
  async samples(range: string): Promise<Series[]> {
    const { result } = (await this.get(`query?query=${encodeURIComponent(range)}`)) as { result: Series[] };
    return result;
  }

  /** Returns a query's results over time. @param span from and to, in seconds since 1970 */
  async course(query: string, [from, to]: readonly [number, number], stepSeconds: number): Promise<Series[]> {
    const range = new URLSearchParams({ query, start: `${from}`, end: `${to}`, step: `${stepSeconds}` });
    const { result } = (await this.get(`query_range?${range}`)) as { result: Series[] };
    return result;
  }

  /** Returns the number of series in a query's result. */
  async answers(query: string): Promise<number> {
    return (await this.samples(query)).length;
  }

  /** Returns the names of all metrics. */
  async names(): Promise<ReadonlySet<string>> {
    return new Set((await this.get("label/__name__/values")) as string[]);
  }

  /** Returns all jobs that have a target. */
  async jobs(): Promise<ReadonlySet<string>> {
    const { activeTargets } = (await this.get("targets?state=active")) as {
      activeTargets: { labels: Record<string, string> }[];
    };
    return new Set(activeTargets.flatMap(({ labels }) => labels.job ?? []));
  }

  /** Returns the number of series that currently have samples. */
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
