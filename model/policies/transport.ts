import type { Statement } from "./document";

/** Returns statements for every bucket's policy that deny everyone plain HTTP and TLS older than 1.2. */
export function secureTransport(bucketArn: string): Statement[] {
  const deny = { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: [bucketArn, `${bucketArn}/*`] } as const;
  return [
    { Sid: "DenyPlainHttp", ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } },
    { Sid: "DenyOldTls", ...deny, Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
  ];
}
