import { rmSync } from "node:fs";
import writeFileAtomic from "write-file-atomic";
import { version } from "../package.json";
import { aws } from "./aws";
import { cloudflare } from "./cloudflare";
import { claim, filesIn, type ServerFile } from "./directory";
import { FaultPlan } from "./faults";
import { Journal } from "./journal";
import { kubernetes } from "./kubernetes";
import type { Definition } from "./provider/provider";
import { checkProperties, type ResourceSchema } from "./provider/schema";
import { random } from "./random";
import { buildApi } from "./routes";
import { Sessions } from "./sessions";
import { type Resource, Store } from "./store";

export interface Daemon {
  readonly url: string;
  stop(): Promise<void>;
}

const DEFINITIONS = new Map<string, Definition>([aws, cloudflare, kubernetes, random].map((one) => [one.name, one]));

function schemaOf({ provider, type }: Resource): ResourceSchema | undefined {
  return DEFINITIONS.get(provider)?.schemaOf(type);
}

/**
 * Serves the local cloud kept in a directory.
 *
 * @param exit ends the process: with 0 after a stop, with 137 for a crash that was asked for
 * @throws Error when another process serves the directory
 */
export async function startDaemon(directory: string, exit: (code: number) => void): Promise<Daemon> {
  const release = claim(directory);
  const files = filesIn(directory);
  const cloud = Store.open(files.resources);
  for (const file of cloud.damaged) console.error(`set aside ${file}: it is not a whole resource`);
  const faults = new FaultPlan();
  const journal = new Journal();
  const sessions = new Sessions(cloud, faults, journal, () => exit(137));
  const stop = async (): Promise<void> => {
    rmSync(files.server, { force: true });
    await sessions.stopAll();
    await api.close();
    release();
  };
  const api = buildApi({
    version,
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
  const url = await api.listen({ host: "127.0.0.1", port: 0 });
  const server: ServerFile = { pid: process.pid, url, version };
  await writeFileAtomic(files.server, `${JSON.stringify(server)}\n`, { fsync: false });
  return { url, stop };
}
