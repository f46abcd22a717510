import type { DatabaseAddress } from "../../agent/postgres/connection";
import { ExitCode, UserError } from "../../model/errors";
import { connectLive } from "../../sandbox/live/client";
import { appliedRegions } from "../../sandbox/live/cluster/applied";
import { liveDirectory } from "../local/live";
import type { Session } from "../stacks/session";

/**
 * The database of a region of the local fleet, which this process reaches.
 *
 * @throws UserError (StackMissing) where it does not run
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

/** @param what the local fleet, or a region of it */
export const notRunning = (what: string): UserError =>
  new UserError(`${what} does not run: \`up --local --live\` starts it`, ExitCode.StackMissing);
