import { compose, type FlowFile, NotAFlow, readFlowFile } from "../flows/flowFile";
import { FIELDS } from "../flows/version";
import type { Commit } from "../git/history";
import type { Parts } from "./parts";
import { type FileAt, type Tree, topOf } from "./tree";

type Of = Pick<Parts, "repository" | "reader">;

/**
 * Pending commits as they follow what people pushed meanwhile: of a flow whose file people changed, each version has the fields
 * that people changed as theirs are, and is where they put the file. A flow that people deleted, and other files that they
 * changed, are left out.
 *
 * @param commits in order
 * @param before the files that the commits were made on
 * @param after the files that people made of them
 * @returns `displaced` are flows that have no file, since people put another one where it was to be; with the file that was there, if
 *   it was theirs
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
  /** Of which flow a path is, as the commits go on. */
  const ids = new Map([...was].map(([id, { path }]) => [path, id]));
  const isInItsFolder = (id: string, { path }: FileAt) => topOf({ path }) === topOf(was.get(id));
  const is = await flowsIn(parts, after, isMeant, isInItsFolder, new Map(ids));
  /** Where each flow's file is. */
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

/** A version of a flow with what people changed in it. @returns its blob; undefined: one of the files is no flow */
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
 * @param isOwn whether a file is its flow's own, where another folder has a copy of it
 * @param recorded the flow that was at a path
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
