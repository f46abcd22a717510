/** How tools are got and kept: given by the CLI, which keeps the Pulumi engine in the same way. */
export interface Installer {
  /** Folder outside any checkout; each tool has one of its own in it. */
  readonly cache: string;
  /** Runs `work` while no other process fills the cache. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Runs a command to its end; its stdout. Its progress is passed on line by line. */
  run(command: string, args: readonly string[], onLine?: (line: string) => void): Promise<string>;
  /** Shown to the user while it takes time. */
  report(message: string): void;
}

/** The tools of the live fleet on this machine. */
export interface Tools {
  /** Folder of `python`, `langflow` and `moto_server`. */
  readonly pythonBin: string;
  /** Folder of `postgres`, `initdb` and `pg_dump`. */
  readonly postgresBin: string;
  /** The version that answers `postgres --version`, for example 15.18. */
  readonly postgresVersion: string;
  /** File of SQL that a region's new database starts from; absent: it starts empty. */
  readonly migratedDatabase?: string;
}

/** The programs that watch a region, by their paths. */
export interface Observers {
  readonly prometheus: string;
  readonly alertmanager: string;
  readonly blackboxExporter: string;
  readonly collector: string;
}
