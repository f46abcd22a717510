import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { installerWith } from "../fleet/local/installer";
import { SCRAPE_SECONDS } from "../observability/scrape";
import { freePort } from "../sandbox/live/ports";
import { BoundProcess } from "../sandbox/live/process/boundProcess";
import { ensureGoProgram } from "../sandbox/live/tools/goProgram";
import { PROMETHEUS } from "../sandbox/live/tools/observers";
import { residentMegabytes } from "./processes";
import { type Row, row } from "./rows";

/**
 * Numbers of series per region. The small number represents one pod and the agent. The large number represents the
 * cluster and
 * ten LangFlow pods with about fifty routes, each with thirteen buckets.
 */
const SERIES = [2_000, 20_000];
/** Time that Prometheus keeps in its head before it writes a block, in seconds: two hours (its default). */
const HEAD_SECONDS = 2 * 3_600;
/** Speed of the simulated scrapes relative to real ones, so that the head fills within minutes. */
const TIMES_FASTER = 30;
const RETENTION_DAYS = 35;
const SAMPLES = HEAD_SECONDS / SCRAPE_SECONDS;

/**
 * Measures Prometheus' memory and disk usage for the series of a region, with real but faster scrapes of synthetic
 * series.
 */
export async function seriesRows(counts: readonly number[] = SERIES): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of counts) {
    const folder = mkdtempSync(join(tmpdir(), "series-"));
    const exporter = await makeExporter(count);
    let prometheus: Watcher | undefined;
    try {
      prometheus = await start(folder, (exporter.address() as AddressInfo).port);
      process.stderr.write(`${count} series, ${SAMPLES} samples per series\n`);
      await sleep((SAMPLES * 1000 * SCRAPE_SECONDS) / TIMES_FASTER);
      const { samples, bytes } = await snapshot(folder, prometheus.url);
      const each = bytes / samples;
      const gib = (each * count * (RETENTION_DAYS * 86_400)) / SCRAPE_SECONDS / 2 ** 30;
      const name = `Prometheus with ${count} series`;
      rows.push(row(`${name}: memory`, "MB", [residentMegabytes(prometheus.pid)], undefined, { most: 1_024 }));
      // If a busy machine misses scrapes, the head has fewer samples, and the measured memory is too low.
      rows.push(row(`${name}: samples per series in its head`, "rows", [samples / count]));
      rows.push(row(`${name}: bytes per sample in a block`, "bytes", [each]));
      rows.push(row(`${name}: disk usage after ${RETENTION_DAYS} days`, "GiB", [gib], undefined, { most: 45 }));
    } finally {
      await prometheus?.stop();
      exporter.close();
      exporter.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return rows;
}

/**
 * Returns a synthetic value with the typical mix of a region: counters that rise unevenly, constants, and a few noisy
 * values.
 */
function value(index: number, scrape: number): number {
  const noise = ((index * 2_654_435_761 + scrape * 40_503) % 1_000) / 1_000;
  if (index % 10 === 0) return Math.round(noise * 1e9);
  if (index % 10 < 4) return index;
  return Math.floor(scrape * (1 + (index % 7))) + Math.floor(noise * 3);
}

async function makeExporter(count: number): Promise<Server> {
  let scrape = 0;
  const server = createServer((_, response) => {
    scrape += 1;
    const lines = Array.from(
      { length: count },
      (_line, index) =>
        `made_up_duration_seconds_bucket{namespace="langflow",pod="langflow-us-east-${index % 10}",http_route="/api/v1/route/${Math.floor(index / 10) % 40}",le="${Math.floor(index / 400)}"} ${value(index, scrape)}`,
    );
    response.writeHead(200, { "content-type": "text/plain" }).end(`${lines.join("\n")}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

interface Watcher {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<unknown>;
}

async function start(folder: string, target: number): Promise<Watcher> {
  const program = await ensureGoProgram(installerWith(console.error, new AbortController().signal), PROMETHEUS);
  const interval = `${(1_000 * SCRAPE_SECONDS) / TIMES_FASTER}ms`;
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval },
    scrape_configs: [{ job_name: "made-up", static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const port = await freePort();
  const launched = BoundProcess.start({
    command: [
      program,
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-admin-api",
    ],
    environment: { PATH: process.env.PATH ?? "" },
    directory: folder,
    log: join(folder, "log"),
  });
  const { pid } = launched;
  if (pid === undefined) throw new Error("Prometheus did not start");
  return { url: `http://127.0.0.1:${port}`, pid, stop: () => launched.terminate(10_000) };
}

/** Takes a snapshot, which writes the head as a block, and returns the number of samples and the size. */
async function snapshot(folder: string, url: string): Promise<{ samples: number; bytes: number }> {
  const answer = await fetch(`${url}/api/v1/admin/tsdb/snapshot`, { method: "POST" });
  const { data } = (await answer.json()) as { data: { name: string } };
  const snapshots = join(folder, "data", "snapshots", data.name);
  const blocks = readdirSync(snapshots).map((block) => join(snapshots, block));
  return {
    samples: blocks.reduce((sum, block) => sum + samplesOf(block), 0),
    bytes: blocks.reduce((sum, block) => sum + sizeOf(block), 0),
  };
}

function samplesOf(block: string): number {
  return JSON.parse(readFileSync(join(block, "meta.json"), "utf8")).stats.numSamples;
}

function sizeOf(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
