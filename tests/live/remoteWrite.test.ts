import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { installerWith } from "../../fleet/local/installer";
import { prometheusFiles } from "../../observability/files";
import { KEPT } from "../../observability/metrics";
import { freePort } from "../../sandbox/live/ports";
import { BoundProcess, tailOf } from "../../sandbox/live/process/boundProcess";
import { ensureGoProgram } from "../../sandbox/live/tools/goProgram";
import { PROMETHEUS } from "../../sandbox/live/tools/observers";
import { RULE_SETTINGS, WATCHED } from "../observability/settings";
import { until } from "./langflowApi";
import { PrometheusApi } from "./prometheusApi";

jest.setTimeout(120_000);

const TOKEN = "sesame-of-the-store";

/** A Prometheus that is stopped after the test. */
class Watcher {
  readonly api: PrometheusApi;
  private constructor(
    readonly port: number,
    private readonly launched: BoundProcess,
    private readonly log: string,
  ) {
    this.api = new PrometheusApi(`http://127.0.0.1:${port}`);
  }

  static async start(folder: string, port: number, config: object, ...options: string[]): Promise<Watcher> {
    const program = await ensureGoProgram(installerWith(console.error, new AbortController().signal), PROMETHEUS);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "prometheus.yml"), stringify(config));
    const log = join(folder, "log");
    const command = [
      program,
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...options,
    ];
    const environment = { PATH: process.env.PATH ?? "" };
    const launched = BoundProcess.start({ command, environment, directory: folder, log });
    const watcher = new Watcher(port, launched, log);
    await until("Prometheus is ready", async () => (await fetch(`${watcher.api.url}/-/ready`)).ok, 30_000).catch(
      (error: Error) => Promise.reject(new Error(`${error.message}: ${tailOf(log)}`)),
    );
    return watcher;
  }

  get said(): string {
    return tailOf(this.log);
  }

  stop(): Promise<unknown> {
    return this.launched.terminate(10_000);
  }
}

describe("remote write", () => {
  const folder = mkdtempSync(join(tmpdir(), "sent-on-"));
  const watchers: Watcher[] = [];
  let store: Watcher;
  let region: Watcher;
  let door: Server;
  /** Authorization headers that the store's proxy received, and whether the proxy admits requests. */
  const asked: (string | undefined)[] = [];
  let isOpen = true;

  beforeAll(async () => {
    store = await Watcher.start(join(folder, "store"), await freePort(), {}, "--web.enable-remote-write-receiver");
    watchers.push(store);
    door = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      asked.push(request.headers.authorization);
      if (!isOpen || request.headers.authorization !== `Bearer ${TOKEN}`) return response.writeHead(403).end();
      const { "content-type": type = "", "content-encoding": encoding = "" } = request.headers;
      const version = `${request.headers["x-prometheus-remote-write-version"]}`;
      const answer = await fetch(`${store.api.url}/api/v1/write`, {
        method: "POST",
        body: Buffer.concat(chunks),
        headers: {
          "content-type": type,
          "content-encoding": `${encoding}`,
          "x-prometheus-remote-write-version": version,
        },
      });
      return response.writeHead(answer.status).end(await answer.text());
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => door.once("listening", resolve));

    const applied = parse(prometheusFiles(WATCHED, RULE_SETTINGS)["prometheus.yml"] ?? "");
    const [write] = applied.remote_write;
    writeFileSync(join(folder, "STORE_TOKEN"), TOKEN);
    const port = await freePort();
    const own = applied.scrape_configs.find(({ job_name }: { job_name: string }) => job_name === "prometheus");
    region = await Watcher.start(join(folder, "region"), port, {
      // Loopback addresses and shorter intervals; everything else as applied.
      global: { ...applied.global, scrape_interval: "1s", scrape_timeout: "1s" },
      remote_write: [
        {
          ...write,
          url: `http://127.0.0.1:${(door.address() as AddressInfo).port}/write`,
          authorization: { credentials_file: join(folder, "STORE_TOKEN") },
        },
      ],
      scrape_configs: [{ ...own, static_configs: [{ targets: [`127.0.0.1:${port}`] }] }],
    });
    watchers.push(region);
  });
  afterAll(async () => {
    for (const each of watchers.reverse()) await each.stop();
    door?.close();
    door?.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  it("sends series with the region's name and the token, and without metrics that no rule or dashboard uses", async () => {
    await until("the store has the series", async () => (await store.api.answers('up{region="us-east"}')) > 0, 60_000);
    expect(new Set(asked)).toEqual(new Set([`Bearer ${TOKEN}`]));
    // Metrics that the alert about a lagging store uses.
    const sending = KEPT.prometheus.filter((name) => name.startsWith("prometheus_remote_storage_"));
    await until(
      "it has all of them",
      async () => {
        const names = await store.api.names();
        return sending.every((name) => names.has(name));
      },
      30_000,
    );
    const more = [...(await store.api.names())].filter((name) => !KEPT.prometheus.includes(name));
    expect(more.filter((name) => name !== "up" && !name.startsWith("scrape_"))).toEqual([]);
    expect(region.said).not.toContain(TOKEN);
  });

  it("counts samples that the store rejects permanently, for the alert", async () => {
    isOpen = false;
    const failed = "prometheus_remote_storage_samples_failed_total > 0";
    await until("the region counts what was refused", async () => (await region.api.answers(failed)) > 0, 60_000);
  });
});
