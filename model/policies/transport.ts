import type { Statement } from "./document";

/** What every bucket of ours refuses, whoever asks: plain HTTP, and TLS older than 1.2. */
export function secureTransport(bucketArn: string): Statement[] {
  const deny = { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: [bucketArn, `${bucketArn}/*`] } as const;
  return [
    { Sid: "DenyPlainHttp", ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } },
    { Sid: "DenyOldTls", ...deny, Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
  ];
}
