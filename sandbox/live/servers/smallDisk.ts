import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { isRunning } from "../../directory";

const run = promisify(execFile);

/**
 * Size of the disk beyond twice the size of its folder, in MiB, so that the database can work until the disk is filled.
 */
const SPARE_MIB = 256;
/** Folders of Debian's administration programs. */
const SBIN = "/usr/local/sbin:/usr/sbin:/sbin";

/**
 * Script that mounts the disk and runs a command. Arguments: the disk, the mount point, whether the disk stays full,
 * and the command.
 */
const MOUNTED = `mount -o loop "$1" "$2" || exit
[ "$3" = full ] || rm -f "$2/ballast"
shift 3
exec "$@"`;

/**
 * Script that fills the disk: most of it at once, and the last blocks in ever smaller pieces, because an allocation
 * that does not fit fails as a whole. Argument: the mount point. A process has its own mount namespace before its disk
 * is mounted (unshare(1)); without the check, the script would fill the machine's disk.
 */
export const FILL = `mountpoint -q "$1" || { echo "not mounted yet" >&2; exit 1; }
free() { df --output=avail --block-size="$1" "$2" | tail -n 1; }
mib=$(free 1M "$1")
[ "$mib" -le 8 ] || fallocate --length "$((mib - 8))M" "$1/ballast" || exit
for size in 128k 4k 4k 4k; do
  dd if=/dev/zero of="$1/ballast" bs=$size oflag=append conv=notrunc status=none 2>/dev/null
  sync --file-system "$1"
done
left=$(free 1K "$1")
[ "$left" -le 16 ] || { echo "$left KiB are left" >&2; exit 1; }`;

/** Script that frees the disk. Argument: the mount point. */
const FREE = `mountpoint -q "$1" && rm -f "$1/ballast"`;
const FREE_TRIES = 50;
const FREE_MS = 100;

/** Requirements of a small disk, for error messages. */
const NEEDED = "root's right to mount, and mkfs.ext4 (Debian's package e2fsprogs)";

/**
 * A file system of limited size for a folder: an ext4 image in a file, whatever space the machine's own disk has left.
 * It is mounted in a mount namespace of the processes that use it and disappears with the last of them, however they
 * end (mount_namespaces(7)). Written data stays in the file.
 */
export class SmallDisk {
  /** Whether the disk is filled until it is freed. */
  isFull = false;
  private readonly file: string;
  private readonly mountPoint: string;

  /** @param folder of the image file and the mount point; other users do not need access to it */
  constructor(folder: string) {
    this.file = join(folder, "disk.ext4");
    this.mountPoint = join(folder, "disk");
  }

  /** Whether a folder is on the disk. */
  get isUsed(): boolean {
    return existsSync(this.file);
  }

  /** Returns the path of a folder on the disk, for a command that runs {@link with} the disk. */
  pathOf(folder: string): string {
    return join(this.mountPoint, basename(folder));
  }

  /** Returns the command, with the disk mounted for it and its descendants. */
  with(command: readonly string[], file = this.file): string[] {
    const state = this.isFull ? "full" : "free";
    return ["unshare", "--mount", "--", "/bin/sh", "-c", MOUNTED, "sh", file, this.mountPoint, state, ...command];
  }

  /**
   * Copies a folder, which no process may write to, to a new disk. The original stays where it is and becomes outdated.
   *
   * @throws Error with the requirements if this machine does not support it
   */
  async take(folder: string): Promise<void> {
    const partial = `${this.file}.partial`;
    rmSync(partial, { force: true });
    mkdirSync(this.mountPoint, { recursive: true });
    try {
      const used = Number.parseInt(await said(["du", "--summarize", "--block-size=1M", folder]), 10);
      await said(["truncate", `--size=${2 * used + SPARE_MIB}M`, partial]);
      // No blocks are reserved for root. A journal would only help a machine that loses power.
      await said(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", partial]);
      await said(this.with(["cp", "--archive", folder, this.mountPoint], partial));
      renameSync(partial, this.file);
    } catch (error) {
      rmSync(partial, { force: true });
      throw new Error(
        `cannot create a separate disk for a database, which requires ${NEEDED}: ${(error as Error).message}`,
      );
    }
  }

  /**
   * Copies the folder back to its original path and deletes the disk. No process may be using the disk. Does nothing
   * without a disk.
   */
  async giveBack(folder: string): Promise<void> {
    if (!this.isUsed) return;
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    await said(this.with(["cp", "--archive", this.pathOf(folder), partial]));
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
    rmSync(this.file);
  }

  /** Fills the disk to the last block. @param pid of a process that uses it */
  async fill(pid: number): Promise<void> {
    await said([...beside(pid), "/bin/sh", "-c", FILL, "sh", this.mountPoint]);
    this.isFull = true;
  }

  /** Frees the disk: at once for the given process, and at their start for later ones. */
  async free(pid: number | undefined): Promise<void> {
    this.isFull = false;
    if (pid === undefined) return;
    for (let tries = 1; ; tries++) {
      const trouble = await said([...beside(pid), "/bin/sh", "-c", FREE, "sh", this.mountPoint]).then(
        () => undefined,
        (error: Error) => error,
      );
      // A process that ends meanwhile is restarted, and then has free space.
      if (!trouble || !isRunning(pid)) return;
      if (tries === FREE_TRIES) throw trouble;
      await sleep(FREE_MS);
    }
  }
}

/** Returns a command prefix that enters the mount namespace of a process. */
const beside = (pid: number): string[] => ["nsenter", "--mount", `--target=${pid}`, "--"];

async function said([command = "", ...args]: readonly string[]): Promise<string> {
  const environment = { PATH: `${process.env.PATH}:${SBIN}`, LC_ALL: "C" };
  return (await run(command, args, { cwd: "/", env: environment })).stdout;
}
