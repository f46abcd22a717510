import { BACKUP_PREFIX, STORAGE_PREFIX } from "../../formats/bucketKeys";
import type { Backend, Restorable } from "./backend";
import { LangFlow } from "./langflow";
import { type Markers, markedAt } from "./markers";
import { lossOf } from "./measure";
import type { OrdinaryUser } from "./ordinaryUser";
import type { Check, Loss } from "./report";
import type { Acknowledged } from "./visitors/uploads";
import type { WaitingRun } from "./waitingRun";

export interface Survivor {
  readonly backend: Backend;
  readonly markers: Markers;
  /** User with a session and an API key from the failed region. */
  readonly user: OrdinaryUser;
  readonly region: string;
  readonly survivor: string;
  /** The user's run that waits for an approval; undefined if no region can resume it during the fault. */
  readonly waiting: WaitingRun | undefined;
}

interface Given extends Survivor {
  readonly faultAt: number;
  /** State to which the database could have been restored at the time of the fault. */
  readonly restorable: Restorable;
  /** Uploads for which visitors received an acknowledgement. */
  readonly acknowledged: readonly Acknowledged[];
}

/** Measures how much of the drilled region's markers and uploads the survivor holds. */
export async function lossesIn({
  backend,
  markers,
  survivor,
  user,
  faultAt,
  restorable,
  acknowledged,
}: Given): Promise<Loss[]> {
  const langflow = new LangFlow(await backend.reach(survivor), { "x-api-key": user.apiKey });
  // If the user's API key did not survive, neither did the flows that she reads with it.
  const flows = await langflow.flows().catch(() => []);
  const flow = flows.find(({ id }) => id === markers.flowId);
  const arrived = await uploadsIn(survivor, backend, markers);
  const uploaded = acknowledged.filter(({ at }) => at < faultAt);
  const kept = await heldBy(survivor, backend, uploaded);
  const lost = uploaded.filter((each) => !kept.includes(each));
  const of = (store: Loss["store"], at: number | undefined, said: string): Loss => {
    const seconds = lossOf(faultAt, at);
    return { store, said, ...(seconds !== undefined && { seconds }) };
  };
  const { edits, uploads } = markers;
  return [
    of("flows", markedAt(flow?.description), `the newest of ${edits.length} edits in ${survivor}, one per second`),
    of(
      "files",
      arrived.at(-1)?.at,
      `the newest of ${uploads.length} uploads in ${survivor}'s bucket, one every five seconds`,
    ),
    {
      store: "uploads",
      seconds: Math.max(0, ...lost.map(({ at }) => (faultAt - at) / 1000)),
      said: `${kept.length} of ${uploaded.length} acknowledged uploads of 256 KB in ${survivor}'s bucket`,
    },
    of("database", restorable.at, restorable.said),
  ];
}

const uploadsIn = (survivor: string, backend: Backend, { uploads }: Markers) => heldBy(survivor, backend, uploads);

async function heldBy<File extends { readonly path: string }>(
  survivor: string,
  backend: Backend,
  files: readonly File[],
): Promise<File[]> {
  const keys = await backend.keys(survivor, `${STORAGE_PREFIX}/`);
  return files.filter(({ path }) => keys.has(`${STORAGE_PREFIX}/${path}`));
}

/** Checks that replication was paused: files were uploaded since then, and none of them is in the survivor's bucket. */
export async function heldBack({ backend, markers, survivor }: Survivor, since: number): Promise<Check> {
  return check(`files uploaded during the fault are not yet replicated to ${survivor}`, async () => {
    const meanwhile = markers.uploads.filter(({ at }) => at > since);
    const copied = (await uploadsIn(survivor, backend, markers)).filter(({ at }) => at > since);
    const said = `${meanwhile.length - copied.length} of ${meanwhile.length} are not replicated`;
    if (meanwhile.length === 0 || copied.length > 0) throw new Error(said);
    return said;
  });
}

/** Checks that flows replicated while the Git host was down: the survivor has an edit made since then. */
export async function convergedWithoutGit(
  { backend, markers, user, survivor }: Survivor,
  since: number,
): Promise<Check> {
  return check(`an edit made while the Git host was down is in ${survivor}`, async () => {
    const langflow = new LangFlow(await backend.reach(survivor), { "x-api-key": user.apiKey });
    const flow = (await langflow.flows()).find(({ id }) => id === markers.flowId);
    const newest = markedAt(flow?.description) ?? 0;
    const meanwhile = markers.edits.filter((at) => at > since);
    const said = `${meanwhile.filter((at) => at <= newest).length} of ${meanwhile.length} edits`;
    if (newest <= since) throw new Error(said);
    return said;
  });
}

