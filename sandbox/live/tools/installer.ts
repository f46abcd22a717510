/** Access to the tool cache. The CLI provides the implementation and also caches the Pulumi engine with it. */
export interface Installer {
  /** Cache folder outside any checkout, with a separate folder for each tool. */
  readonly cache: string;
  /** Runs `work` while no other process modifies the cache. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Runs a command to its end and returns its stdout. Passes its progress on line by line. */
  run(command: string, args: readonly string[], onLine?: (line: string) => void): Promise<string>;
  /** Shows progress to the user. */
  report(message: string): void;
}

/** Paths and versions of the live fleet's tools on this machine. */
export interface Tools {
  /** Folder of `python`, `langflow` and `moto_server`. */
  readonly pythonBin: string;
  /** Folder of `postgres`, `initdb` and `pg_dump`. */
  readonly postgresBin: string;
  /** Version that `postgres --version` reports, for example 15.18. */
  readonly postgresVersion: string;
  /** SQL file that initializes a region's new database. Absent: the database starts empty. */
  readonly migratedDatabase?: string;
}

/** Paths of the programs that monitor a region. */
export interface Observers {
  readonly prometheus: string;
  readonly alertmanager: string;
  readonly blackboxExporter: string;
  readonly collector: string;
}
