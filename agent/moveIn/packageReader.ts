import { AgentError, ExitCode } from "../../formats/agentErrors";
import {
  filePath,
  MANIFEST,
  manifestOf,
  type PackagedFile,
  type PackageManifest,
  requireDigest,
  unpackRows,
} from "../../formats/moveIn/package";
import type { Row, TableRows } from "../../formats/moveIn/row";
import type { MoveInBucket } from "./moveInBucket";

/** A package in a region's bucket. Each object is verified against its digest before it is used. */
export class PackageReader implements TableRows {
  private constructor(
    private readonly bucket: MoveInBucket,
    private readonly prefix: string,
    readonly manifest: PackageManifest,
  ) {}

  /**
   * @param prefix of the package's objects, without a trailing slash
   * @param sha256 of the manifest
   * @throws AgentError (Damaged) if the package has been changed or deleted
   */
  static async open(bucket: MoveInBucket, prefix: string, sha256: string): Promise<PackageReader> {
    const bytes = await whole(bucket, `${prefix}/${MANIFEST}`);
    return new PackageReader(bucket, prefix, manifestOf(bytes, sha256));
  }

  async columns(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    return new Map(this.manifest.tables.map(({ name, columns }) => [name, new Set(columns)]));
  }

  async *pages(table: string, _columns: readonly string[], rowsAtOnce: number): AsyncGenerator<readonly Row[]> {
    const { columns, parts } = this.manifest.tables.find(({ name }) => name === table) ?? { columns: [], parts: [] };
    for (const { name, sha256 } of parts) {
      const bytes = await whole(this.bucket, `${this.prefix}/${name}`);
      requireDigest(bytes, sha256, name);
      const rows = await unpackRows(bytes, columns);
      for (let at = 0; at < rows.length; at += rowsAtOnce) yield rows.slice(at, at + rowsAtOnce);
    }
  }

  /**
   * Copies a file to the key at which LangFlow expects it, and overwrites an existing object.
   *
   * @returns the new object's ETag
   * @throws AgentError (Damaged)
   */
  async copyFile({ path, sha256 }: PackagedFile, key: string): Promise<string> {
    const from = `${this.prefix}/${filePath(path)}`;
    const found = await this.bucket.look(from);
    if (found?.sha256 !== sha256) throw damaged(from);
    return this.bucket.copy(from, found.etag, key);
  }
}

async function whole(bucket: MoveInBucket, key: string): Promise<Uint8Array> {
  const bytes = await bucket.read(key);
  if (!bytes) throw damaged(key);
  return bytes;
}

const damaged = (key: string) =>
  new AgentError(
    `the package is damaged: ${key} was changed or deleted. Imported data is consistent: import again`,
    ExitCode.Damaged,
  );
