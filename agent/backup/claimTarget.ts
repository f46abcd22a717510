import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { chmod, lstat, mkdir, open, opendir, realpath, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import type { ArchiveEntry } from "./claimArchive";
import { PASSING_NAME } from "./claimPath";

/** The claim into which an archive is restored. No path is ever resolved through a symbolic link in the claim. */
export class ClaimTarget {
  private constructor(private readonly root: string) {}

  /** @throws AgentError (BadInput) if the folder does not exist */
  static async at(folder: string): Promise<ClaimTarget> {
    try {
      return new ClaimTarget(await realpath(folder));
    } catch (error) {
      throw new AgentError(
        `cannot open the PersistentVolumeClaim mounted at ${folder}: ${(error as Error).message}`,
        ExitCode.BadInput,
      );
    }
  }

  /**
   * Checks an entry against the claim before anything is written.
   *
   * @returns true if the claim's file has the same content as the entry; compared only for files that changed after
   *   `since`
   * @throws AgentError (Refused) if a file in the claim blocks the entry's path, or only one of the two is a folder
   */
  async inspect(entry: ArchiveEntry, since: Date): Promise<boolean> {
    if (entry.path.length === 0) return false;
    for (let depth = 1; depth < entry.path.length; depth++) {
      const above = await this.look(entry.path.slice(0, depth));
      if (!above) return false;
      if (!above.isDirectory()) throw inTheWay(entry.path.slice(0, depth), "is not a folder");
    }
    const present = await this.look(entry.path);
    if (!present) return false;
    if (present.isDirectory() !== (entry.type === "directory"))
      throw inTheWay(entry.path, present.isDirectory() ? "is a folder" : "is not a folder");
    if (entry.type !== "file" || !present.isFile() || present.mtime <= since) return false;
    const [ours, theirs] = [
      await digest(createReadStream(join(this.root, ...entry.path))),
      await digest(entry.content),
    ];
    return ours === theirs;
  }

  /** Yields the paths of files that changed after `since`, except the given ones. */
  async *changedAfter(since: Date, except: ReadonlySet<string>, below: readonly string[] = []): AsyncGenerator<string> {
    for await (const { name } of await opendir(join(this.root, ...below))) {
      const path = [...below, name];
      const facts = await this.look(path);
      if (facts?.isDirectory()) yield* this.changedAfter(since, except, path);
      else if (facts?.isFile() && facts.mtime > since && name !== PASSING_NAME && !except.has(path.join("/")))
        yield path.join("/");
    }
  }

  /**
   * Writes entries into the claim, each file atomically. Other files stay.
   *
   * @returns the number of files written
   */
  async write(entries: AsyncIterable<ArchiveEntry>): Promise<number> {
    let files = 0;
    const later: Pick<ArchiveEntry, "path" | "mode" | "target" | "type">[] = [];
    for await (const entry of entries) {
      await this.makeFolder(entry.type === "directory" ? entry.path : entry.path.slice(0, -1));
      if (entry.type === "file") {
        await this.writeFile(entry);
        files++;
      } else later.push(entry);
    }
    // Create links last, when no remaining path could lead through them. Set folder permissions last, when nothing more
    // is written into them.
    for (const { path, target } of later.filter(({ type }) => type === "symlink")) await this.writeLink(path, target);
    for (const { path, mode } of later.filter(({ type }) => type === "directory").reverse())
      if (path.length > 0) await chmod(join(this.root, ...path), mode);
    return files;
  }

  private async writeFile({ path, content, mode, mtime }: ArchiveEntry): Promise<void> {
    const passing = await this.passing(path);
    const file = await open(passing, "wx", 0o600);
    try {
      for await (const chunk of content) await file.writeFile(chunk);
      await file.chmod(mode);
      await file.utimes(mtime, mtime);
      await file.close();
      await rename(passing, join(this.root, ...path));
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(passing, { force: true });
      throw error;
    }
  }

  private async writeLink(path: readonly string[], target: string): Promise<void> {
    const passing = await this.passing(path);
    await symlink(target, passing);
    await rename(passing, join(this.root, ...path));
  }

  private async passing(path: readonly string[]): Promise<string> {
    const place = join(this.root, ...path.slice(0, -1), PASSING_NAME);
    await rm(place, { force: true });
    return place;
  }

  private async makeFolder(path: readonly string[]): Promise<void> {
    for (let depth = 1; depth <= path.length; depth++) {
      const part = path.slice(0, depth);
      const present = await this.look(part);
      if (!present) await mkdir(join(this.root, ...part));
      else if (!present.isDirectory()) throw inTheWay(part, "is not a folder");
    }
  }

  private look(path: readonly string[]): Promise<Stats | undefined> {
    return lstat(join(this.root, ...path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw error;
    });
  }
}

function inTheWay(path: readonly string[], what: string): AgentError {
  return new AgentError(
    `${path.join("/")} in the PersistentVolumeClaim ${what}, unlike in the backup: move it away first`,
    ExitCode.Refused,
  );
}

async function digest(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of source) hash.update(chunk);
  return hash.digest("hex");
}
