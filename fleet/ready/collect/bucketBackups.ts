import type { S3Client } from "@aws-sdk/client-s3";
import { backupFolder, isBackupId, MANIFEST } from "../../../formats/backup/layout";
import { parseManifest } from "../../../formats/backup/manifest";
import { BACKUP_PREFIX } from "../../../formats/bucketKeys";
import { objectsIn, textOf } from "../../drill/objects";
import { backupTime } from "../../drill/survivor";
import type { Backup } from "../evidence";

/** Maximum number of damaged objects to list by name; the others are only counted. */
const NAMED_MAX = 3;

/**
 * Finds a region's newest backup with a manifest in a bucket, and compares its objects with the manifest. It compares
 * only sizes; `agent verify` reads all objects and checks their checksums.
 */
export async function newestIn(client: S3Client, bucket: string, region: string): Promise<Backup | undefined> {
  const ids = (await folders(client, bucket, backupFolder(BACKUP_PREFIX, region))).filter(isBackupId).sort();
  for (const id of ids.reverse()) {
    const folder = backupFolder(BACKUP_PREFIX, region, id);
    const objects = await objectsIn(client, bucket, folder);
    const sizes = new Map(objects.map(({ Key, Size = 0 }) => [Key.slice(folder.length), Size]));
    // A backup without a manifest is in progress or was interrupted.
    if (sizes.has(MANIFEST))
      return { id, at: backupTime(id), amiss: amissIn(await textOf(client, bucket, `${folder}${MANIFEST}`), sizes) };
  }
  return undefined;
}

/** @param sizes bytes, by key within the backup */
function amissIn(text: string, sizes: ReadonlyMap<string, number>): string[] {
  const manifest = parseManifest(text);
  if (!manifest) return ["its manifest is damaged"];
  const amiss = manifest.objects.flatMap(({ key, size }) => {
    const found = sizes.get(key);
    if (found === undefined) return [`${key} is missing`];
    return found === size ? [] : [`${key} has ${found} bytes instead of ${size}`];
  });
  const rest = amiss.length - NAMED_MAX;
  return rest > 0 ? [...amiss.slice(0, NAMED_MAX), `and ${rest} more`] : amiss;
}

async function folders(client: S3Client, Bucket: string, Prefix: string): Promise<string[]> {
  const { paginateListObjectsV2 }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  const found: string[] = [];
  for await (const { CommonPrefixes = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix, Delimiter: "/" }))
    found.push(...CommonPrefixes.flatMap((each) => each.Prefix?.slice(Prefix.length, -1) ?? []));
  return found;
}
