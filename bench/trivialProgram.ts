/**
 * Baseline program: creates the given number of resources, each with one input and no dependency, on the same engine
 * and
 * local cloud as the real stacks, from process start to exit.
 *
 * Usage: `trivialProgram.ts <count> <directory> preview|up`.
 */
import { mkdirSync } from "node:fs";
import * as path from "node:path";
import { LocalWorkspace, Stack } from "@pulumi/pulumi/automation";
import * as random from "@pulumi/random";
import { ensureEngine } from "../fleet/engine/ensureEngine";
import { startLocalCloud } from "../sandbox/cloud/client";

async function main(count: number, directory: string, verb: string): Promise<void> {
  const cloud = await startLocalCloud(path.join(directory, "cloud"));
  const engine = await ensureEngine((message) => process.stderr.write(`${message}\n`));
  const ports = await cloud.openSession("floor");
  const state = path.join(directory, "state");
  mkdirSync(state, { recursive: true });
  const workspace = await LocalWorkspace.create({
    pulumiCommand: engine,
    projectSettings: { name: "floor", runtime: "nodejs", backend: { url: `file://${state}` } },
    program: async () => {
      for (let made = 0; made < count; made++) new random.RandomBytes(`trivial-${made}`, { length: 8 });
    },
    envVars: {
      PULUMI_CONFIG_PASSPHRASE: "floor",
      PULUMI_DEBUG_PROVIDERS: Object.entries(ports)
        .map(([name, port]) => `${name}:${port}`)
        .join(","),
      PULUMI_SKIP_UPDATE_CHECK: "true",
    },
  });
  const stack = await Stack.createOrSelect(`of-${count}`, workspace);
  if (verb === "up") await stack.up();
  else await stack.preview();
  await cloud.closeSession("floor");
}

const [count, directory = "", verb = "preview"] = process.argv.slice(2);
main(Number(count), directory, verb).then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error.stack ?? error}\n`);
    process.exit(1);
  },
);
