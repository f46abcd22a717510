import { compose, type FlowFile, NotAFlow, readFlowFile } from "../../formats/flows/flowFile";
import { FIELDS } from "../../formats/flows/version";
import type { Commit } from "../git/history";
import type { Parts } from "./parts";
import { type FileAt, type Tree, topOf } from "./tree";

type Of = Pick<Parts, "repository" | "reader">;

/**
 * Replays pending commits on top of what people have pushed meanwhile. If people changed a flow's file, each version of
 * the flow gets the fields that they changed, and the path that they chose. Flows that people deleted, and other files
 * that they changed, are omitted.
 *
 * @param commits oldest first
 * @param before the files on which the commits are based
 * @param after the files after people's changes
 * @returns `displaced`: flows without a file, because people put a different file at the flow's path; with the flow's
 *   earlier file if it was at that path
 */
export async function onTopOf(
  parts: Of,
  commits: readonly Commit[],
  before: Tree,
  after: Tree,
): Promise<{ commits: readonly Commit[]; displaced: ReadonlyMap<string, FileAt | undefined> }> {
  const displaced = new Map<string, FileAt | undefined>();
  const isChanged = (path: string) => before.blobs.get(path) !== after.blobs.get(path);
  const paths = new Set(commits.flatMap(({ files }) => [...files.keys()]));
  const isMeant = ({ path }: FileAt) => paths.has(path) || isChanged(path);
  const was = await flowsIn(parts, before, isMeant, (_, { path }) => paths.has(path));
  /** The flow at each path, updated with each commit. */
  const ids = new Map([...was].map(([id, { path }]) => [path, id]));
  const isInItsFolder = (id: string, { path }: FileAt) => topOf({ path }) === topOf(was.get(id));
  const is = await flowsIn(parts, after, isMeant, isInItsFolder, new Map(ids));
  /** The current file of each flow, updated with each commit. */
  const at = new Map(is);
  const again: Commit[] = [];
  for (const commit of commits) {
    const written = [...commit.files].flatMap(([path, blob]) => (blob === undefined ? [] : [{ path, blob }]));
    const { byId } = await parts.reader.flows({ flows: written.filter(isFlow), problems: [] });
    for (const [id, { path }] of byId) ids.set(path, id);
    const files = new Map<string, string | undefined>();
    let { message } = commit;
    for (const [path, blob] of commit.files) {
      const id = ids.get(path);
      const [old, theirs] = [was.get(id ?? ""), is.get(id ?? "")];
      if (id === undefined || isSame(old, theirs)) {
        if (!isChanged(path)) files.set(path, blob);
        else if (id !== undefined && blob !== undefined) displaced.set(id, undefined);
        continue;
      }
      if (old && !theirs && after.blobs.has(old.path)) displaced.set(id, old);
      if (!old || !theirs || blob === undefined) continue;
      const now = at.get(id) ?? theirs;
      const version = await merged(parts, old, theirs, blob);
      const to = old.path === theirs.path ? path : now.path;
      if (to !== now.path && isChanged(to)) displaced.set(id, undefined);
      if (version === undefined || displaced.has(id) || (to === now.path && version === now.blob)) continue;
      if (to !== now.path) files.set(now.path, undefined);
      files.set(to, version);
      at.set(id, { path: to, blob: version });
      message = message.replaceAll(`Flow-Blob: ${id} ${blob}`, `Flow-Blob: ${id} ${version}`);
    }
    again.push({ ...commit, message, files });
  }
  return { commits: again, displaced };
}

/**
 * Merges people's changes into a version of a flow.
 *
 * @returns the new blob; undefined if one of the files is not a flow
 */
async function merged({ repository }: Of, old: FileAt, theirs: FileAt, blob: string): Promise<string | undefined> {
  if (old.blob === theirs.blob) return blob;
  const file = async (of: string): Promise<FlowFile> => readFlowFile(await repository.read(of));
  try {
    const [base, changed, version] = [await file(old.blob), await file(theirs.blob), await file(blob)];
    const fields = FIELDS.filter((field) => base.prints[field] !== changed.prints[field]);
    return await repository.store(compose(version, changed, fields).contents);
  } catch (error) {
    if (error instanceof NotAFlow) return undefined;
    throw error;
  }
}

/**
 * Finds the file of each flow.
 *
 * @param isOwn whether a file is the flow's own, if a different folder contains a copy
 * @param recorded the flow that was recorded at each path
 */
async function flowsIn(
  { reader }: Of,
  { folders }: Tree,
  isMeant: (file: FileAt) => boolean,
  isOwn: (id: string, file: FileAt) => boolean,
  recorded: ReadonlyMap<string, string> = new Map(),
): Promise<Map<string, FileAt>> {
  const found = new Map<string, FileAt>();
  for (const { flows } of folders.values()) {
    const meant = { flows: flows.filter(isMeant), problems: [] };
    const { byId } = await reader.flows(meant, undefined, undefined, (path) => recorded.get(path));
    for (const [id, file] of byId) if (!found.has(id) || isOwn(id, file)) found.set(id, file);
  }
  return found;
}

const isFlow = ({ path }: FileAt): boolean => path.endsWith(".json");

const isSame = (one: FileAt | undefined, other: FileAt | undefined): boolean =>
  one?.path === other?.path && one?.blob === other?.blob;
