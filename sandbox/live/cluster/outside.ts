import { Endpoint } from "./endpoint";

const HTTPS_PORT = 443;

/** Loopback addresses of the external hosts that a region's health checks probe, by hostname. */
export class Outside {
  private readonly endpoints = new Map<string, Endpoint>();

  constructor(
    /**
     * Returns the loopback port behind a host's HTTPS, or undefined while no server answers by that name. Called for
     * each connection.
     */
    private readonly behind: (host: string, port: number) => number | undefined,
    /** Reserves a loopback port by name. */
    private readonly takePort: (name: string) => Promise<number>,
  ) {}

  async open(hosts: readonly string[]): Promise<void> {
    for (const host of hosts.filter((each) => !this.endpoints.has(each))) {
      const own = await this.takePort(`outside/${host}`);
      this.endpoints.set(host, await Endpoint.start(own, () => this.behind(host, HTTPS_PORT)));
    }
  }

  close(): void {
    for (const endpoint of this.endpoints.values()) endpoint.close();
    this.endpoints.clear();
  }

  /** Returns the loopback port behind each `host:port`. */
  addresses(): ReadonlyMap<string, number> {
    return new Map([...this.endpoints].map(([host, { port }]) => [`${host}:${HTTPS_PORT}`, port]));
  }
}
