import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { PORTS } from "../../model/observability";
import { FLOW_RUNS, PUBLIC_FLOWS } from "../../observability/collector";
import { collectorFiles } from "../../observability/files";
import { freePort } from "../../sandbox/live/ports";
import { BoundProcess } from "../../sandbox/live/process/boundProcess";
import { collector } from "./tools";

const FLOW = randomUUID();
const [VISITORS, RUNS] = [300, 3];

/** Returns the span of a run as LangFlow reports it, in OpenTelemetry's JSON. */
function span(flow: string, protocol: string, status: string): object {
  const now = BigInt(Date.now()) * 1_000_000n;
  const attributes = Object.entries({ flow_id: flow, protocol, status }).map(([key, stringValue]) => ({
    key,
    value: { stringValue },
  }));
  return {
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    name: "flow.execute",
    startTimeUnixNano: `${now - 1_000_000_000n}`,
    endTimeUnixNano: `${now}`,
    attributes,
  };
}

describe("a real OpenTelemetry collector with our configuration", () => {
  const folder = mkdtempSync(join(tmpdir(), "collector-"));
  let launched: BoundProcess;
  let metrics: string;

  beforeAll(async () => {
    const [spans, shown, health] = [await freePort(), await freePort(), await freePort()];
    const places: readonly [number, number][] = [
      [PORTS.collector, spans],
      [PORTS["collector-metrics"], shown],
      [PORTS["collector-health"], health],
    ];
    let { "collector.yml": text = "" } = collectorFiles();
    for (const [port, own] of places) text = text.replace(`0.0.0.0:${port}`, `127.0.0.1:${own}`);
    writeFileSync(
      join(folder, "collector.yml"),
      text.replace(/metrics_flush_interval: \S+/, "metrics_flush_interval: 1s"),
    );
    launched = BoundProcess.start({
      command: [await collector(), `--config=${join(folder, "collector.yml")}`],
      environment: { PATH: process.env.PATH ?? "" },
      directory: folder,
      log: join(folder, "log"),
    });
    const visitors = fc.sample(fc.uuid({ version: 5 }), VISITORS).map((id) => span(id, "v1.build.public", "ok"));
    const runs = Array.from({ length: RUNS }, () => span(FLOW, "v1", "error"));
    const resource = { attributes: [{ key: "service.name", value: { stringValue: "langflow" } }] };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [...visitors, ...runs] }] }] });
    const send = () =>
      fetch(`http://127.0.0.1:${spans}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      }).catch(() => undefined);
    while (!(await send())?.ok) await sleep(100);
    do {
      await sleep(100);
      metrics = await (await fetch(`http://127.0.0.1:${shown}/metrics`)).text();
    } while (!/calls_total\{.*\} [1-9]/.test(metrics));
  });
  afterAll(async () => {
    await launched.terminate(10_000);
    rmSync(folder, { recursive: true });
  });

  it("counts runs by flow id, and counts any number of visitors of public flows as a single flow", () => {
    const counts = metrics.split("\n").flatMap((line) => {
      const [, flow, count] = new RegExp(`^${FLOW_RUNS}\\{.*flow_id="([^"]*)".*\\} (\\d+)$`).exec(line) ?? [];
      return flow === undefined ? [] : [[flow, Number(count)]];
    });
    expect(Object.fromEntries(counts)).toEqual({ [FLOW]: RUNS, [PUBLIC_FLOWS]: VISITORS });
  });
});
