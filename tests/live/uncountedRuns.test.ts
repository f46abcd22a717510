import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { installerWith } from "../../fleet/local/installer";
import { spansEnvironment } from "../../model/langflow";
import { freePort } from "../../sandbox/live/ports";
import { ensurePython } from "../../sandbox/live/tools/python";

const PROGRAM = join(__dirname, "endedRun.py");

describe("a run that ends while no collector receives its spans", () => {
  /** Accepts connections without responding. */
  const server = createServer((socket) => socket.resume().on("error", () => undefined));
  const ports = { gone: 0, silent: 0 };
  let python: string;

  beforeAll(async () => {
    python = join(await ensurePython(installerWith(() => undefined, new AbortController().signal)), "python");
    ports.gone = await freePort();
    ports.silent = await freePort();
    await once(server.listen(ports.silent, "127.0.0.1"), "listening");
  });
  afterAll(() => server.close());

  /** Returns how long LangFlow's event loop is blocked, in seconds. */
  const heldUp = async (environment: Record<string, string>) => {
    const { stdout } = await promisify(execFile)(python, [PROGRAM], {
      env: { PATH: process.env.PATH, ...environment },
    });
    return Number(stdout.trim().split("\n").at(-1));
  };

  it.each(["gone", "silent"] as const)("does not block LangFlow for long if the collector is %s", async (collector) => {
    const ours = spansEnvironment(`http://127.0.0.1:${ports[collector]}/v1/traces`);
    const { OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: _, ...byDefault } = ours;
    const [held, withoutIt] = await Promise.all([heldUp(ours), heldUp(byDefault)]);
    process.stdout.write(`${collector}: ${held.toFixed(2)} s, by default ${withoutIt.toFixed(2)} s\n`);
    expect(held).toBeLessThan(withoutIt / 4);
  });
});
