import { Endpoint } from "./endpoint";

const HTTPS_PORT = 443;

/** Addresses on loopback of what a region's health checks ask outside of it, by host name. */
export class Outside {
  private readonly endpoints = new Map<string, Endpoint>();

  constructor(
    /** Loopback port behind a host's HTTPS; undefined while nobody answers by that name. Asked at each connection. */
    private readonly behind: (host: string, port: number) => number | undefined,
    /** Loopback port by name. */
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

  /** Loopback port behind each `host:port`. */
  addresses(): ReadonlyMap<string, number> {
    return new Map([...this.endpoints].map(([host, { port }]) => [`${host}:${HTTPS_PORT}`, port]));
  }
}
