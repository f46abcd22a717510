import type * as pulumi from "@pulumi/pulumi";

/**
 * Gives every role below the components that have it the permissions boundary, so that none can forget it. The provider sets
 * it in place on a role that is there (terraform-provider-aws, internal/service/iam/role.go: PutRolePermissionsBoundary).
 */
export function boundedBy(boundaryArn: pulumi.Input<string>): pulumi.ResourceTransformation {
  return ({ type, props, opts }) =>
    type === "aws:iam/role:Role" ? { props: { ...props, permissionsBoundary: boundaryArn }, opts } : undefined;
}
