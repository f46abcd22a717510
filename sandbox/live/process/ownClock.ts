import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Folder of the module that Python processes load first. */
const SITE = join(__dirname, "python");

/**
 * A separate clock for the processes of a region, by libfaketime: a preloaded library that overrides libc's time
 * functions and reads the clock's offset from a file (libfaketime's README, "Using libfaketime"). Only the time of day
 * changes; the monotonic clock does not.
 */
export class OwnClock {
  /**
   * @param library path of libfaketime, in its variant for programs with several threads
   * @param file from which it reads the offset
   */
  constructor(
    private readonly library: string,
    private readonly file: string,
  ) {
    mkdirSync(dirname(file), { recursive: true });
    this.set(0);
  }

  /** Environment of processes that use the clock. */
  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: this.library,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
      PYTHONPATH: SITE,
      // The folder is part of the repository, so Python must not write to it.
      PYTHONDONTWRITEBYTECODE: "1",
    };
  }

  /** Sets how far the clock is ahead; it takes effect within a second. */
  set(aheadSeconds: number): void {
    // Replaces the file atomically, so that readers never see a partial value.
    writeFileSync(`${this.file}.partial`, `+${aheadSeconds}\n`);
    renameSync(`${this.file}.partial`, this.file);
  }
}
