import type { Statement } from "../../model/policies/document";
import type { Rendered } from "./rendered";

/** Property of each resource type that contains its policy as text. */
const POLICY_OF: Record<string, string> = {
  "aws:ec2/vpcEndpoint:VpcEndpoint": "policy",
  "aws:efs/fileSystemPolicy:FileSystemPolicy": "policy",
  "aws:iam/policy:Policy": "policy",
  "aws:iam/role:Role": "assumeRolePolicy",
  "aws:iam/rolePolicy:RolePolicy": "policy",
  "aws:kms/key:Key": "policy",
  "aws:s3/bucketPolicy:BucketPolicy": "policy",
};

/** An IAM policy that is attached to any kind of resource. */
export interface PolicyDocument {
  /** Stack, type and name of the resource with the policy. */
  readonly who: string;
  readonly type: string;
  readonly document: { readonly Version: string; readonly Statement: readonly Statement[] };
}

/**
 * Returns every IAM policy among the resources.
 *
 * @throws Error if a policy is in a property that is not listed here, because otherwise no check would see it
 */
export function policyDocuments(resources: readonly Rendered[]): PolicyDocument[] {
  return resources.flatMap(({ stack, type, name, inputs }) => {
    const place = POLICY_OF[type];
    const unknown = Object.entries(inputs).find(
      ([key, value]) => key !== place && typeof value === "string" && value.startsWith('{"Version":"2012-10-17"'),
    );
    if (unknown) throw new Error(`${type} has a policy in ${unknown[0]}: say so in documents.ts`);
    const text = place && inputs[place];
    return text ? [{ who: `${stack} ${type} ${name}`, type, document: JSON.parse(text) }] : [];
  });
}
