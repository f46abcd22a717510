import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { isRunning } from "../../directory";

const run = promisify(execFile);

/** MiB that there is beside twice of what is put on it: room to work with until it is full. */
const SPARE_MIB = 256;
/** Where Debian keeps the programs of an administrator. */
const SBIN = "/usr/local/sbin:/usr/sbin:/sbin";

/** Arguments: the disk, where it is mounted, whether it stays full, and the command that is run with it. */
const MOUNTED = `mount -o loop "$1" "$2" || exit
[ "$3" = full ] || rm -f "$2/ballast"
shift 3
exec "$@"`;

/**
 * The rest of the disk at once, and the last blocks in ever smaller pieces: what does not fit whole is refused whole. Argument: where it is mounted.
 * A process has a mount namespace of its own before it has its disk (unshare(1)): until then the rest would be the machine's.
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

/** Argument: where it is mounted. */
const FREE = `mountpoint -q "$1" && rm -f "$1/ballast"`;
const FREE_TRIES = 50;
const FREE_MS = 100;

/** What it takes to have one. */
const NEEDED = "root's right to mount, and mkfs.ext4 (Debian's package e2fsprogs)";

/**
 * A file system that is no larger than it is, for a folder: a file with ext4 in it, whatever the machine's own disk has left. It is mounted in a
 * mount namespace of those who use it, and so is gone with the last of them, however that ends (mount_namespaces(7)); what they wrote stays in the file.
 */
export class SmallDisk {
  /** Nothing more goes onto it, until it is freed. */
  isFull = false;
  private readonly file: string;
  private readonly mountPoint: string;

  /** @param folder of its own file and of the place where it is mounted; no other user need reach it */
  constructor(folder: string) {
    this.file = join(folder, "disk.ext4");
    this.mountPoint = join(folder, "disk");
  }

  /** A folder was put on it, and is to be found there. */
  get isUsed(): boolean {
    return existsSync(this.file);
  }

  /** Where a folder that was put on it is, for a command {@link with} it. */
  pathOf(folder: string): string {
    return join(this.mountPoint, basename(folder));
  }

  /** The command, with the disk mounted for it and for what it starts. */
  with(command: readonly string[], file = this.file): string[] {
    const state = this.isFull ? "full" : "free";
    return ["unshare", "--mount", "--", "/bin/sh", "-c", MOUNTED, "sh", file, this.mountPoint, state, ...command];
  }

  /**
   * Puts a folder, which nobody writes to, on a new disk. The folder stays where it is, and is out of date from then on.
   *
   * @throws Error where this machine does not let it, with what it takes
   */
  async take(folder: string): Promise<void> {
    const partial = `${this.file}.partial`;
    rmSync(partial, { force: true });
    mkdirSync(this.mountPoint, { recursive: true });
    try {
      const used = Number.parseInt(await said(["du", "--summarize", "--block-size=1M", folder]), 10);
      await said(["truncate", `--size=${2 * used + SPARE_MIB}M`, partial]);
      // Nothing of it is kept back for root, and a journal would be for a machine that loses power.
      await said(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", partial]);
      await said(this.with(["cp", "--archive", folder, this.mountPoint], partial));
      renameSync(partial, this.file);
    } catch (error) {
      rmSync(partial, { force: true });
      throw new Error(`no disk of its own for a database, which takes ${NEEDED}: ${(error as Error).message}`);
    }
  }

  /** Puts the folder back where it was, and the disk away. Nobody may be using it. Harmless where there is none. */
  async giveBack(folder: string): Promise<void> {
    if (!this.isUsed) return;
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    await said(this.with(["cp", "--archive", this.pathOf(folder), partial]));
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
    rmSync(this.file);
  }

  /** Leaves not one block of it free. @param pid of a process that uses it */
  async fill(pid: number): Promise<void> {
    await said([...beside(pid), "/bin/sh", "-c", FILL, "sh", this.mountPoint]);
    this.isFull = true;
  }

  /** There is room again: for a process that uses it at once, for others when they begin to. */
  async free(pid: number | undefined): Promise<void> {
    this.isFull = false;
    if (pid === undefined) return;
    for (let tries = 1; ; tries++) {
      const trouble = await said([...beside(pid), "/bin/sh", "-c", FREE, "sh", this.mountPoint]).then(
        () => undefined,
        (error: Error) => error,
      );
      // One that ends meanwhile begins anew, and then there is room.
      if (!trouble || !isRunning(pid)) return;
      if (tries === FREE_TRIES) throw trouble;
      await sleep(FREE_MS);
    }
  }
}

/** A command that has mounted what a process has. */
const beside = (pid: number): string[] => ["nsenter", "--mount", `--target=${pid}`, "--"];

async function said([command = "", ...args]: readonly string[]): Promise<string> {
  const environment = { PATH: `${process.env.PATH}:${SBIN}`, LC_ALL: "C" };
  return (await run(command, args, { cwd: "/", env: environment })).stdout;
}
