import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { installerWith } from "../../fleet/local/installer";
import { spansEnvironment } from "../../model/langflow";
import { ensurePython } from "../../sandbox/live/tools/python";

const PROGRAM = join(__dirname, "endedRun.py");

describe("a run that ends while nobody takes its spans", () => {
  /** Takes connections, and says nothing. */
  let silent: Server;
  let gone: string;
  let python: string;

  beforeAll(async () => {
    python = join(await ensurePython(installerWith(() => undefined, new AbortController().signal)), "python");
    const left = await listening(createServer());
    gone = addressOf(left);
    await promisify(left.close.bind(left))();
    silent = await listening(createServer((socket) => socket.resume().on("error", () => undefined)));
  });
  afterAll(() => silent.close());

  /** Seconds for which LangFlow's event loop stands still. */
  const heldUp = async (environment: Record<string, string>) => {
    const { stdout } = await promisify(execFile)(python, [PROGRAM], {
      env: { PATH: process.env.PATH, ...environment },
    });
    return Number(stdout.trim().split("\n").at(-1));
  };

  it.each(["gone", "silent"])("holds nobody up where the collector is %s", async (collector) => {
    const ours = spansEnvironment(collector === "gone" ? gone : addressOf(silent));
    const { OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: _, ...byDefault } = ours;
    const [held, withoutIt] = await Promise.all([heldUp(ours), heldUp(byDefault)]);
    process.stdout.write(`${collector}: ${held.toFixed(2)} s, by default ${withoutIt.toFixed(2)} s\n`);
    expect(held).toBeLessThan(withoutIt / 4);
  });
});

async function listening(server: Server): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
