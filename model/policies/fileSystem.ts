import type { Statement } from "./document";

export interface FileSystemPolicyArgs {
  readonly fileSystemArn: string;
  readonly accessPointArn: string;
  /** The role that mounts. */
  readonly clientRoleArn: string;
}

/**
 * Who may mount a file system: one role, through the access point, from inside the network, under TLS. A client without
 * credentials is nobody's, so it is refused (EFS user guide, "Using IAM to control file system data access").
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
