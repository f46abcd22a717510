import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import writeFileAtomic from "write-file-atomic";
import { codeVersion, filesIn, type ServerFile, takeLock } from "../directory";
import { aws } from "../providers/aws";
import { cloudflare } from "../providers/cloudflare";
import { kubernetes } from "../providers/kubernetes";
import { random } from "../providers/random";
import type { Definition } from "../providers/shared/provider";
import { type Resource, Store } from "../resources/store";
import { checkProperties, type ResourceSchema } from "../schema/schema";
import { FaultPlan } from "./faults";
import { Journal } from "./journal";
import { buildApi } from "./routes";
import { Sessions } from "./sessions";

export interface Daemon {
  readonly url: string;
  stop(): Promise<void>;
}

/** How often the daemon checks that it still holds its directory's lock. */
const WATCH_MS = 2_000;

const DEFINITIONS = new Map<string, Definition>([aws, cloudflare, kubernetes, random].map((one) => [one.name, one]));

function schemaOf({ provider, type }: Resource): ResourceSchema | undefined {
  return DEFINITIONS.get(provider)?.schemaOf(type);
}

/**
 * Serves the local cloud of a directory.
 *
 * @param exit ends the process: with 0 after a stop, with 137 for an injected crash
 * @throws Held if a different process serves the directory
 */
export async function startDaemon(directory: string, exit: (code: number) => void): Promise<Daemon> {
  const files = filesIn(directory);
  const held = takeLock(files.lock);
  const version = codeVersion();
  const cloud = Store.open(files.resources);
  for (const file of cloud.damaged) console.error(`moved ${file} aside: it does not contain a complete resource`);
  const faults = new FaultPlan();
  const journal = new Journal();
  const sessions = new Sessions(cloud, faults, journal, () => exit(137));
  const stop = async (): Promise<void> => {
    clearInterval(watch);
    if (held.holds()) for (const file of [files.server, files.secretsToken]) rmSync(file, { force: true });
    await sessions.stopAll();
    await api.close();
    held.release();
  };
  const secretsToken = randomBytes(24).toString("base64url");
  await writeFileAtomic(files.secretsToken, secretsToken, { mode: 0o600, fsync: false });
  const api = buildApi({
    version,
    secretsToken,
    cloud,
    faults,
    journal,
    sessions,
    check(resource, inputs) {
      const schema = DEFINITIONS.get(resource.provider)?.schema;
      const known = schemaOf(resource);
      return schema && known ? checkProperties(schema, known.inputs, inputs) : [];
    },
    isInput: (resource, property) => schemaOf(resource)?.inputs[property] !== undefined,
    isProperty(resource, property) {
      const known = schemaOf(resource);
      return !known || known.inputs[property] !== undefined || known.outputs.includes(property);
    },
    stop: () => void stop().then(() => exit(0)),
  });
  // Clients could no longer stop a daemon whose directory was deleted, so that daemon stops itself.
  const watch = setInterval(() => {
    if (!held.holds()) void stop().then(() => exit(0));
    else void sessions.stopOrphans();
  }, WATCH_MS).unref();
  const url = await api.listen({ host: "127.0.0.1", port: 0 });
  const server: ServerFile = { pid: process.pid, url, version };
  await writeFileAtomic(files.server, `${JSON.stringify(server)}\n`, { fsync: false });
  return { url, stop };
}
