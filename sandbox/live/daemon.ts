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

/** How often the daemon checks that it still holds its directory's lock. */
const WATCH_MS = 2_000;
const STOP_AT_ONCE_MS = 30_000;

/**
 * Supervises the live fleet of a directory.
 *
 * @param cloud directory of the local cloud whose applied objects decide what runs
 * @param exit ends the process
 * @throws Held if a different process serves the directory
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
      // Connects again each time, because `up` may replace a local cloud that runs different code, at a different
      // address.
      const connection = await connectLocalCloud(cloud);
      if (!connection) throw new Error("the local cloud is not running");
      return connection.resources({ clear: true });
    },
  });
  let stopping: Promise<void> | undefined;
  const stop = (now: boolean): Promise<void> => {
    stopping ??= (async () => {
      clearInterval(watch);
      // Processes that have not stopped by then end together with this process.
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
  // Clients could no longer stop a daemon whose directory was deleted, so that daemon stops itself.
  const watch = setInterval(() => {
    if (!held.holds()) void stop(true).finally(() => exit(0));
  }, WATCH_MS).unref();
  const url = await api.listen({ host: "127.0.0.1", port: 0 });
  const server: ServerFile = { pid: process.pid, url, version };
  await writeFileAtomic(files.server, `${JSON.stringify(server)}\n`, { fsync: false });
  return { url, stop };
}
