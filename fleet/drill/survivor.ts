import { BACKUP_PREFIX } from "../../model/agent";
import { STORAGE_PREFIX } from "../../model/langflow";
import type { Backend } from "./backend";
import { LangFlow } from "./langflow";
import { type Markers, markedAt } from "./markers";
import { lossOf } from "./measure";
import type { Check, Loss } from "./report";

export interface Survivor {
  readonly backend: Backend;
  readonly markers: Markers;
  /** A session that was opened in the region that is gone. */
  readonly token: string;
  /** Through the public name, from the lost region's side, with the shared key. */
  readonly front: LangFlow;
  readonly region: string;
  readonly survivor: string;
}

/** What of the drilled region's markers the survivor holds. */
export async function lossesIn({
  backend,
  markers,
  region,
  survivor,
  faultAt,
}: Pick<Survivor, "backend" | "markers" | "region" | "survivor"> & { readonly faultAt: number }): Promise<Loss[]> {
  const there = new LangFlow(await backend.reach(survivor), { "x-api-key": backend.apiKey });
  const flow = (await there.flows()).find(({ id }) => id === markers.flowId);
  const arrived = await uploadsIn(survivor, backend, markers);
  const backups = [...(await backend.keys(survivor, `${BACKUP_PREFIX}/`)).keys()];
  const of = (store: Loss["store"], at: number | undefined, said: string): Loss => {
    const seconds = lossOf(faultAt, at);
    return { store, said, ...(seconds !== undefined && { seconds }) };
  };
  const { edits, uploads } = markers;
  return [
    of(
      "flows",
      markedAt(flow?.description),
      `the newest of ${edits.length} edits, a second apart, that ${survivor} holds`,
    ),
    of(
      "files",
      arrived.at(-1)?.at,
      `the newest of ${uploads.length} uploads, five seconds apart, in ${survivor}'s bucket`,
    ),
    of("database", newestBackup(backups, region), `the newest backup of ${region} in ${survivor}'s bucket`),
  ];
}

async function uploadsIn(survivor: string, backend: Backend, { uploads }: Markers) {
  const keys = [...(await backend.keys(survivor, `${STORAGE_PREFIX}/`)).keys()];
  return uploads.filter(({ path }) => keys.includes(`${STORAGE_PREFIX}/${path}`));
}

/** What users expect of the region they were steered to, each looked at through the public name. */
export async function survivorChecks(given: Survivor): Promise<Check[]> {
  const { backend, markers, token, front, region, survivor } = given;
  const session = new LangFlow(backend.publicUrl, { ...backend.from(region), authorization: `Bearer ${token}` });
  return Promise.all([
    check("the flow is there, with an edit of its last minute", async () => {
      const flow = (await front.flows()).find(({ id }) => id === markers.flowId);
      const at = markedAt(flow?.description);
      if (at === undefined) throw new Error("there is no such flow, or it bears no marker");
      return `edited at ${new Date(at).toISOString()}`;
    }),
    check("the flow runs", async () => {
      const said = await front.run(markers.flowId, "drill");
      if (!said.includes("drill")) throw new Error(`it answered ${JSON.stringify(said.slice(0, 100))}`);
      return `it answered ${JSON.stringify(said.slice(0, 100))}`;
    }),
    check("the shared API key is accepted", async () => `as user ${(await front.whoami()).id}`),
    check(`a session from ${region} is accepted`, async () => {
      const [mine, theirs] = [await session.whoami(), await front.whoami()];
      if (mine.id !== theirs.id) throw new Error("it is another user's here");
      return `as the same user ${mine.id}`;
    }),
    check(`a file uploaded to ${region} is in ${survivor}'s bucket`, async () => {
      const found = await uploadsIn(survivor, backend, markers);
      if (found.length === 0) throw new Error(`none of ${markers.uploads.length} is`);
      return `${found.length} of ${markers.uploads.length}`;
    }),
  ]);
}

async function check(name: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { name, passed: true, said: await look() };
  } catch (error) {
    return { name, passed: false, said: (error as Error).message };
  }
}

/**
 * When a region's newest whole backup was made, in milliseconds since 1970: an id is its time, and a backup is whole once it
 * has a manifest.
 */
export function newestBackup(keys: readonly string[], region: string): number | undefined {
  const ids = keys.flatMap(
    (key) => new RegExp(`^${BACKUP_PREFIX}/${region}/(\\d{8}T\\d{9}Z)/manifest\\.json$`).exec(key)?.[1] ?? [],
  );
  const times = ids.map((id) =>
    Date.parse(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/, "$1-$2-$3T$4:$5:$6.$7Z")),
  );
  return times.length === 0 ? undefined : Math.max(...times);
}
