import { execFile } from "node:child_process";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { installerWith } from "../../fleet/local/installer";
import { fillOnce } from "../../sandbox/live/tools/fillOnce";
import { LocalFleet } from "../engine/localFleet";

jest.setTimeout(600_000);

/**
 * Newest release of each supported Node line. The whole test suite covers the Node on which it runs, 20.19 or later.
 */
const SUPPORTED = ["22.23.3", "24.21.0"];

/** Returns the path of a Node binary. The first call downloads it with the package that npm's `node` installs. */
async function node(version: string): Promise<string> {
  const { cache, exclusively, run } = installerWith(() => undefined, new AbortController().signal);
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cache, `node-${version}`);
  const npm = ["install", "--no-save", "--ignore-scripts", "--prefix", folder, `${name}@${version}`];
  await exclusively(() => fillOnce(folder, () => run("npm", npm)));
  return join(folder, "node_modules", name, "bin", "node");
}

/** Reads a response only after its server has closed the connection, which ends a process with Node 22's own client. */
const READ_LATE = `
require("./model/fetchClient.ts").replaceFetchClient();
fetch(process.argv[1]).then(async (response) => {
  await new Promise((closed) => setTimeout(closed, 500));
  console.log((await response.text()).length);
});`;
/** More than the client buffers. */
const BODY = Buffer.alloc(64 * 1024, "a");

/** Starts a server that answers each connection once and then closes it. */
async function closingServer(): Promise<{ server: Server; url: string }> {
  const server = createServer((socket) =>
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\nConnection: close\r\n\r\n`);
      socket.end(BODY);
    }),
  );
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

describe.each(SUPPORTED)("with Node %s", (version) => {
  it("deploys the fleet without warnings, and then has nothing to change", async () => {
    const fleet = new LocalFleet(await node(version));
    try {
      for (const verb of ["up", "preview"]) {
        const { exitCode, stderr, json } = await fleet.run([verb]);
        expect({ verb, exitCode, stderr }).toEqual({
          verb,
          exitCode: 0,
          stderr: expect.not.stringMatching(/warn|deprecat/i),
        });
        expect(json.stacks).toHaveLength(4);
      }
    } finally {
      await fleet.remove();
    }
  });

  it("reads a response whose server has already closed the connection", async () => {
    const { server, url } = await closingServer();
    try {
      const args = ["--require", "./typescript.cjs", "--eval", READ_LATE, url];
      const { stdout } = await promisify(execFile)(await node(version), args, { cwd: join(__dirname, "../..") });
      expect(stdout.trim()).toBe(String(BODY.length));
    } finally {
      server.close();
    }
  });
});
