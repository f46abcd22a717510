import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What Python's processes load first. */
const SITE = join(__dirname, "python");

/**
 * A clock of their own for the processes of a region, by libfaketime: a library that the linker puts before libc's own, and that reads from a file
 * how far it is ahead (libfaketime's README, "Using libfaketime"). Only what is the time of day is another: how long something takes is measured as ever.
 */
export class OwnClock {
  /**
   * @param library path of libfaketime, the one for programs with several threads
   * @param file where it reads how far it is ahead
   */
  constructor(
    private readonly library: string,
    private readonly file: string,
  ) {
    mkdirSync(dirname(file), { recursive: true });
    this.set(0);
  }

  /** For processes that begin with it. */
  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: this.library,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
      PYTHONPATH: SITE,
      // Its folder is the repository's own.
      PYTHONDONTWRITEBYTECODE: "1",
    };
  }

  /** Within a second. */
  set(aheadSeconds: number): void {
    // Whoever reads it finds one or the other.
    writeFileSync(`${this.file}.partial`, `+${aheadSeconds}\n`);
    renameSync(`${this.file}.partial`, this.file);
  }
}
