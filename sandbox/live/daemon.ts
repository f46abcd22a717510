import { rmSync } from "node:fs";
import writeFileAtomic from "write-file-atomic";
import { connectLocalCloud } from "../cloud/client";
import { codeVersion, filesIn, type ServerFile, takeLock } from "../directory";
import { buildApi } from "./routes";
import { Supervisor } from "./supervisor";
import type { Tools } from "./tools/installer";

export interface LiveDaemon {
  readonly url: string;
  stop(now: boolean): Promise<void>;
}

/** How often the daemon looks whether its directory is still its own. */
const WATCH_MS = 2_000;
const STOP_AT_ONCE_MS = 30_000;

/**
 * Supervises the live fleet kept in a directory.
 *
 * @param cloud directory of the local cloud whose applied objects say what runs
 * @param exit ends the process
 * @throws Held when another process serves the directory
 */
export async function startLiveDaemon(
  directory: string,
  cloud: string,
  tools: Tools,
  exit: (code: number) => void,
): Promise<LiveDaemon> {
  const files = filesIn(directory);
  const held = takeLock(files.lock);
  const supervisor = await Supervisor.make({
    directory,
    tools,
    url: () => url,
    async resources() {
      // Asked for anew each time: `up` replaces a local cloud of other code, at another address.
      const connection = await connectLocalCloud(cloud);
      if (!connection) throw new Error("the local cloud is down");
      return connection.resources({ clear: true });
    },
  });
  let stopping: Promise<void> | undefined;
  const stop = (now: boolean): Promise<void> => {
    stopping ??= (async () => {
      clearInterval(watch);
      // Whatever does not end by itself ends with this process.
      if (now) setTimeout(() => exit(1), STOP_AT_ONCE_MS).unref();
      await supervisor.stop(now);
      if (held.holds()) rmSync(files.server, { force: true });
      await api.close();
      held.release();
    })();
    return stopping;
  };
  const version = codeVersion("live");
  const api = buildApi({ version, supervisor, stop: (now) => void stop(now).finally(() => exit(0)) });
  // nobody could stop a daemon whose directory was deleted under it
  const watch = setInterval(() => {
    if (!held.holds()) void stop(true).finally(() => exit(0));
  }, WATCH_MS).unref();
  const url = await api.listen({ host: "127.0.0.1", port: 0 });
  const server: ServerFile = { pid: process.pid, url, version };
  await writeFileAtomic(files.server, `${JSON.stringify(server)}\n`, { fsync: false });
  return { url, stop };
}
