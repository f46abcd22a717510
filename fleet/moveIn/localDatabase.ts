import type { DatabaseAddress } from "../../agent/postgres/connection";
import { ExitCode, UserError } from "../../model/errors";
import { connectLive } from "../../sandbox/live/client";
import { appliedRegions } from "../../sandbox/live/cluster/applied";
import { liveDirectory } from "../local/live";
import type { Session } from "../stacks/session";

/**
 * Returns the address of a local region's database, which this process can reach.
 *
 * @throws UserError (StackMissing) if the region is not running
 */
export async function localDatabase(region: string, session: Session): Promise<DatabaseAddress> {
  const live = await connectLive(liveDirectory(session.options.directory));
  const status = await live?.status();
  const address = status?.regions.find((each) => each.region === region)?.database;
  const resources = (await session.cloud?.resources({ clear: true })) ?? [];
  const [database] = appliedRegions(resources).find((each) => each.region === region)?.databases ?? [];
  if (address === undefined || !database) throw notRunning(region);
  const { hostname, port } = new URL(address);
  const { user, password, name } = database;
  return {
    host: hostname,
    port: Number(port),
    user,
    password,
    database: name,
    sslMode: "disable",
    sslRootCertificate: undefined,
  };
}

/** @param what the local fleet, or one of its regions */
export const notRunning = (what: string): UserError =>
  new UserError(`${what} is not running: start it with \`up --local --live\``, ExitCode.StackMissing);
