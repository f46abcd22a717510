import { ExitCode, UserError } from "../../model/errors";
import { STORAGE_PREFIX } from "../../model/langflow";
import { connectLive } from "../../sandbox/live/client";
import { appliedRegions } from "../../sandbox/live/cluster/applied";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { stackOutputs } from "../drill/stackOutputs";
import { installerWith } from "../local/installer";
import { liveDirectory } from "../local/live";
import { localS3 } from "../local/localS3";
import type { Project } from "../stacks/project";
import type { Session } from "../stacks/session";
import { bucketUploads } from "./importing/bucketUploads";
import type { Target } from "./importing/importSource";
import { pythonMigrations } from "./importing/pythonMigrations";

/**
 * A region of the local fleet, whose database and bucket this process reaches.
 *
 * @throws UserError (BadInput) for a region that is none, (StackMissing) where it does not run
 */
export async function localTarget(
  region: string,
  session: Session,
  project: Project,
  report: (message: string) => void,
): Promise<Target> {
  const regions = [...project.stacks].flatMap(([name, { kind }]) => (kind === "region" ? [name] : []));
  if (!regions.includes(region))
    throw new UserError(`there is no region ${region}; there are ${regions.join(", ")}`, ExitCode.BadInput);
  const live = await connectLive(liveDirectory(session.options.directory));
  const status = await live?.status();
  const address = status?.regions.find((each) => each.region === region)?.database;
  const resources = (await session.cloud?.resources({ clear: true })) ?? [];
  const applied = appliedRegions(resources).find((each) => each.region === region);
  const [database] = applied?.databases ?? [];
  if (!status || address === undefined || !applied || !database)
    throw new UserError(`${region} does not run: \`up --local --live\` starts it`, ExitCode.StackMissing);
  const { foundation } = await stackOutputs(session, project);
  const told: Record<string, string> = Object.assign({}, ...applied.configMaps.values(), ...applied.secrets.values());
  const { pythonBin } = await ensureTools(installerWith(report, session.options.signal));
  const { hostname, port } = new URL(address);
  return {
    region,
    database: {
      host: hostname,
      port: Number(port),
      user: database.user,
      password: database.password,
      database: database.name,
      sslMode: "disable",
      sslRootCertificate: undefined,
    },
    secretKey: told.LANGFLOW_SECRET_KEY ?? "",
    superuser: told.LANGFLOW_SUPERUSER ?? "",
    migrations: pythonMigrations(pythonBin),
    uploads: bucketUploads(localS3(status), foundation.regions[region]?.bucketName ?? ""),
    filesPrefix: STORAGE_PREFIX,
  };
}
