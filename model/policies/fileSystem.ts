import type { Statement } from "./document";

export interface FileSystemPolicyArgs {
  readonly fileSystemArn: string;
  readonly accessPointArn: string;
  /** ARN of the role that mounts the file system. */
  readonly clientRoleArn: string;
}

/**
 * Returns the file system's policy: one role may mount it, through the access point, from inside the VPC, with TLS. EFS
 * rejects anonymous clients, because no statement allows them (EFS user guide, "Using IAM to control file system data
 * access").
 */
export function fileSystemPolicy({ fileSystemArn, accessPointArn, clientRoleArn }: FileSystemPolicyArgs): Statement[] {
  return [
    {
      Sid: "MountThroughAccessPoint",
      Effect: "Allow",
      Principal: { AWS: clientRoleArn },
      Action: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
      Resource: fileSystemArn,
      Condition: {
        Bool: { "elasticfilesystem:AccessedViaMountTarget": "true" },
        StringEquals: { "elasticfilesystem:AccessPointArn": accessPointArn },
      },
    },
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: { AWS: "*" },
      Action: "*",
      Resource: fileSystemArn,
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ];
}
