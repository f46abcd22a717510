import { regionContents } from "../../../agent/moveIn/contents";
import { withDatabase } from "../../../agent/postgres/connection";
import type { AskedShare, Contents } from "../../../formats/moveIn/result";
import type { Project } from "../../stacks/project";
import type { Session } from "../../stacks/session";
import { type FleetOptions, withSession } from "../../stacks/withSession";
import { report } from "../../terminal/messages";
import { cloudTarget } from "../cloudTarget";
import { localDatabase } from "../localDatabase";
import { localTarget } from "../localTarget";
import { type Agreement, agreement, type ReadRegion } from "./agreement";
import { askRegion } from "./askRegion";
import { type Imported, importSource } from "./importSource";

/** Pause between two reads of a region. On the clouds, each read starts a pod. */
const PAUSE_MS = { local: 2_000, cloud: 20_000 };
/** Timeout of one read: by the database, or by a pod that may have to wait for a node. */
const ANSWER_MS = { local: 120_000, cloud: 900_000 };

/** Options of an import from the command line. */
export interface ImportRequest extends FleetOptions {
  readonly from: string;
  readonly config?: string;
  readonly region: string;
  readonly withoutSecrets: boolean;
  readonly damaged: boolean;
  /** Seconds to wait until the other regions hold the same data. 0 skips the comparison. */
  readonly wait: number;
}

export interface ImportedIntoFleet extends Imported {
  /** Absent if the comparison was skipped. */
  readonly agreement?: Agreement;
}

/**
 * Runs an import from the command line into a region of the local fleet or on the clouds. Then compares the other
 * regions with it.
 *
 * @throws UserError like {@link importSource}
 */
export function importIntoRegion(options: ImportRequest): Promise<ImportedIntoFleet> {
  const { from, config, region, withoutSecrets, damaged, local, wait, signal } = options;
  return withSession(options, { localCloud: "require", changes: false }, async ({ session, project }) => {
    const target = local ? await localTarget(region, session, project) : await cloudTarget(region, session, project);
    const asked = { from, config, withoutSecrets, damaged, environment: process.env, signal, report, target };
    const imported = await importSource(asked).finally(target.close);
    if (wait === 0) return imported;
    const readable = (name: string) =>
      local ? localRegion(name, session) : cloudRegion(name, session, project, signal);
    const others = [...project.stacks].flatMap(([name, { kind }]) =>
      kind === "region" && name !== region ? [name] : [],
    );
    const compared = await agreement({
      into: readable(region),
      others: others.map(readable),
      pauseMs: local ? PAUSE_MS.local : PAUSE_MS.cloud,
      patienceMs: wait * 1_000,
      answerMs: local ? ANSWER_MS.local : ANSWER_MS.cloud,
      report,
      signal,
    });
    return { ...imported, agreement: compared };
  });
}

const localRegion = (region: string, session: Session): ReadRegion => ({
  region,
  read: async (asked) => {
    const database = await localDatabase(region, session);
    return withDatabase(database, (client) => regionContents(client, asked), ANSWER_MS.local);
  },
});

const cloudRegion = (region: string, session: Session, project: Project, signal: AbortSignal): ReadRegion => ({
  region,
  read: async (asked: readonly AskedShare[]) => {
    const target = await cloudTarget(region, session, project);
    const question = { stage: "contents", asked } as const;
    return askRegion<Contents>(target, question, () => undefined, signal).finally(target.close);
  },
});