/** Checks through the public name what a user expects of the region to which she was steered. */
export async function survivorChecks({
  backend,
  markers,
  user,
  region,
  survivor,
  waiting,
}: Survivor): Promise<Check[]> {
  const from = { ...backend.from(region), ...backend.accessHeaders };
  const as = (headers: Record<string, string>) => new LangFlow(backend.publicUrl, { ...from, ...headers });
  const hers = as({ "x-api-key": user.apiKey });
  const session = as({ authorization: `Bearer ${user.token}` });
  const isShe = async (langflow: LangFlow): Promise<string> => {
    const { id } = await langflow.whoami();
    if (id !== user.id) throw new Error("the user's id differs in this region");
    return `as the same user ${id}`;
  };
  return Promise.all([
    check("the user's flow exists, with an edit that the drill made", async () => {
      const flow = (await hers.flows()).find(({ id }) => id === markers.flowId);
      const at = markedAt(flow?.description);
      if (at === undefined) throw new Error("the flow is missing, or has none of the drill's edits");
      return `edited at ${new Date(at).toISOString()}`;
    }),
    check("the user's flow runs", async () => {
      const said = await hers.run(markers.flowId, "drill");
      if (!said.includes("drill"))
        throw new Error(`the flow's answer lacks the drill's input: ${JSON.stringify(said.slice(0, 100))}`);
      return `it answered ${JSON.stringify(said.slice(0, 100))}`;
    }),
    check("the user's API key is accepted", () => isShe(hers)),
    check(`the user's session from ${region} is accepted`, () => isShe(session)),
    check("the user can sign in again with the password", async () => {
      const token = await LangFlow.login(backend.publicUrl, user.username, user.password, from);
      return isShe(as({ authorization: `Bearer ${token}` }));
    }),
    check("the user's credential exists", async () => {
      const variable = (await session.variables()).find(({ name }) => name === user.variable);
      if (!variable) throw new Error("the variable is missing");
      return `${variable.name}, ${variable.type}`;
    }),
    check("the user's chat history exists", async () => {
      const messages = await hers.messages(markers.flowId);
      if (!messages.includes(markers.message))
        throw new Error(`the earlier message is not among ${messages.length} messages`);
      return `${messages.length} messages, including the earlier one`;
    }),
    ...(waiting ? [approved(waiting, hers)] : []),
    check("the user's project opens at its address", () => hers.projectName(markers.projectId)),
    check("the user's public link opens", async () => `${await as({}).publicName(markers.flowId)}, without signing in`),
    check("an MCP client finds the user's tool", async () => {
      const tools = await hers.tools(markers.projectId);
      if (!tools.includes(markers.tool))
        throw new Error(`the project's MCP server lists ${tools.join(", ") || "no tools"}, not ${markers.tool}`);
      return tools.join(", ");
    }),
    check("the shared API key is accepted", async () => {
      const { id } = await as({ "x-api-key": backend.apiKey }).whoami();
      return `as user ${id}`;
    }),
    check(`a file uploaded to ${region} is in ${survivor}'s bucket`, async () => {
      const found = await uploadsIn(survivor, backend, markers);
      if (found.length === 0) throw new Error(`none of ${markers.uploads.length} files has arrived`);
      return `${found.length} of ${markers.uploads.length}`;
    }),
  ]);
}

/** Approves the user's waiting run. */
export const approved = (waiting: WaitingRun, langflow: LangFlow): Promise<Check> =>
  check("the user's waiting run completes once it is approved", () => waiting.approve(langflow));

async function check(name: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { name, passed: true, said: await look() };
  } catch (error) {
    return { name, passed: false, said: (error as Error).message };
  }
}

/** Parses a backup's id, which is its time. Returns milliseconds since 1970. */
export function backupTime(id: string): number {
  return Date.parse(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/, "$1-$2-$3T$4:$5:$6.$7Z"));
}

/**
 * Returns the time of a region's newest complete backup, in milliseconds since 1970. A backup is complete once it has a
 * manifest. Its id is its time.
 */
export function newestBackup(keys: readonly string[], region: string): number | undefined {
  const ids = keys.flatMap(
    (key) => new RegExp(`^${BACKUP_PREFIX}/${region}/(\\d{8}T\\d{9}Z)/manifest\\.json$`).exec(key)?.[1] ?? [],
  );
  const times = ids.map(backupTime);
  return times.length === 0 ? undefined : Math.max(...times);
}
